#include "pipeline/pipeline.h"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Pipeline, reading_at_the_end_of_a_window_belongs_to_the_next) {
  Pipeline pipeline(one_window());
  read(pipeline, "a", 9.999999);
  read(pipeline, "a", 10);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 100)), ElementsAre("a [0,10) final r1: 1 1", "a [10,20) open r1: 1 1"));
}

TEST(Pipeline, windows_start_at_multiples_of_size_plus_offset_also_before_1970) {
  struct Case {
    double time, size, offset, start;
  };
  const Case cases[] = {
      {0, 10, 0, 0},  {-0.000001, 10, 0, -10}, {-10, 10, 0, -10},          {-10.5, 10, 0, -20},
      {3, 10, 3, 3},  {2.9, 10, 3, -7},        {12.9, 10, 3, 3},           {5, 10, -3, -3},
      {7, 10, -3, 7}, {0.75, 0.5, 0, 0.5},     {86399, 86400, 3600, 3600}, {3599, 86400, 3600, 3600 - 86400},
  };
  for (const Case& c : cases) {
    PipelineOptions options = one_window();
    options.windows[0].size = at(c.size) - Timestamp();
    options.windows[0].offset = at(c.offset) - Timestamp();
    Pipeline pipeline(options);
    read(pipeline, "a", c.time);
    const Emission rows = tick(pipeline, 0);
    ASSERT_EQ(rows.rows.size(), 1U);
    EXPECT_EQ(rows.rows[0].start, at(c.start)) << "time " << c.time << " size " << c.size << " offset " << c.offset;
  }
}

TEST(Pipeline, late_reading_within_lateness_corrects_a_closed_window_with_a_new_revision) {
  PipelineOptions options = one_window();
  options.windows[0].allowed_lateness = Duration::seconds(5);
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  read(pipeline, "a", 12);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 0)), ElementsAre("a [0,10) closed r1: 1 1", "a [10,20) open r1: 1 1"));
  read(pipeline, "a", 2);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 10)), ElementsAre("a [0,10) closed r2: 2 2"));
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_accepted), 1U);
}

TEST(Pipeline, late_reading_beyond_lateness_is_counted_and_changes_no_window) {
  PipelineOptions options = one_window();
  options.windows[0].allowed_lateness = Duration::seconds(5);
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  read(pipeline, "a", 15);  // end 10 + lateness 5 <= 15
  read(pipeline, "a", 2);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 1U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 0)), ElementsAre("a [0,10) final r1: 1 1", "a [10,20) open r1: 1 1"));
  read(pipeline, "a", 3);  // the window has left as final and is not created again
  EXPECT_THAT(lines(pipeline, tick(pipeline, 10)), IsEmpty());
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 2U);
}

TEST(Pipeline, watermark_trails_by_max_out_of_orderness_and_moves_within_a_batch) {
  PipelineOptions options = one_window();
  options.sources[0].time.max_out_of_orderness = Duration::seconds(3);
  Pipeline pipeline(options);
  const SeriesId a = series_of(pipeline, "a");
  const Reading batch[] = {{a, at(1), 1}, {a, at(12.999999), 1}, {a, at(2), 1}, {a, at(13), 1}, {a, at(3), 1}};
  pipeline.apply({SourceId{0}, std::nullopt, batch});
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 4U);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 1U);
  EXPECT_EQ(pipeline.watermarks()[0], at(10));
}

TEST(Pipeline, fast_sensor_leaves_every_other_sensor_alone) {
  Pipeline pipeline(one_window());
  read(pipeline, "fast", 100000);
  read(pipeline, "slow", 1);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 2U);
}

TEST(Pipeline, outcome_is_the_best_of_all_windows) {
  PipelineOptions options = one_window();
  options.windows.push_back(options.windows[0]);
  options.windows[1].size = Duration::seconds(100);
  options.windows[1].name = "x";
  Pipeline pipeline(options);
  read(pipeline, "a", 50);
  read(pipeline, "a", 5);  // final for w, open for x
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 2U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 0)), ElementsAre("a [50,60) open r1: 1 1", "a [0,100) open r1: 2 2"));
}

TEST(Pipeline, bad_times_and_values_are_refused_by_reason_and_touch_no_watermark) {
  struct Case {
    double time, value;
    Refusal reason;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {300.000001, 1, Refusal::too_early},    {3e9, 1, Refusal::too_early},       {-604800.000001, 1, Refusal::too_old},
      {0, std::nan(""), Refusal::not_finite}, {0, infinity, Refusal::not_finite}, {0, -infinity, Refusal::not_finite},
  };
  for (const Case& c : cases) {
    Pipeline pipeline(one_window());
    read_at(pipeline, 0, "a", c.time, c.value);
    EXPECT_EQ(pipeline.counters().of(c.reason), 1U) << name_of(c.reason) << " at " << c.time;
    EXPECT_EQ(pipeline.counters().refused_total(), 1U);
    EXPECT_EQ(pipeline.watermarks()[0], Timestamp::earliest());
    EXPECT_EQ(pipeline.open_windows(), 0U);
  }
}

TEST(Pipeline, times_at_the_limits_are_accepted) {
  Pipeline pipeline(one_window());
  read_at(pipeline, 0, "a", 300);
  read_at(pipeline, 0, "b", -604800);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 2U);
}

