// What the kinds of windows and queries give, in small cases that a reader can check by hand.
#include <algorithm>
#include <gmock/gmock.h>
#include <random>

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

// Sessions with a gap of 5 s and a max_length of 12 s: multiples are ..., 0, 12, 24, 36, ...
TEST(SessionWindow, session_longer_than_max_length_is_cut_at_its_multiples_in_every_order_of_arrival) {
  const struct {
    const char* what;
    std::vector<double> times;
    std::vector<std::string> rows;
  } cases[] = {
      {"12 s: it is not cut, wherever it lies", {9, 12, 16}, {"a [9,21) final r1: 3 3"}},
      {"13 s: it is cut", {9, 12, 17}, {"a [9,12) final r1: 1 1", "a [12,22) final r1: 2 2"}},
      {"within one cell", {13, 17, 21}, {"a [13,24) final r1: 3 3"}},
      {"0 to 14", {0, 2, 4, 6, 8, 10, 12, 14}, {"a [0,12) final r1: 6 6", "a [12,19) final r1: 2 2"}},
      {"three pieces, and another session behind",
       {8, 12, 16, 20, 24, 28, 40},
       {"a [8,12) final r1: 1 1", "a [12,24) final r1: 3 3", "a [24,33) final r1: 2 2", "a [40,45) final r1: 1 1"}},
      {"before 1970", {-14, -10, -6, -2}, {"a [-14,-12) final r1: 1 1", "a [-10,0) final r1: 3 3"}},
  };
  for (const auto& c : cases) {
    std::vector<double> times = c.times;
    std::mt19937 orders(7);
    for (int order = 0; order < 30; ++order) {
      PipelineOptions options = window_of(WindowKind::session);
      options.sources[0].time.max_out_of_orderness = Duration::seconds(1000);
      options.windows[0].gap = Duration::seconds(5);
      options.windows[0].max_length = Duration::seconds(12);
      Pipeline pipeline(options);
      for (const double time : times) read(pipeline, "a", time);
      pipeline.raise_watermarks(Timestamp::latest());
      ASSERT_EQ(lines(pipeline, tick(pipeline, 1)), c.rows) << c.what << ", order " << order;
      std::shuffle(times.begin(), times.end(), orders);
    }
  }
}

// As the page says it: neighbours no further than `gap` apart, cut at multiples of `length` where they are longer.
std::vector<std::string> sessions_of(std::vector<int> times, int gap, int length) {
  std::sort(times.begin(), times.end());
  std::vector<std::string> rows;
  for (std::size_t first = 0, end = 0; first < times.size(); first = end) {
    for (end = first + 1; end < times.size() && times[end] - times[end - 1] <= gap; ++end) {
    }
    const bool is_cut = times[end - 1] + gap - times[first] > length;
    for (std::size_t start = first, next = first; start < end; start = next) {
      const int cell_end = (times[start] / length + 1) * length;
      for (next = start; next < end && (!is_cut || times[next] < cell_end); ++next) {
      }
      const int last = times[next - 1] + gap;
      const std::string count = std::to_string(next - start);
      rows.push_back("a [" + std::to_string(times[start]) + "," +
                     std::to_string(is_cut ? std::min(last, cell_end) : last) + ") final r1: " + count + " " + count);
    }
  }
  return rows;
}

TEST(SessionWindow, sessions_of_random_readings_are_the_same_in_every_order) {
  std::mt19937 random(11);
  const auto upto = [&](unsigned most) { return static_cast<int>(random() % (most + 1)); };
  for (int round = 0; round < 60; ++round) {
    PipelineOptions options = window_of(WindowKind::session);
    const int gap = 1 + upto(8), length = gap + upto(30);
    options.sources[0].time.max_out_of_orderness = Duration::seconds(10'000);
    options.windows[0].gap = Duration::seconds(gap);
    options.windows[0].max_length = Duration::seconds(length);
    std::vector<int> times;
    for (int i = 5 + upto(40); i > 0; --i) times.push_back(upto(150));
    const std::vector<std::string> wanted = sessions_of(times, gap, length);
    for (int order = 0; order < 10; ++order) {
      std::shuffle(times.begin(), times.end(), random);
      Pipeline pipeline(options);
      for (std::size_t i = 0; i < times.size(); ++i) {
        read(pipeline, "a", times[i]);
        if (order % 2 == 1 && i % 7 == 0) static_cast<void>(tick(pipeline, 20.0 * static_cast<double>(i)));
      }
      pipeline.raise_watermarks(Timestamp::latest());
      std::vector<std::string> rows = lines(pipeline, tick(pipeline, 1'000'000));
      std::erase_if(rows, [](const std::string& row) { return row.find("retracted") != std::string::npos; });
      for (std::string& row : rows) {
        const std::size_t revision = row.find(" r");
        row.replace(revision, row.find(':') - revision, " r1");
      }
      ASSERT_EQ(rows, wanted) << "gap " << gap << ", max_length " << length << ", order " << order;
    }
  }
}

// By hand, gap 5: at watermark 16 the session [8,20) is open. A reading at 10 would be over by itself, at 15, and joins
// it; one at 2 would be [2,7), joins none and is dropped.
TEST(SessionWindow, reading_is_late_only_if_the_session_is_that_it_would_join) {
  PipelineOptions options = window_of(WindowKind::session);
  options.windows[0].gap = Duration::seconds(5);
  Pipeline pipeline(options);
  for (const double time : {8, 12, 15, 10, 2}) read(pipeline, "a", time);
  pipeline.raise_watermarks(at(16));
  read(pipeline, "a", 9);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 5U);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 1U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [8,20) open r1: 5 5"));
  pipeline.raise_watermarks(at(20));
  for (const double time : {9, 14}) read(pipeline, "a", time);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 3U) << "a final session is joined by no reading";
}

