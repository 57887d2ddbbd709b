// What came before a window counts in it: counters add up over windows, and a value holds until the next one. Small
// cases that a reader can check by hand.
#include <gmock/gmock.h>
#include <limits>
#include <numeric>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PipelineOptions windows_with(std::vector<Aggregate> aggregates) {
  PipelineOptions options = one_window();
  options.windows[0].aggregates = std::move(aggregates);
  return options;
}

void read_all(Pipeline& pipeline, const std::vector<std::pair<double, double>>& readings) {
  for (const auto& [time, value] : readings) read(pipeline, "a", time, value);
}

// Closes the last window and gives all rows that leave then.
std::vector<std::string> final_lines(Pipeline& pipeline, std::size_t columns) {
  pipeline.raise_watermarks(at(1e6));
  return lines(pipeline, tick(pipeline, 1e6, Fire::all), columns);
}

TEST(CounterTrack, noise_spikes_and_resets_are_counted_apart) {
  const struct {
    const char* what;
    std::vector<double> readings;
    double reset_below, wanted;
  } cases[] = {
      {"it grows", {10, 12, 15}, 0.5, 5},
      {"the last digit flickers down: the higher reading stays the base", {100, 99, 100, 101}, 0.5, 1},
      {"and for long", {100, 99, 98, 99, 97, 100, 102}, 0.5, 2},
      {"it starts again from zero", {90, 100, 4, 10}, 0.5, 10 + 4 + 6},
      {"one zero while the device boots", {100, 0, 101}, 0.5, 1},
      {"one zero, and nothing was added", {100, 0, 100}, 0.5, 0},
      {"one low reading that is not zero", {1000, 3, 1004}, 0.5, 4},
      {"two zeros are a reset", {100, 0, 0, 101}, 0.5, 101},
      {"a zero and a lower reading are a reset", {100, 0, 99, 101}, 0.5, 101},
      {"a zero after a flicker", {100, 99, 0, 99, 101}, 0.5, 1},
      {"two resets", {100, 4, 1, 3}, 0.5, 4 + 1 + 2},
      {"a low last reading waits for the next", {100, 4}, 0.5, 0},
      {"a fall that is not low adds nothing until it is passed", {100, 60, 80, 110}, 0.5, 10},
      {"every fall is low", {100, 60, 80, 110}, 1, 60 + 20 + 30},
      {"no fall is low", {100, 0, 0, 110}, 0, 10},
      {"a small counter at the share itself", {4, 2, 3, 5}, 0.5, 1},
      {"below zero", {-10, -12, -9, -16, -16, -15}, 0.5, 1 + 0 + 1},
      {"zero stays zero", {0, 0, 0, 1}, 0.5, 1},
  };
  for (const auto& c : cases) {
    CounterTrack counter;
    double sum = 0;
    for (const double value : c.readings) sum += counter.step(value, c.reset_below);
    EXPECT_EQ(sum, c.wanted) << c.what;
  }
}

TEST(CarryIn, counter_that_grows_by_one_every_half_minute_adds_up_over_its_windows) {
  PipelineOptions options = windows_with({Aggregate::count, Aggregate::increase, Aggregate::delta, Aggregate::rate});
  options.windows[0].size = Duration::minutes(1);
  Pipeline pipeline(options);
  for (int i = 0; i < 8; ++i) read(pipeline, "a", 30 * i, 500 + i);
  EXPECT_THAT(final_lines(pipeline, 4),
              ElementsAre("a [0,60) final r1: 2 1 1 0.033333",  // starts at its first reading
                          "a [60,120) final r1: 2 2 2 0.033333", "a [120,180) final r1: 2 2 2 0.033333",
                          "a [180,240) final r1: 2 2 2 0.033333"));
}

TEST(CarryIn, one_reading_per_window_is_enough) {
  Pipeline pipeline(windows_with({Aggregate::increase, Aggregate::delta, Aggregate::rate}));
  read_all(pipeline, {{5, 100}, {15, 103}, {45, 112}});  // nothing in [20, 40)
  EXPECT_THAT(final_lines(pipeline, 3), ElementsAre("a [0,10) final r1: nan 0 nan", "a [10,20) final r1: 3 3 0.3",
                                                    "a [40,50) final r1: 9 9 0.3"));
}