TEST(Pipeline, rules_that_are_switched_off_refuse_nothing) {
  PipelineOptions options = one_window();
  options.sources[0].time.max_future = Duration::unlimited();
  options.sources[0].time.oldest = Duration::unlimited();
  Pipeline pipeline(options);
  read_at(pipeline, 0, "a", 9e12);
  read_at(pipeline, 0, "b", -9e12);
  EXPECT_EQ(pipeline.counters().refused_total(), 0U);
}

TEST(Pipeline, bad_time_may_take_the_arrival_time_instead) {
  PipelineOptions options = one_window();
  options.sources[0].time.on_bad_time = BadTimePolicy::use_arrival;
  Pipeline pipeline(options);
  read_at(pipeline, 1005, "a", 9000);
  EXPECT_EQ(pipeline.counters().restamped, 1U);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 1U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1005)), ElementsAre("a [1000,1010) open r1: 1 1"));
}

TEST(Pipeline, source_that_no_window_takes_is_counted_as_unmatched) {
  PipelineOptions options = one_window();
  options.windows[0].inputs.clear();
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::unmatched), 1U);
}

TEST(Pipeline, new_series_beyond_the_limit_is_not_added_and_known_ones_go_on) {
  PipelineOptions options = one_window();
  options.max_series = 1;
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  EXPECT_FALSE(pipeline.add_series({"b", "t", {}, {}}).has_value());
  read(pipeline, "a", 2);
  EXPECT_EQ(pipeline.counters().received, 3U);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 2U);
}

TEST(Pipeline, row_leaves_again_when_only_its_state_changed) {
  PipelineOptions options = one_window();
  options.windows[0].allowed_lateness = Duration::seconds(10);
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 0)), ElementsAre("a [0,10) open r1: 1 1"));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 10)), IsEmpty());
  pipeline.raise_watermarks(at(10));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 20)), ElementsAre("a [0,10) closed r2: 1 1"));
  pipeline.raise_watermarks(at(20));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 30)), ElementsAre("a [0,10) final r3: 1 1"));
  EXPECT_EQ(pipeline.open_windows(), 0U);
}

TEST(Pipeline, raised_watermark_holds_for_series_to_come) {
  Pipeline pipeline(one_window());
  pipeline.raise_watermarks(at(100));
  read(pipeline, "new", 50);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 1U);
}

TEST(Pipeline, triggers_fire_once_per_period_of_running_time_at_its_multiples) {
  Pipeline pipeline(one_window());  // trigger 10 s
  const std::vector<std::pair<double, bool>> ticks = {{7, true},  {9, false}, {14, true}, {19.9, false},
                                                      {20, true}, {35, true}, {39, false}};
  double value = 0;
  for (const auto& [second, fires] : ticks) {
    read(pipeline, "a", 1, ++value);
    EXPECT_EQ(!tick(pipeline, second).rows.empty(), fires) << "tick at " << second;
  }
}

TEST(Pipeline, stepped_wall_clock_does_not_disturb_triggers) {
  Pipeline pipeline(one_window());
  Emission rows;
  for (int i = 0; i < 5; ++i) {
    read(pipeline, "a", 1);
    const double wall = i == 2 ? -5000 : 100 * i;
    pipeline.tick({at(wall), Duration::seconds(10 * i)}, Fire::due, rows);
    EXPECT_EQ(rows.rows.size(), 1U) << "tick " << i;
  }
}

TEST(Pipeline, every_tick_is_an_epoch_and_rows_are_ordered_by_start_and_key) {
  Pipeline pipeline(one_window());
  for (const char* sensor : {"c", "a", "b"}) read(pipeline, sensor, 15);
  for (const char* sensor : {"b", "c"}) read(pipeline, sensor, 12);
  read(pipeline, "d", 1);
  EXPECT_EQ(tick(pipeline, 0).epoch, 1U);
  read(pipeline, "a", 16);
  const Emission second = tick(pipeline, 10);
  EXPECT_EQ(second.epoch, 2U);
  Pipeline again(one_window());
  for (const char* sensor : {"c", "a", "b"}) read(again, sensor, 15);
  read(again, "d", 1);
  EXPECT_THAT(lines(again, tick(again, 0)), ElementsAre("d [0,10) open r1: 1 1", "a [10,20) open r1: 1 1",
                                                        "b [10,20) open r1: 1 1", "c [10,20) open r1: 1 1"));
}

TEST(Pipeline, counters_satisfy_the_identity) {
  PipelineOptions options = one_window();
  options.windows[0].allowed_lateness = Duration::seconds(2);
  Pipeline pipeline(options);
  for (int i = 0; i < 1000; ++i) read_at(pipeline, 500 + i, "a", (i * 7919) % 1400, i % 50 == 0 ? std::nan("") : 1);
  const Counters counters = pipeline.counters();
  EXPECT_EQ(counters.received, 1000U);
  EXPECT_EQ(counters.received, counters.of(ReadingOutcome::on_time) + counters.of(ReadingOutcome::late_accepted) +
                                   counters.of(ReadingOutcome::late_dropped) + counters.duplicates() +
                                   counters.refused_total());
}

}  // namespace
}  // namespace edgetide::test
