// What the kinds of windows and queries give, in small cases that a reader can check by hand.
#include <gmock/gmock.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PipelineOptions window_of(WindowKind kind) {
  PipelineOptions options = one_window();
  options.windows[0].kind = kind;
  return options;
}

TEST(SlidingWindow, reading_belongs_to_every_window_that_covers_it) {
  PipelineOptions options = window_of(WindowKind::sliding);
  options.windows[0].slide = Duration::seconds(5);
  Pipeline pipeline(options);
  read(pipeline, "a", 7, 2);
  read(pipeline, "a", 12, 3);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)),
              ElementsAre("a [0,10) final r1: 1 2", "a [5,15) open r1: 2 5", "a [10,20) open r1: 1 3"));
}

TEST(SlidingWindow, late_reading_changes_the_windows_that_are_not_final_and_no_other) {
  PipelineOptions options = window_of(WindowKind::sliding);
  options.windows[0].slide = Duration::seconds(5);
  Pipeline pipeline(options);
  read(pipeline, "a", 7, 2);
  read(pipeline, "a", 12, 3);  // [0,10) is final now, though no trigger has fired
  read(pipeline, "a", 8, 100);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 3U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)),
              ElementsAre("a [0,10) final r1: 1 2", "a [5,15) open r1: 3 105", "a [10,20) open r1: 1 3"));
}

TEST(SessionWindow, sessions_that_touch_merge_and_rows_under_other_starts_are_retracted) {
  PipelineOptions options = window_of(WindowKind::session);
  options.sources[0].time.max_out_of_orderness = Duration::seconds(100);
  options.windows[0].gap = Duration::seconds(5);
  Pipeline pipeline(options);
  read(pipeline, "a", 0);
  read(pipeline, "a", 10);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [0,5) open r1: 1 1", "a [10,15) open r1: 1 1"));
  read(pipeline, "a", 5);  // [5,10) touches both
  EXPECT_THAT(lines(pipeline, tick(pipeline, 20)),
              ElementsAre("a [0,15) open r2: 3 3", "a [10,15) retracted r2: nan nan"));
  read(pipeline, "a", -3);  // moves the start
  EXPECT_THAT(lines(pipeline, tick(pipeline, 40)),
              ElementsAre("a [-3,15) open r1: 4 4", "a [0,15) retracted r3: nan nan"));
}

TEST(SessionWindow, session_is_cut_at_max_length) {
  PipelineOptions options = window_of(WindowKind::session);
  options.windows[0].gap = Duration::seconds(5);
  options.windows[0].max_length = Duration::seconds(12);
  Pipeline pipeline(options);
  for (int second = 0; second < 15; second += 2) read(pipeline, "a", second);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [0,11) final r1: 4 4", "a [8,19) open r1: 4 4"));
}

TEST(RunningWindow, totals_since_the_start_leave_whenever_they_changed) {
  Pipeline pipeline(window_of(WindowKind::running));
  read(pipeline, "a", 5, 2);
  Emission first = tick(pipeline, 1);
  ASSERT_EQ(first.rows.size(), 1U);
  EXPECT_EQ(first.rows[0].start, Timestamp());
  EXPECT_EQ(first.rows[0].end, Timestamp::latest());
  EXPECT_THAT(tick(pipeline, 20).rows, IsEmpty());
  read(pipeline, "a", -1000, 3);
  const Emission second = tick(pipeline, 40);
  ASSERT_EQ(second.rows.size(), 1U);
  EXPECT_THAT(second.values, ElementsAre(2, 5));
}

TEST(Groups, rows_roll_up_across_sensors_and_close_when_the_slowest_member_has_passed) {
  PipelineOptions options = one_window();
  options.windows[0].group_by = {"site"};
  Pipeline pipeline(options);
  const auto read_in = [&](const std::string& sensor, const std::string& site, double time) {
    auto id = pipeline.series().find(sensor, "t");
    if (!id) id = pipeline.add_series({sensor, "t", {}, {{"site", site}}});
    const Reading reading{*id, at(time), 1};
    pipeline.apply({SourceId{0}, std::nullopt, std::span(&reading, 1)});
  };
  read_in("a", "x", 1);
  read_in("b", "x", 2);
  read_in("c", "y", 3);
  read_in("a", "x", 25);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)),
              ElementsAre("site=x [0,10) open r1: 2 2", "site=y [0,10) open r1: 1 1", "site=x [20,30) open r1: 1 1"));
  read_in("b", "x", 11);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 20)),
              ElementsAre("site=x [0,10) final r2: 2 2", "site=x [10,20) open r1: 1 1"));
}

TEST(TimeZone, day_of_a_change_of_clocks_has_23_hours) {
  // Clocks go from +1 h to +2 h in the middle of the second day.
  const Duration hour = Duration::hours(1);
  const Timestamp jump = Timestamp() + Duration::hours(24 + 2);
  PipelineOptions options = one_window();
  options.windows[0].size = Duration::days(1);
  options.windows[0].time_zone = std::make_shared<const TimeZone>(
      "Test", std::vector<TimeZone::Offset>{{Timestamp::earliest(), hour}, {jump, hour + hour}});
  Pipeline pipeline(options);
  const double day = 86'400;
  read(pipeline, "a", day - 3'600 - 1);  // the last second of the first local day
  read(pipeline, "a", day - 3'600);
  read(pipeline, "a", 2 * day - 2 * 3'600);  // after 23 hours
  EXPECT_THAT(
      lines(pipeline, tick(pipeline, 1)),
      ElementsAre("a [-3600,82800) final r1: 1 1", "a [82800,165600) final r1: 1 1", "a [165600,252000) open r1: 1 1"));
}

}  // namespace
}  // namespace edgetide::test
