#include "daemon/intake/shifted_times.h"

#include <gtest/gtest.h>

#include "pipeline/time_text.h"

namespace edgetide::test {
namespace {

constexpr Timestamp noon = Timestamp::microseconds(1'800'000'000'000'000);
constexpr SeriesId kitchen{3};

// A reading each minute.
bool add(ShiftedTimes& times, int minute, Duration shift) {
  const Timestamp arrival = noon + Duration::minutes(minute);
  return times.add(kitchen, arrival + shift, arrival);
}

// Readings with this shift in a row, until the series is found to be shifted; 0: it is not.
int readings_until_shifted(Duration shift, int most = 100) {
  ShiftedTimes times;
  for (int i = 1; i <= most; ++i) {
    if (add(times, i, shift)) return times.of(kitchen) ? i : -1;
  }
  return 0;
}

TEST(ShiftedTimes, series_is_shifted_after_20_readings_at_the_same_whole_quarter_hours) {
  const struct {
    Duration shift;
    int readings;
  } cases[] = {
      {Duration::hours(2), 20},
      {Duration::hours(-8), 20},
      {Duration::minutes(15), 20},
      {Duration::minutes(-15), 20},
      {Duration::minutes(345), 20},  // Nepal
      {Duration::hours(14), 20},
      {Duration::hours(-14), 20},
      {Duration::hours(2) + Duration::seconds(90), 20},
      {Duration::hours(2) - Duration::seconds(90), 20},
      {Duration::hours(-14) - Duration::seconds(90), 20},
      {Duration::hours(2) + Duration::seconds(91), 0},
      {Duration::hours(2) - Duration::seconds(91), 0},
      {Duration::hours(-2) - Duration::seconds(91), 0},
      {Duration::hours(-14) - Duration::seconds(91), 0},
      {Duration::minutes(14 * 60 + 15), 0},
      {Duration::minutes(-14 * 60 - 15), 0},
      {Duration(), 0},
      {Duration::seconds(-90), 0},
      {Duration::seconds(90), 0},
      {Duration::minutes(7), 0},
      {Duration::minutes(-7), 0},
      {Duration::days(30), 0},
  };
  for (const auto& c : cases) EXPECT_EQ(readings_until_shifted(c.shift), c.readings) << to_text(c.shift);
}

TEST(ShiftedTimes, frequent_readings_are_shifted_after_5_minutes) {
  ShiftedTimes times;
  int said_at = 0;
  for (int second = 0; second < 1000 && said_at == 0; ++second) {
    const Timestamp arrival = noon + Duration::seconds(second);
    if (times.add(kitchen, arrival + Duration::hours(2), arrival)) said_at = second;
  }
  EXPECT_EQ(said_at, 300);
}

TEST(ShiftedTimes, it_is_said_once_and_the_shift_is_known_for_as_long_as_it_lasts) {
  ShiftedTimes times;
  int said = 0;
  for (int i = 0; i < 1000; ++i) said += add(times, i, Duration::hours(2)) ? 1 : 0;
  EXPECT_EQ(said, 1);
  EXPECT_EQ(times.of(kitchen), TimeShift{.by = Duration::hours(2)});
  EXPECT_FALSE(times.of(SeriesId{2}));
  EXPECT_FALSE(times.of(SeriesId{4}));
  EXPECT_FALSE(add(times, 1000, Duration()));
  EXPECT_FALSE(times.of(kitchen)) << "its clock was set";
}

TEST(ShiftedTimes, one_reading_at_another_distance_begins_the_row_again) {
  for (const Duration other : {Duration(), Duration::hours(1), Duration::hours(-2), Duration::seconds(100)}) {
    ShiftedTimes times;
    for (int i = 0; i < 19; ++i) EXPECT_FALSE(add(times, i, Duration::hours(2)));
    EXPECT_FALSE(add(times, 19, other));
    for (int i = 20; i < 39; ++i) EXPECT_FALSE(add(times, i, Duration::hours(2)));
    EXPECT_TRUE(add(times, 39, Duration::hours(2)));
  }
}

// What a device has stored comes with distances that shrink.
TEST(ShiftedTimes, stored_readings_that_are_sent_at_once_are_not_shifted) {
  for (const Duration interval : {Duration::seconds(1), Duration::seconds(10), Duration::minutes(1)}) {
    ShiftedTimes times;
    for (int i = 0; i < 6000; ++i) {
      const Timestamp measured = noon - Duration::microseconds((6000 - i) * interval.count());
      EXPECT_FALSE(times.add(kitchen, measured, noon + Duration::milliseconds(i)));
    }
  }
}

TEST(ShiftedTimes, times_that_cannot_be_are_not_shifted) {
  ShiftedTimes times;
  for (const Timestamp time : {Timestamp::earliest(), Timestamp::latest(), Timestamp()}) {
    for (int i = 0; i < 30; ++i) EXPECT_FALSE(times.add(kitchen, time, noon));
  }
}

TEST(ShiftedTimes, number_that_is_read_in_another_unit_is_known_by_one_reading) {
  const std::int64_t now = noon.count();
  const struct {
    std::int64_t event_time;
    std::int8_t thousands;
    const char* text;
    const char* advice;  // part of it
  } cases[] = {
      {now / 1000, 1, "1000 times too small", "unix if it is unix_ms, unix_ms if unix_us, unix_us if unix_ns"},
      {now / 1'000'000, 2, "1000^2 times too small", "unix_ms if unix_ns"},
      {now / 1'000'000'000, 3, "1000^3 times too small", "to unix"},
      {now * 1000, -1, "1000 times too large", "unix_ms if it is unix, unix_us if unix_ms"},
      {now / 1000 - Duration::hours(30).count() / 1000, 0, "", ""},
      {now - Duration::days(30).count(), 0, "", ""},
      {0, 0, "", ""},
      {-now / 1000, 0, "", ""},
  };
  for (const auto& c : cases) {
    ShiftedTimes times;
    EXPECT_EQ(times.add(kitchen, Timestamp::microseconds(c.event_time), noon), c.thousands != 0) << c.event_time;
    EXPECT_FALSE(times.add(kitchen, Timestamp::microseconds(c.event_time), noon)) << "once";
    const auto found = times.of(kitchen);
    ASSERT_EQ(found.has_value(), c.thousands != 0) << c.event_time;
    if (!found) continue;
    EXPECT_EQ(found->thousands, c.thousands);
    EXPECT_EQ(text_of_shift(*found), c.text);
    EXPECT_NE(advice_of(*found).find(c.advice), std::string_view::npos) << advice_of(*found);
    EXPECT_FALSE(times.add(kitchen, noon, noon));
    EXPECT_FALSE(times.of(kitchen)) << "it was mended";
  }
}

TEST(ShiftedTimes, advice_is_to_set_the_zone_only_where_times_are_written_without_one) {
  for (const bool is_local : {false, true}) {
    ShiftedTimes times;
    for (int i = 0; i < 20; ++i) {
      const Timestamp arrival = noon + Duration::minutes(i);
      times.add(kitchen, arrival + Duration::hours(2), arrival, is_local);
    }
    const auto found = times.of(kitchen);
    ASSERT_TRUE(found);
    EXPECT_EQ(text_of_shift(*found), "2h ahead");
    EXPECT_EQ(advice_of(*found).starts_with("set timezone in its route"), is_local);
  }
}

TEST(ShiftedTimes, id_that_is_given_to_another_series_is_forgotten) {
  ShiftedTimes times;
  for (int i = 0; i < 20; ++i) add(times, i, Duration::hours(2));
  ASSERT_TRUE(times.of(kitchen));
  times.forget(kitchen);
  EXPECT_FALSE(times.of(kitchen));
  times.forget(SeriesId{900});
}

}  // namespace
}  // namespace edgetide::test
