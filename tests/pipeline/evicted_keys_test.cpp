// Final windows stay final when their series was evicted for room and returns. Times in seconds.
#include "pipeline/evicted_keys.h"

#include <gmock/gmock.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

TEST(EvictedKeys, one_that_returns_finds_what_it_had_reached_and_is_then_no_longer_remembered) {
  EvictedKeys keys(10);
  keys.remember("a", "t", at(5));
  keys.remember("b", "t", at(7));
  keys.remember("b", "t", at(6));
  EXPECT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys.recall("a", "u"), Timestamp::earliest());
  EXPECT_EQ(keys.recall("b", "t"), at(7));
  EXPECT_EQ(keys.recall("b", "t"), Timestamp::earliest());
  EXPECT_EQ(keys.recall("a", "t"), at(5));
  EXPECT_EQ(keys.size(), 0U);
}

TEST(EvictedKeys, beyond_the_limit_the_earliest_quarter_becomes_one_floor_for_all_that_are_not_known) {
  EvictedKeys keys(8);
  for (int i = 0; i < 9; ++i) keys.remember("s" + std::to_string(i), "t", at(10 * i));
  EXPECT_EQ(keys.floor(), at(20));  // of s0, s1 and s2
  EXPECT_EQ(keys.size(), 6U);
  EXPECT_EQ(keys.recall("s1", "t"), at(20));
  EXPECT_EQ(keys.recall("new", "t"), at(20));
  EXPECT_EQ(keys.recall("s8", "t"), at(80));
  keys.remember("old", "t", at(15));  // the floor implies it
  EXPECT_EQ(keys.size(), 5U);
}

TEST(EvictedKeys, cost_16_bytes_each_and_are_the_same_again_from_their_bytes) {
  EvictedKeys keys(1'000'000);
  for (int i = 0; i < 4096; ++i) keys.remember("s" + std::to_string(i), "t", at(i));
  EXPECT_LE(keys.memory_bytes(), 2 * 16 * keys.size());
  std::string bytes, again;
  ByteWriter out(bytes);
  keys.save(out);
  EXPECT_EQ(bytes.size(), 12 + 16 * keys.size());
  EvictedKeys restored(1'000'000), small(100);
  ByteReader in(bytes), in_again(bytes);
  restored.load(in);
  ASSERT_TRUE(in.ok() && in.at_end());
  ByteWriter out_again(again);
  restored.save(out_again);
  EXPECT_EQ(again, bytes);
  small.load(in_again);
  EXPECT_LE(small.size(), 100U);
  EXPECT_EQ(small.recall("s0", "t"), small.floor());
}

PipelineOptions crowded() {
  PipelineOptions options = one_window();
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  return options;
}

void restart(Pipeline& pipeline, const PipelineOptions& options) {
  const std::string bytes = pipeline.snapshot();
  pipeline = Pipeline(options);
  ASSERT_EQ(pipeline.restore(bytes), std::nullopt);
  pipeline.connected(SourceId{0}, *pipeline.now());
}

// "a" has ten readings in [0,10), is evicted for "c", and returns with one reading of [0,10), one of [20,30), and one
// of now. Of each kind of window: the rows after its return.
TEST(Eviction, series_that_returns_makes_no_final_window_again) {
  const struct {
    const char* what;
    void (*change)(WindowOptions&);
    std::vector<std::string> rows;
  } cases[] = {
      {"tumbling", [](WindowOptions&) {}, {"a [20,30) final r1: 1 1", "a [300,310) open r1: 1 1"}},
      {"tumbling, with lateness",
       [](WindowOptions& w) { w.allowed_lateness = Duration::seconds(15); },
       {"a [20,30) final r1: 1 1", "a [300,310) open r1: 1 1"}},
      {"sliding",
       [](WindowOptions& w) {
         w.kind = WindowKind::sliding;
         w.slide = Duration::seconds(5);
       },
       {"a [15,25) final r1: 1 1", "a [20,30) final r1: 1 1", "a [295,305) open r1: 1 1", "a [300,310) open r1: 1 1"}},
      {"session",
       [](WindowOptions& w) {
         w.kind = WindowKind::session;
         w.gap = Duration::seconds(5);
       },
       {"a [20,25) final r1: 1 1", "a [300,305) open r1: 1 1"}},
      {"a group of one",
       [](WindowOptions& w) { w.group_by = {"sensor"}; },
       {"sensor=a [20,30) final r1: 1 1", "sensor=a [300,310) open r1: 1 1"}},
  };
  for (const auto& c : cases) {
    for (const bool restarts : {false, true}) {
      PipelineOptions options = crowded();
      c.change(options.windows[0]);
      Pipeline pipeline(options);
      pipeline.connected(SourceId{0}, moment(0));
      for (int i = 0; i < 10; ++i) read_at(pipeline, i, "a", i);
      read_at(pipeline, 10, "b", 10);
      for (const double now : {100, 160, 161}) {
        read_at(pipeline, now, "b", now);
        tick(pipeline, now, Fire::all);
      }
      ASSERT_TRUE(pipeline.add_series({"c", "t", {}, {}})) << c.what;
      ASSERT_FALSE(pipeline.series().find("a", "t")) << c.what;
      if (restarts) restart(pipeline, options);
      for (const double now : {230, 290, 291}) {
        read_at(pipeline, now, "b", now);
        tick(pipeline, now, Fire::all);
      }
      read_at(pipeline, 300, "a", 3);
      read_at(pipeline, 300, "a", 20);
      read_at(pipeline, 300, "a", 300);
      if (restarts) restart(pipeline, options);
      EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 1U) << c.what;
      std::vector<std::string> rows;
      for (const std::string& row : lines(pipeline, tick(pipeline, 300, Fire::all))) {
        if (row.starts_with("a ") || row.starts_with("sensor=a ")) rows.push_back(row);
      }
      EXPECT_EQ(rows, c.rows) << c.what;
    }
  }
}

TEST(Eviction, what_is_remembered_counts_as_memory) {
  PipelineOptions options = crowded();
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 0, "a", 0);
  read_at(pipeline, 0, "b", 0);
  for (const double now : {100, 101}) tick(pipeline, now, Fire::all);
  EXPECT_EQ(pipeline.evicted().memory_bytes(), 0U);
  ASSERT_TRUE(pipeline.add_series({"c", "t", {}, {}}));
  EXPECT_EQ(pipeline.evicted().size(), 1U);
  EXPECT_GT(pipeline.evicted().memory_bytes(), 0U);
}

}  // namespace
}  // namespace edgetide::test