// The piece [0,12) is final while its session goes on; its readings would join the session, but not that piece.
TEST(SessionWindow, piece_of_a_session_that_was_cut_is_final_by_itself) {
  PipelineOptions options = window_of(WindowKind::session);
  options.windows[0].gap = Duration::seconds(5);
  options.windows[0].max_length = Duration::seconds(12);
  for (const bool emitted : {false, true}) {
    Pipeline pipeline(options);
    for (const double time : {1, 4, 8, 11, 14}) read(pipeline, "a", time);
    if (emitted) {
      EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [1,12) final r1: 4 4", "a [14,19) open r1: 1 1"));
    }
    read(pipeline, "a", 10);
    EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 1U);
    read(pipeline, "a", 13);
    EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 6U);
    const std::vector<std::string> rows = lines(pipeline, tick(pipeline, 20));
    EXPECT_EQ(rows.front(), emitted ? "a [13,19) open r1: 2 2" : "a [1,12) final r1: 4 4");
  }
}

// By hand, gap 30, max_length 60: the session [50,100) has grown to [50,120) and is cut at 60. A table that keeps the
// row with the most readings would keep [50,100): it goes, whatever it had, and the shorter one comes.
TEST(SessionWindow, row_that_a_cut_makes_shorter_is_retracted_and_begins_again) {
  PipelineOptions options = window_of(WindowKind::session);
  options.windows[0].gap = Duration::seconds(30);
  options.windows[0].max_length = Duration::seconds(60);
  options.sources[0].time.max_out_of_orderness = Duration::seconds(20);
  for (const bool restarts : {false, true}) {
    for (const bool moves : {false, true}) {
      Pipeline pipeline(options);
      for (const double time : {50, 60, 70}) read(pipeline, "a", time);
      EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [50,100) open r1: 3 3"));
      for (const double time : {moves ? 45 : 85, 90}) read(pipeline, "a", time);
      if (restarts) {
        Pipeline again(options);
        ASSERT_EQ(again.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
        pipeline = std::move(again);
      }
      EXPECT_THAT(
          lines(pipeline, tick(pipeline, 2, Fire::all)),
          moves
              ? ElementsAre("a [45,60) final r1: 2 2", "a [50,100) retracted r2: nan nan", "a [60,120) open r1: 3 3")
              : ElementsAre("a [50,100) retracted r2: nan nan", "a [50,60) final r3: 1 1", "a [60,120) open r1: 4 4"));
    }
  }
}

// A row is known by its start: of the windows that would begin before all time there is the newest one alone.
TEST(SlidingWindow, windows_at_the_earliest_time_each_have_another_start) {
  for (const std::int64_t offset : {0, 3}) {
    PipelineOptions options = window_of(WindowKind::sliding);
    options.windows[0].size = Duration::seconds(20);
    options.windows[0].slide = Duration::seconds(5);
    options.windows[0].offset = Duration::seconds(offset);
    Pipeline pipeline(options);
    const auto read_after = [&](Duration behind) {
      const Reading reading{series_of(pipeline, "a"), Timestamp::earliest() + behind, 1};
      pipeline.apply({SourceId{0}, std::nullopt, std::span<const Reading>(&reading, 1)});
    };
    for (const int seconds : {0, 7}) read_after(Duration::seconds(seconds));
    pipeline.raise_watermarks(at(0));
    const Emission emission = tick(pipeline, 1, Fire::all);
    ASSERT_FALSE(emission.rows.empty());
    EXPECT_EQ(emission.rows[0].start, Timestamp::earliest());
    EXPECT_EQ(emission.rows[0].readings, 2);
    for (std::size_t i = 1; i < emission.rows.size(); ++i) {
      EXPECT_LT(emission.rows[i - 1].start, emission.rows[i].start) << "offset " << offset;
    }
  }
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
