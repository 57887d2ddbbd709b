// A window definition that is changed: what is open is finished as it began, no reading is lost or counted twice.
#include <algorithm>
#include <functional>
#include <gmock/gmock.h>
#include <map>
#include <random>

#include "pipeline/definition_bytes.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

TEST(ScopeChange, windows_that_are_final_by_the_old_scope_stay_final_by_the_new_one) {
  for (const auto& [before, before_word] : watermark_scope_words) {
    for (const auto& [after, after_word] : watermark_scope_words) {
      PipelineOptions options = one_window();
      options.sources[0].time.scope = before;
      Pipeline pipeline(options);
      read(pipeline, "a", 5);
      read(pipeline, "b", 5);
      if (before != WatermarkScope::stream) read(pipeline, "a", 100);
      read(pipeline, "b", 100);
      std::size_t finals = 0;
      for (const Row& row : tick(pipeline, 1, Fire::all).rows) finals += row.state == RowState::final;
      EXPECT_EQ(finals, 2U) << before_word;
      PipelineOptions changed = options;
      changed.sources[0].time.scope = after;
      Pipeline next(changed);
      ASSERT_FALSE(next.restore(pipeline.snapshot()));
      read(next, "a", 6);
      EXPECT_EQ(next.counters().of(ReadingOutcome::late_dropped), 1U) << before_word << " to " << after_word;
      next.raise_watermarks(Timestamp::latest());
      for (const Row& row : tick(next, 2, Fire::all).rows) {
        EXPECT_GE(row.start, at(100)) << before_word << " to " << after_word;
      }
    }
  }
}

using testing::ElementsAre;
using Change = std::function<void(WindowOptions&)>;

PipelineOptions sensors() {
  PipelineOptions options = one_window();
  options.makers.formula = [](const std::string&) { return std::make_shared<const Sum>(); };
  return options;
}

PipelineOptions changed(PipelineOptions options, const Change& change) {
  change(options.windows[0]);
  return options;
}

Pipeline after_reload(const Pipeline& before, const PipelineOptions& options) {
  Pipeline after(options);
  EXPECT_EQ(after.restore(before.snapshot(), Connections::go_on), std::nullopt);
  after.take_over_changed();
  return after;
}

void add_min(WindowOptions& window) {
  window.aggregates.push_back(Aggregate::min);
}

TEST(Handover, window_that_is_open_is_finished_with_all_its_readings_and_the_next_one_is_new) {
  Pipeline before(sensors());
  for (int i = 1; i <= 8; ++i) read(before, "a", i);
  EXPECT_THAT(lines(before, tick(before, 8)), ElementsAre("a [0,10) open r1: 8 8"));
  Pipeline after = after_reload(before, changed(sensors(), add_min));
  EXPECT_THAT(after.changed_windows(), ElementsAre("w"));
  read(after, "a", 9, 5);
  read(after, "a", 11, 7);
  EXPECT_THAT(lines(after, tick(after, 12), 3), ElementsAre("a [0,10) final r2: 9 13 nan", "a [10,20) open r1: 1 7 7"));
}

TEST(Handover, each_sensor_has_its_own_time_and_a_new_one_is_the_new_definitions) {
  Pipeline before(sensors());
  read(before, "a", 1);
  read(before, "b", 25);
  Pipeline after = after_reload(before, changed(sensors(), add_min));
  read(after, "a", 12, 3);  // behind what a holds
  read(after, "b", 12, 3);  // late for b
  read(after, "c", 3, 4);
  EXPECT_THAT(lines(after, tick(after, 30), 3), ElementsAre("a [0,10) final r1: 1 1 nan", "b [20,30) open r1: 1 1 nan",
                                                            "c [0,10) open r1: 1 4 4", "a [10,20) open r1: 1 3 3"));
  EXPECT_EQ(after.counters().of(ReadingOutcome::late_dropped), 1U);
}

TEST(Handover, first_window_of_the_new_definition_carries_in_the_last_reading_of_the_former_one) {
  PipelineOptions counter = sensors();
  counter.windows[0].aggregates = {Aggregate::count, Aggregate::increase};
  counter.windows[0].allowed_lateness = Duration::seconds(30);
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
    counter.windows[0].kind = kind;
    counter.windows[0].slide = counter.windows[0].size;
    Pipeline before(counter);
    for (const double time : {1, 8, 12}) read(before, "a", time, 100 + time);
    tick(before, 12);
    Pipeline after = after_reload(before, changed(counter, add_min));
    read(after, "a", 25, 125);
    EXPECT_THAT(lines(after, tick(after, 25), 3),
                ElementsAre("a [10,20) closed r2: 1 4 nan", "a [20,30) open r1: 1 13 125"));
    read(after, "a", 18, 118);  // late: the former definition's
    EXPECT_THAT(lines(after, tick(after, 35), 3),
                ElementsAre("a [10,20) closed r3: 2 10 nan", "a [20,30) open r2: 1 7 125"));
    read(after, "a", 95, 195);  // all of the former one is final
    tick(after, 45);
    read(after, "a", 105, 205);
    EXPECT_THAT(lines(after, tick(after, 55), 3),
                ElementsAre("a [90,100) closed r2: 1 70 195", "a [100,110) open r1: 1 10 205"));
  }
}