TEST(CarryIn, low_reading_at_the_end_of_a_window_counts_in_the_window_of_the_reading_that_judges_it) {
  Pipeline resets(windows_with({Aggregate::increase}));
  read_all(resets, {{1, 100}, {9, 4}, {11, 6}});
  EXPECT_THAT(final_lines(resets, 1), ElementsAre("a [0,10) final r1: 0", "a [10,20) final r1: 6"));
  Pipeline boots(windows_with({Aggregate::increase}));
  read_all(boots, {{1, 100}, {9, 0}, {11, 101}});
  EXPECT_THAT(final_lines(boots, 1), ElementsAre("a [0,10) final r1: 0", "a [10,20) final r1: 1"));
  Pipeline flickers(windows_with({Aggregate::increase}));
  read_all(flickers, {{1, 100}, {9, 99}, {11, 100}, {12, 101}});
  EXPECT_THAT(final_lines(flickers, 1), ElementsAre("a [0,10) final r1: 0", "a [10,20) final r1: 1"));
}

TEST(CarryIn, counter_below_zero_has_no_increase_until_it_is_above_again) {
  Pipeline pipeline(windows_with({Aggregate::increase}));
  read_all(pipeline, {{1, 5}, {4, 8}, {12, -1}, {22, 3}, {32, 4}});
  EXPECT_THAT(final_lines(pipeline, 1), ElementsAre("a [0,10) final r1: 3", "a [10,20) final r1: nan",
                                                    "a [20,30) final r1: nan", "a [30,40) final r1: 1"));
}

TEST(CarryIn, value_before_the_window_holds_from_its_start) {
  // A thermostat that publishes on change: 10 at 07:58, 70 at 08:45.
  PipelineOptions options = windows_with({Aggregate::count, Aggregate::time_weighted_avg});
  options.windows[0].size = Duration::hours(1);
  Pipeline pipeline(options);
  read_all(pipeline, {{7 * 3600 + 58 * 60, 10}, {8 * 3600 + 45 * 60, 70}});
  EXPECT_THAT(final_lines(pipeline, 2), ElementsAre("a [25200,28800) final r1: 1 10",  // from its first reading on
                                                    "a [28800,32400) final r1: 1 25"));
}

TEST(CarryIn, value_holds_no_longer_than_hold_and_the_rest_does_not_count) {
  const struct {
    const char* what;
    double hold;
    std::vector<std::pair<double, double>> readings;
    double wanted;  // of [10, 20)
  } cases[] = {
      {"no bound", 1e9, {{2, 10}, {15, 30}}, 20},
      {"held up to 14", 12, {{2, 10}, {15, 30}}, (4 * 10 + 5 * 30) / 9.0},
      {"held up to the start", 8, {{2, 10}, {15, 30}}, 30},
      {"the reading in the window too", 4, {{2, 10}, {12, 30}, {18, 60}}, (4 * 30 + 2 * 60) / 6.0},
      {"a reading at the start replaces it", 1e9, {{2, 10}, {10, 30}}, 30},
      {"only the newest before it holds", 1e9, {{2, 10}, {8, 40}, {15, 30}}, 35},
  };
  for (const auto& c : cases) {
    PipelineOptions options = windows_with({Aggregate::time_weighted_avg});
    options.windows[0].hold = Duration::microseconds(static_cast<std::int64_t>(c.hold * 1e6));
    Pipeline pipeline(options);
    read_all(pipeline, c.readings);
    pipeline.raise_watermarks(at(1000));
    const Emission rows = tick(pipeline, 1000, Fire::all);
    ASSERT_EQ(rows.values.size(), 2U) << c.what;
    EXPECT_DOUBLE_EQ(rows.values[1], c.wanted) << c.what;
  }
}

TEST(CarryIn, late_correction_of_the_reading_before_revises_the_next_row) {
  PipelineOptions options = windows_with({Aggregate::count, Aggregate::increase, Aggregate::time_weighted_avg});
  options.windows[0].allowed_lateness = Duration::seconds(100);
  Pipeline pipeline(options);
  read_all(pipeline, {{1, 100}, {11, 110}, {21, 120}});
  EXPECT_THAT(
      lines(pipeline, tick(pipeline, 1), 3),
      ElementsAre("a [0,10) closed r1: 1 nan 100", "a [10,20) closed r1: 1 10 109", "a [20,30) open r1: 1 10 119"));
  read(pipeline, "a", 5, 106);  // late, and the last one before 10
  EXPECT_THAT(lines(pipeline, tick(pipeline, 20), 3),
              ElementsAre("a [0,10) closed r2: 2 6 103.333333", "a [10,20) closed r2: 1 4 109.6"));
  read(pipeline, "a", 3, 102);  // late, and not the last one
  EXPECT_THAT(lines(pipeline, tick(pipeline, 40), 3), ElementsAre("a [0,10) closed r3: 3 6 103.777778"));
}

