// Watermarks of several sources wait for one that has not reported yet, and the watermark of a stream for nothing.
// Times in seconds.
#include <gmock/gmock.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Sources "s" and "t" with scope global and an idle_timeout of a minute, windows of 10 s.
PipelineOptions two_sources(WatermarkScope scope = WatermarkScope::global) {
  PipelineOptions options = one_window();
  options.sources[0].time.scope = scope;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  options.sources.push_back(options.sources[0]);
  options.sources[1].name = "t";
  options.windows[0].inputs = {SourceId{0}, SourceId{1}};
  return options;
}

void read_from(Pipeline& pipeline, std::uint32_t source, double now, const std::string& sensor, double time) {
  const Reading reading{series_of(pipeline, sensor), at(time), 1};
  pipeline.apply({SourceId{source}, moment(now), std::span<const Reading>(&reading, 1)});
}

TEST(AwaitedSource, that_starts_five_minutes_behind_loses_no_reading) {
  for (const bool grouped : {false, true}) {
    PipelineOptions options = two_sources(grouped ? WatermarkScope::sensor : WatermarkScope::global);
    if (grouped) options.windows[0].group_by = {"metric"};
    Pipeline pipeline(options);
    for (const std::uint32_t source : {0U, 1U}) pipeline.connected(SourceId{source}, moment(300));
    for (int i = 0; i < 30; ++i) read_from(pipeline, 0, 300 + i, "a", 300 + i);
    EXPECT_TRUE(pipeline.is_awaited(SourceId{1}));
    for (int i = 0; i < 30; ++i) read_from(pipeline, 1, 330 + i, "b", i);
    EXPECT_FALSE(pipeline.is_awaited(SourceId{1}));
    EXPECT_EQ(pipeline.counters(SourceId{1}).of(ReadingOutcome::on_time), 30U);
    EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 60U);
  }
}

TEST(AwaitedSource, is_waited_for_until_it_was_listened_to_for_idle_timeout_and_is_not_while_it_is_away) {
  PipelineOptions options = two_sources();
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  const auto rows_at = [&](double now) {
    read_from(pipeline, 0, now, "a", now);
    return lines(pipeline, tick(pipeline, now, Fire::all)).front();
  };
  read_from(pipeline, 0, 1, "a", 1);
  EXPECT_EQ(rows_at(500), "a [0,10) open r1: 1 1") << "never connected";
  pipeline.connected(SourceId{1}, moment(500));
  EXPECT_EQ(rows_at(540), "a [540,550) open r1: 1 1");
  pipeline.disconnected(SourceId{1}, moment(540));
  EXPECT_EQ(rows_at(640), "a [640,650) open r1: 1 1") << "listened to for 40 s";
  const std::string bytes = pipeline.snapshot();
  pipeline = Pipeline(options);
  ASSERT_EQ(pipeline.restore(bytes), std::nullopt);
  for (const std::uint32_t source : {0U, 1U}) pipeline.connected(SourceId{source}, moment(700));
  EXPECT_EQ(rows_at(719), "a [710,720) open r1: 1 1") << "for 59 s";
  EXPECT_TRUE(pipeline.is_awaited(SourceId{1}));
  EXPECT_EQ(rows_at(720), "a [0,10) final r2: 1 1") << "for a minute";
  EXPECT_FALSE(pipeline.is_awaited(SourceId{1}));
}

TEST(AwaitedSource, that_feeds_no_other_window_is_not_waited_for_by_groups) {
  PipelineOptions options = two_sources(WatermarkScope::sensor);
  options.windows[0].group_by = {"metric"};
  options.windows[0].inputs = {SourceId{0}};
  Pipeline pipeline(options);
  read_from(pipeline, 0, 1, "a", 1);
  read_from(pipeline, 0, 30, "a", 30);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 30)),
              ElementsAre("metric=t [0,10) final r1: 1 1", "metric=t [30,40) open r1: 1 1"));
  EXPECT_FALSE(pipeline.is_awaited(SourceId{1}));
}

// Words, with a max_out_of_orderness of 5 s. By hand: the newest reading is at 21, so the watermark of every
// word is 16.
TEST(StreamScope, newest_reading_of_the_source_closes_the_windows_of_every_key) {
  PipelineOptions options = one_window();
  options.sources[0].time.scope = WatermarkScope::stream;
  options.sources[0].time.max_out_of_orderness = Duration::seconds(5);
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 1, "apple", 1);
  read_at(pipeline, 2, "pear", 12);
  read_at(pipeline, 3, "apple", 9);  // 12 - 5 = 7: [0,10) is open
  read_at(pipeline, 4, "plum", 21);
  read_at(pipeline, 5, "apple", 8);  // 16
  read_at(pipeline, 6, "melon", 9);  // 16, whatever the word
  read_at(pipeline, 7, "melon", 15);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 2U);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 5U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 10)),
              ElementsAre("apple [0,10) final r1: 2 2", "melon [10,20) open r1: 1 1", "pear [10,20) open r1: 1 1",
                          "plum [20,30) open r1: 1 1"));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 66, Fire::all)), IsEmpty());
  // All are idle: 60 s and more after the reading at 21, which arrived at 4; that at 15 arrived at 7.
  EXPECT_THAT(lines(pipeline, tick(pipeline, 67, Fire::all)),
              ElementsAre("melon [10,20) final r2: 1 1", "pear [10,20) final r2: 1 1", "plum [20,30) final r2: 1 1"));
}

}  // namespace
}  // namespace edgetide::test