TEST(Handover, what_was_final_stays_final_when_more_lateness_is_allowed) {
  Pipeline before(sensors());
  for (const double time : {1, 2, 3, 12}) read(before, "a", time);
  EXPECT_THAT(lines(before, tick(before, 12)), ElementsAre("a [0,10) final r1: 3 3", "a [10,20) open r1: 1 1"));
  Pipeline after =
      after_reload(before, changed(sensors(), [](WindowOptions& w) { w.allowed_lateness = Duration::minutes(1); }));
  read(after, "a", 4);
  EXPECT_EQ(after.counters().of(ReadingOutcome::late_dropped), 1U);
  read(after, "a", 31);
  EXPECT_THAT(lines(after, tick(after, 31)), ElementsAre("a [10,20) final r2: 1 1", "a [30,40) open r1: 1 1"));
}

TEST(Handover, another_size_begins_at_its_own_boundary_and_the_former_one_fills_the_gap) {
  Pipeline before(sensors());
  read(before, "a", 1);
  Pipeline after = after_reload(before, changed(sensors(), [](WindowOptions& w) { w.size = Duration::seconds(60); }));
  for (const double time : {5, 15, 45, 59, 60, 61, 125}) read(after, "a", time);
  EXPECT_THAT(lines(after, tick(after, 125)),
              ElementsAre("a [0,10) final r1: 2 2", "a [10,20) final r1: 1 1", "a [40,50) final r1: 1 1",
                          "a [50,60) final r1: 1 1", "a [60,120) final r1: 2 2", "a [120,180) open r1: 1 1"));
}

TEST(Handover, groups_are_handed_over_together) {
  PipelineOptions options = sensors();
  options.windows[0].group_by = {"metric"};
  Pipeline before(options);
  read(before, "a", 1);
  read(before, "b", 2);
  Pipeline after = after_reload(before, changed(options, [](WindowOptions& w) { w.group_by = {"sensor"}; }));
  read(after, "a", 3);
  read(after, "a", 14);
  read(after, "b", 15);
  EXPECT_THAT(
      lines(after, tick(after, 16)),
      ElementsAre("metric=t [0,10) final r1: 3 3", "sensor=a [10,20) open r1: 1 1", "sensor=b [10,20) open r1: 1 1"));
}

TEST(Handover, session_goes_on_until_its_gap) {
  PipelineOptions options = sensors();
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(5);
  Pipeline before(options);
  read(before, "a", 1);
  Pipeline after = after_reload(before, changed(options, add_min));
  for (const double time : {4, 8, 12}) read(after, "a", time);
  read(after, "a", 30);
  EXPECT_THAT(lines(after, tick(after, 30), 3), ElementsAre("a [1,17) final r1: 4 4 nan", "a [30,35) open r1: 1 1 1"));
}

// The example of SEMANTICS.md.
TEST(Handover, late_reading_joins_the_session_of_the_former_definition_alone) {
  PipelineOptions options = sensors();
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(10);
  options.windows[0].allowed_lateness = Duration::seconds(300);
  Pipeline before(options);
  for (const double time : {0, 5}) read(before, "a", time);
  Pipeline after = after_reload(before, changed(options, add_min));
  for (const double time : {20, 15}) read(after, "a", time);
  after.raise_watermarks(at(1000));
  EXPECT_THAT(lines(after, tick(after, 30), 3), ElementsAre("a [0,25) final r1: 3 3 nan", "a [20,30) final r1: 1 1 1"));
}

TEST(Handover, running_window_counts_again_and_says_since_when) {
  PipelineOptions options = sensors();
  options.windows[0].kind = WindowKind::running;
  Pipeline before(options);
  read_at(before, 100, "a", 1);
  Pipeline after = after_reload(before, changed(options, add_min));
  EXPECT_THAT(after.forgotten_windows(), ElementsAre("w"));
  read_at(after, 101, "a", 2);
  const Emission rows = tick(after, 102);
  ASSERT_EQ(rows.rows.size(), 2U);
  EXPECT_EQ(rows.rows[0].start, at(0)) << "the total that was not emitted yet";
  EXPECT_EQ(rows.rows[0].readings, 1);
  EXPECT_EQ(rows.rows[1].start, at(100));
  EXPECT_EQ(rows.rows[1].readings, 1);
  Pipeline restored = after_reload(after, changed(options, add_min));
  read_at(restored, 103, "b", 2);
  EXPECT_EQ(tick(restored, 104, Fire::all).rows.at(0).start, at(100)) << "also after a restart";
}