TEST(CarryIn, reading_before_is_kept_after_its_window_is_final_and_across_a_restart) {
  const PipelineOptions options = windows_with({Aggregate::increase});
  Pipeline first(options);
  read_all(first, {{1, 100}, {5, 104}, {11, 107}});
  EXPECT_THAT(lines(first, tick(first, 1), 1), ElementsAre("a [0,10) final r1: 4", "a [10,20) open r1: 3"));
  read(first, "a", 3000, 107);  // [10, 20) is final
  tick(first, 20);
  Pipeline second(options);
  ASSERT_EQ(second.restore(first.snapshot()), std::nullopt);
  read(second, "a", 3011, 110);
  EXPECT_THAT(final_lines(second, 1), ElementsAre("a [3000,3010) final r2: 0", "a [3010,3020) final r1: 3"));
}

TEST(CarryIn, sliding_windows_carry_in_the_reading_before_each) {
  PipelineOptions options = windows_with({Aggregate::count, Aggregate::increase, Aggregate::time_weighted_avg});
  options.windows[0].kind = WindowKind::sliding;
  options.windows[0].slide = Duration::seconds(5);
  Pipeline pipeline(options);
  read_all(pipeline, {{2, 100}, {7, 110}, {12, 130}});
  EXPECT_THAT(final_lines(pipeline, 3), ElementsAre("a [-5,5) final r1: 1 nan 100", "a [0,10) final r1: 2 10 103.75",
                                                    "a [5,15) final r1: 2 30 114", "a [10,20) final r1: 1 20 126"));
}

TEST(CarryIn, sessions_and_running_windows_carry_nothing_in) {
  for (const WindowKind kind : {WindowKind::session, WindowKind::running}) {
    PipelineOptions options = windows_with({Aggregate::count, Aggregate::increase});
    options.windows[0].kind = kind;
    options.windows[0].gap = Duration::seconds(5);
    Pipeline pipeline(options);
    read_all(pipeline, {{1, 100}, {21, 110}});
    const auto rows = final_lines(pipeline, 2);
    if (kind == WindowKind::session) {
      EXPECT_THAT(rows, ElementsAre("a [1,6) final r1: 1 nan", "a [21,26) final r1: 1 nan"));
    } else {
      ASSERT_EQ(rows.size(), 1U);
      EXPECT_THAT(rows[0], testing::EndsWith(": 2 10"));
    }
  }
}

TEST(CarryIn, a_group_carries_in_its_own_last_reading) {
  PipelineOptions options = windows_with({Aggregate::count, Aggregate::delta});
  options.windows[0].group_by = {"sensor"};
  Pipeline pipeline(options);
  read(pipeline, "a", 1, 100);
  read(pipeline, "b", 2, 1);
  read(pipeline, "a", 11, 103);
  read(pipeline, "b", 12, 2);
  EXPECT_THAT(final_lines(pipeline, 2),
              ElementsAre("sensor=a [0,10) final r1: 1 0", "sensor=b [0,10) final r1: 1 0",
                          "sensor=a [10,20) final r1: 1 3", "sensor=b [10,20) final r1: 1 1"));
}

TEST(CarryIn, evicted_series_starts_again_at_its_first_reading) {
  PipelineOptions options = windows_with({Aggregate::increase});
  options.max_series = 1;
  options.sources[0].time.idle_timeout = Duration::seconds(1);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 1, "a", 1, 100);
  tick(pipeline, 100);
  tick(pipeline, 110);
  ASSERT_TRUE(pipeline.add_series({"b", "t", {}, {}}));  // in the place of a
  read_at(pipeline, 111, "b", 111, 5);
  tick(pipeline, 200);
  tick(pipeline, 210);
  read_at(pipeline, 211, "a", 211, 102);  // in the place of b
  EXPECT_THAT(lines(pipeline, tick(pipeline, 300), 1), ElementsAre("a [210,220) final r1: nan"));
}

TEST(CarryIn, states_of_a_door_contact_last_over_the_windows_and_change_where_they_change) {
  PipelineOptions options =
      windows_with({Aggregate::count, Aggregate::changes, Aggregate::duration(1), Aggregate::duration(0)});
  options.windows[0].emit_empty = true;
  options.windows[0].fill = Fill::last;
  Pipeline pipeline(options);
  read_all(pipeline, {{4, 1}, {7, 0}, {8, 1}, {31, 1}, {36, 0}, {40, 0}, {51, 0}});
  EXPECT_THAT(
      lines(pipeline, tick(pipeline, 1), 4),
      ElementsAre("a [0,10) final r1: 3 2 5 1", "a [10,20) final r1: 0 0 10 0", "a [20,30) final r1: 0 0 10 0",
                  "a [30,40) final r1: 2 1 6 4", "a [40,50) final r1: 1 0 0 10", "a [50,60) open r1: 1 0 0 10"));
}