TEST(Handover, derived_metric_of_an_open_window_is_computed_by_the_formula_it_began_with) {
  PipelineOptions options = sensors();
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  options.windows[0].derived = {product("power", "t", "u")};
  const auto read_pair = [](Pipeline& pipeline, double time) {
    for (const char* metric : {"t", "u"}) {
      const auto known = pipeline.series().find("a", metric);
      const SeriesId id = known ? *known : pipeline.add_series({"a", metric, {}, {}}).value();
      const Reading reading{id, at(time), 3};
      pipeline.apply({SourceId{0}, std::nullopt, std::span<const Reading>(&reading, 1)});
    }
  };
  options.makers.formula = [](const std::string&) { return std::make_shared<const Product>(); };
  Pipeline before(options);
  read_pair(before, 1);
  Pipeline after = after_reload(
      before, changed(options, [](WindowOptions& w) { w.derived[0].formula = std::make_shared<const Sum>(); }));
  read_pair(after, 2);
  read_pair(after, 12);
  read_pair(after, 22);
  std::map<double, double> power;
  const Emission emission = tick(after, 22);
  for (const Row& row : emission.rows) {
    if (after.key_of(row)->metric != "power") continue;
    power[static_cast<double>(row.start.count()) / 1e6] = emission.values[row.first_value + 1];
  }
  EXPECT_EQ(power, (std::map<double, double>{{0, 9}, {10, 6}, {20, 6}}));
}

TEST(Handover, definition_that_was_changed_twice_within_a_window_is_handed_on) {
  Pipeline before(sensors());
  read(before, "a", 1);
  Pipeline once = after_reload(before, changed(sensors(), add_min));
  read(once, "a", 2);
  const auto twice_changed = changed(sensors(), [](WindowOptions& w) {
    w.aggregates = {Aggregate::max, Aggregate::count};
  });
  Pipeline twice = after_reload(once, twice_changed);
  read(twice, "a", 3, 8);
  read(twice, "a", 13, 9);
  read(twice, "a", 25);
  EXPECT_THAT(lines(twice, tick(twice, 25)),
              ElementsAre("a [0,10) final r1: nan 3", "a [10,20) final r1: 9 1", "a [20,30) open r1: 1 1"));
}

TEST(Handover, former_definition_goes_when_it_has_finished_and_readings_are_as_cheap_as_before) {
  const PipelineOptions next = changed(sensors(), add_min);
  Pipeline before(sensors());
  read(before, "a", 1);
  Pipeline after = after_reload(before, next);
  EXPECT_NE(after.window(WindowId{0}).former(), nullptr);
  for (int i = 0; i < 6; ++i) {
    read(after, "a", 11 + 10 * i);
    tick(after, 11 + 10 * i);
  }
  EXPECT_EQ(after.window(WindowId{0}).former(), nullptr);
  Pipeline fresh(next);
  for (int i = 0; i < 6; ++i) {
    read(fresh, "a", 11 + 10 * i);
    tick(fresh, 11 + 10 * i);
  }
  EXPECT_EQ(after.snapshot().size(), fresh.snapshot().size()) << "nothing is left of it";
}

// Whenever and however often the definition is changed.
TEST(Handover, no_reading_is_lost_or_counted_twice) {
  const std::pair<const char*, Change> changes[] = {
      {"aggregate", add_min},
      {"lateness", [](WindowOptions& w) { w.allowed_lateness = Duration::seconds(7); }},
      {"deduplicate", [](WindowOptions& w) { w.deduplicate = true; }},
      {"longer", [](WindowOptions& w) { w.size = Duration::seconds(30); }},
      {"shorter", [](WindowOptions& w) { w.size = Duration::seconds(4); }},
      {"offset", [](WindowOptions& w) { w.offset = Duration::seconds(3); }},
      {"session",
       [](WindowOptions& w) {
         w.kind = WindowKind::session;
         w.gap = Duration::seconds(2);
       }},
  };
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    Pipeline pipeline(sensors());
    std::uint64_t counted = 0;
    std::string story = "seed " + std::to_string(seed);
    const auto count_final = [&](const Emission& emission) {
      for (const Row& row : emission.rows) {
        if (row.state == RowState::final) counted += static_cast<std::uint64_t>(row.readings);
      }
    };
    for (int i = 0; i < 200; ++i) {
      const double time = i + static_cast<double>(random() % 12) - 6 + static_cast<double>(i) * 1e-6;  // no duplicates
      read(pipeline, std::string(1, static_cast<char>('a' + random() % 3)), std::max(time, 0.0));
      if (random() % 5 == 0) count_final(tick(pipeline, i));
      if (random() % 25 == 0) {
        const auto& [name, change] = changes[random() % std::size(changes)];
        story += std::string(", ") + name + " at " + std::to_string(i);
        pipeline = after_reload(pipeline, changed(sensors(), change));
      }
      if (random() % 20 == 0) {  // a restart
        Pipeline again(pipeline.options());
        ASSERT_EQ(again.restore(pipeline.snapshot(), Connections::go_on), std::nullopt) << story;
        ASSERT_EQ(again.snapshot() == pipeline.snapshot(), true) << story;
        pipeline = std::move(again);
      }
    }
    const Counters counters = pipeline.counters();
    const std::uint64_t accepted = counters.of(ReadingOutcome::on_time) + counters.of(ReadingOutcome::late_accepted);
    pipeline.raise_watermarks(at(1e6));
    count_final(tick(pipeline, 300, Fire::all));
    count_final(tick(pipeline, 301, Fire::all));
    ASSERT_EQ(counted, accepted) << story;
  }
}

// By sensor and start, the readings of final rows; the definition is changed at the inputs in `changes`.
std::map<std::pair<std::string, double>, double> final_counts(std::uint64_t seed, PipelineOptions options,
                                                              std::size_t changes) {
  std::map<std::pair<std::string, double>, double> counts;
  std::mt19937_64 random(seed);
  Pipeline pipeline(options);
  const auto note = [&](const Emission& emission) {
    for (const Row& row : emission.rows) {
      if (row.state != RowState::final) continue;
      const auto key = std::pair(pipeline.key_of(row)->sensor, static_cast<double>(row.start.count()) / 1e6);
      EXPECT_TRUE(counts.try_emplace(key, row.readings).second) << "twice: " << key.first << ' ' << key.second;
    }
  };
  for (std::size_t i = 0; i < 200; ++i) {
    const double time = static_cast<double>(i) + static_cast<double>(random() % 30) - 15;
    read(pipeline, std::string(1, static_cast<char>('a' + random() % 3)), std::max(time, 0.0));
    if (random() % 5 == 0) note(tick(pipeline, static_cast<double>(i)));
    if (changes == 0 || i % (200 / changes) != seed % (200 / changes)) continue;
    std::reverse(options.windows[0].aggregates.begin(), options.windows[0].aggregates.end());
    pipeline = after_reload(pipeline, options);
  }
  pipeline.raise_watermarks(at(1e6));
  note(tick(pipeline, 300, Fire::all));
  note(tick(pipeline, 310, Fire::all));
  return counts;
}

TEST(Handover, windows_are_as_they_would_be_without_the_change) {
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      PipelineOptions options = sensors();
      options.windows[0].kind = kind;
      options.windows[0].slide = Duration::seconds(5);
      options.windows[0].allowed_lateness = Duration::seconds(seed % 3 * 6);
      ASSERT_EQ(final_counts(seed, options, 1 + seed % 8), final_counts(seed, options, 0)) << seed;
    }
  }
}

TEST(Handover, damaged_definitions_never_crash) {
  Pipeline before(sensors());
  read(before, "a", 1);
  const std::string bytes = before.snapshot();
  const PipelineOptions next = changed(sensors(), add_min);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {0xff, 0x01, 0x80}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      Pipeline pipeline(next);
      if (pipeline.restore(damaged)) continue;
      pipeline.take_over_changed();
      read(pipeline, "a", 12);
      tick(pipeline, 1000);
    }
  }
}

TEST(Handover, definition_is_the_same_after_a_way_through_bytes) {
  WindowOptions window;
  window.name = "everything";
  window.kind = WindowKind::sliding;
  window.size = Duration::seconds(30);
  window.slide = Duration::seconds(10);
  window.match.sensor = {"a*"};
  window.match.labels = {{"room", {"x", "y"}}};
  window.match.max = 7;
  window.group_by = {"room"};
  window.aggregates = {Aggregate::percentile(99.5), Aggregate::count};
  window.top = TopOptions{3, Aggregate::count};
  window.derived = {product("p", "t", "u")};
  std::string bytes, again;
  ByteWriter out(bytes);
  save_definition(out, window);
  ByteReader in(bytes);
  const auto loaded = load_definition(in, {[](const std::string&) { return std::make_shared<const Product>(); }, {}});
  ASSERT_TRUE(loaded.has_value());
  ByteWriter out_again(again);
  save_definition(out_again, *loaded);
  EXPECT_EQ(again, bytes);
}

}  // namespace
}  // namespace edgetide::test