TEST(CarryIn, event_times_at_both_ends_of_time_never_meet_in_one_window) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
    for (const double offset : {0.0, 3.0, -3.0, 9.999999}) {
      for (const bool oldest_first : {true, false}) {
        PipelineOptions options = windows_with({Aggregate::count});
        options.windows[0].kind = kind;
        options.windows[0].slide = options.windows[0].size;
        options.windows[0].offset = at(offset) - Timestamp();
        options.windows[0].allowed_lateness = options.sources[0].time.max_out_of_orderness = Duration::unlimited();
        Pipeline pipeline(options);
        const std::vector<std::int64_t> times = {least + 2,         least + 3, least + 20'000'000,
                                                 most - 20'000'000, most - 1,  most};
        for (std::size_t i = 0; i < times.size(); ++i) {
          const Timestamp time = Timestamp::microseconds(times[oldest_first ? i : times.size() - 1 - i]);
          const Reading reading{series_of(pipeline, "a"), time, 1};
          pipeline.apply({SourceId{0}, std::nullopt, std::span(&reading, 1)});
        }
        std::vector<double> counts;
        for (const Row& row : tick(pipeline, 1, Fire::all).rows) {
          counts.push_back(row.readings);
          EXPECT_LT(row.start, row.end);
          EXPECT_LE((row.end - row.start).count(), options.windows[0].size.count());
        }
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0.0), 6) << offset;
        EXPECT_GE(counts.size(), 4U) << offset;
      }
    }
  }
}

TEST(Fill, empty_rows_carry_the_value_before_them_as_long_as_it_holds) {
  PipelineOptions options = windows_with({Aggregate::count, Aggregate::last, Aggregate::avg, Aggregate::sum,
                                          Aggregate::time_weighted_avg, Aggregate::median, Aggregate::increase});
  options.windows[0].emit_empty = true;
  for (const Fill fill : {Fill::none, Fill::last}) {
    options.windows[0].fill = fill;
    options.windows[0].hold = Duration::seconds(25);
    Pipeline pipeline(options);
    read_all(pipeline, {{1, 3}, {2, 7}, {51, 8}});
    const std::vector<std::string> rows = lines(pipeline, tick(pipeline, 1), 7);
    const std::string filled = fill == Fill::last ? " 0 7 7 nan 7 7 nan" : " 0 nan nan nan nan nan nan";
    const std::string nothing = " 0 nan nan nan nan nan nan";
    EXPECT_THAT(rows, ElementsAre("a [0,10) final r1: 2 7 5 10 6.555556 5 4", "a [10,20) final r1:" + filled,
                                  "a [20,30) final r1:" + filled, "a [30,40) final r1:" + nothing,
                                  "a [40,50) final r1:" + nothing, "a [50,60) open r1: 1 8 8 8 8 8 1"));
  }
}

TEST(Fill, reading_before_is_found_also_when_its_window_is_not_final_and_after_a_restart) {
  PipelineOptions options = windows_with({Aggregate::count, Aggregate::last});
  options.windows[0].emit_empty = true;
  options.windows[0].fill = Fill::last;
  options.windows[0].allowed_lateness = Duration::seconds(30);
  Pipeline first(options);
  read_all(first, {{1, 3}, {31, 8}});
  EXPECT_THAT(lines(first, tick(first, 1)), ElementsAre("a [0,10) closed r1: 1 3", "a [10,20) closed r1: 0 3",
                                                        "a [20,30) closed r1: 0 3", "a [30,40) open r1: 1 8"));
  Pipeline second(options);
  ASSERT_EQ(second.restore(first.snapshot()), std::nullopt);
  read(second, "a", 5, 4);
  read(second, "a", 55, 9);  // watermark 55: [10, 20) is final
  EXPECT_THAT(lines(second, tick(second, 20)),
              ElementsAre("a [0,10) final r2: 2 4", "a [10,20) final r2: 0 4", "a [30,40) closed r2: 1 8",
                          "a [40,50) closed r1: 0 8", "a [50,60) open r1: 1 9"));
}

}  // namespace
}  // namespace edgetide::test
