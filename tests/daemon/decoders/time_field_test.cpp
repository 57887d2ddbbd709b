#include "daemon/decoders/time_field.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>

#include "daemon/decoders/number_text.h"
#include "pipeline/time_text.h"

namespace edgetide {
namespace {

constexpr std::int64_t max_int64 = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t int64_min = std::numeric_limits<std::int64_t>::min();

TEST(TimeField, integer_is_exact_in_every_unit) {
  const struct {
    std::int64_t number;
    TimeFormat format;
    std::int64_t microseconds;
  } cases[] = {
      {1'732'100'000, TimeFormat::unix_s, 1'732'100'000'000'000},
      {1'732'100'000'123, TimeFormat::unix_ms, 1'732'100'000'123'000},
      {1'732'100'000'123'456, TimeFormat::unix_us, 1'732'100'000'123'456},
      {1'732'100'000'123'456'789, TimeFormat::unix_ns, 1'732'100'000'123'456},
      {-1, TimeFormat::unix_ns, -1},
      {28'868'333, TimeFormat::unix_minutes, 1'732'099'980'000'000},
      {481'138, TimeFormat::unix_hours, 1'732'096'800'000'000},
      {-1000, TimeFormat::unix_ns, -1},
      {0, TimeFormat::automatic, 0},
      {1'732'100'000, TimeFormat::automatic, 1'732'100'000'000'000},
      {4'999'999'999, TimeFormat::automatic, 4'999'999'999'000'000},
      {5'000'000'000, TimeFormat::automatic, 5'000'000'000'000},
      {1'732'100'000'123, TimeFormat::automatic, 1'732'100'000'123'000},
      {5'000'000'000'000, TimeFormat::automatic, 5'000'000'000'000},
      {1'732'100'000'123'456, TimeFormat::automatic, 1'732'100'000'123'456},
      {5'000'000'000'000'000, TimeFormat::automatic, 5'000'000'000'000},
      {1'732'100'000'123'456'789, TimeFormat::automatic, 1'732'100'000'123'456},
      {max_int64, TimeFormat::unix_us, max_int64},
      {int64_min, TimeFormat::unix_us, int64_min},
      {int64_min, TimeFormat::unix_ns, int64_min / 1000 - 1},
  };
  for (const auto& c : cases) {
    const auto time = time_of_integer(c.number, c.format);
    ASSERT_TRUE(time) << c.number;
    EXPECT_EQ(time->count(), c.microseconds) << c.number;
  }
}

TEST(TimeField, integer_beyond_int64_microseconds_is_not_a_time) {
  EXPECT_FALSE(time_of_integer(max_int64, TimeFormat::unix_s));
  EXPECT_FALSE(time_of_integer(int64_min, TimeFormat::unix_ms));
  EXPECT_FALSE(time_of_integer(9'223'372'036'855, TimeFormat::unix_s));
  EXPECT_TRUE(time_of_integer(9'223'372'036'854, TimeFormat::unix_s));
  EXPECT_FALSE(time_of_integer(1'732'100'000, TimeFormat::rfc3339));
}

TEST(TimeField, fraction_of_seconds_is_kept_to_the_microsecond) {
  EXPECT_EQ(time_of_number(1680962879.62, TimeFormat::unix_s)->count(), 1'680'962'879'620'000);
  EXPECT_EQ(time_of_number(1680962879.62, TimeFormat::automatic)->count(), 1'680'962'879'620'000);
  EXPECT_EQ(time_of_number(1.276020076e9, TimeFormat::automatic)->count(), 1'276'020'076'000'000);
  EXPECT_EQ(time_of_number(1732100000123.5, TimeFormat::unix_ms)->count(), 1'732'100'000'123'500);
  EXPECT_EQ(time_of_number(-0.5, TimeFormat::unix_s)->count(), -500'000);
}

TEST(TimeField, number_that_does_not_fit_is_not_a_time) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double number : {1e300, -1e300, infinity, -infinity, std::numeric_limits<double>::quiet_NaN(), 1e22}) {
    EXPECT_FALSE(time_of_number(number, TimeFormat::automatic)) << number;
    EXPECT_FALSE(time_of_number(number, TimeFormat::unix_s)) << number;
    EXPECT_FALSE(time_of_number(number, TimeFormat::unix_ns)) << number;
  }
  EXPECT_FALSE(time_of_number(9223372036854775808.0, TimeFormat::unix_us));
}

TEST(TimeField, text_is_rfc3339_or_a_quoted_number) {
  const struct {
    const char* text;
    TimeFormat format;
    std::int64_t microseconds;
  } cases[] = {
      {"2022-07-18T09:34:15.775023242+00:00", TimeFormat::automatic, 1'658'136'855'775'023},
      {"2022-07-18T09:34:15Z", TimeFormat::rfc3339, 1'658'136'855'000'000},
      {"1732100000123", TimeFormat::automatic, 1'732'100'000'123'000},
      {"1732100000123", TimeFormat::unix_ms, 1'732'100'000'123'000},
      {"1680962879.62", TimeFormat::unix_s, 1'680'962'879'620'000},
      {"2038-01-19T03:14:08Z", TimeFormat::automatic, 2'147'483'648'000'000},
      {"0", TimeFormat::automatic, 0},
  };
  for (const auto& c : cases) {
    const auto time = time_of_text(c.text, c.format);
    ASSERT_TRUE(time) << c.text;
    EXPECT_EQ(time->count(), c.microseconds) << c.text;
  }
}

TEST(TimeField, other_text_is_not_a_time) {
  for (const char* text : {"", "now", "2021-01-02T09:09:44", "2022-12-31 05:33:33", "12:30", "1e999", "nan", "0x10",
                           "5 s", "9223372036854775808000000"}) {
    EXPECT_FALSE(time_of_text(text, TimeFormat::automatic)) << text;
  }
  EXPECT_FALSE(time_of_text("1732100000", TimeFormat::rfc3339));
  EXPECT_FALSE(time_of_text("2022-07-18T09:34:15Z", TimeFormat::unix_s));
}

TEST(TimeField, text_of_iso_8601_beyond_rfc3339_is_read) {
  const struct {
    const char* text;
    const char* utc;
  } cases[] = {
      {"20220718T093415Z", "2022-07-18T09:34:15.000000Z"},
      {"20220718T113415+02", "2022-07-18T09:34:15.000000Z"},
      {"2022-07-18T11:34:15+02", "2022-07-18T09:34:15.000000Z"},
      {"20220718T200000,5-0130", "2022-07-18T21:30:00.500000Z"},
      {"2022-07-18 09:34:15 UTC", "2022-07-18T09:34:15.000000Z"},
      {"2022-07-18T09:34:15GMT", "2022-07-18T09:34:15.000000Z"},
      {" 2022-07-18T09:34:15Z \r\n", "2022-07-18T09:34:15.000000Z"},
      {"2022-07-18T20:00Z", "2022-07-18T20:00:00.000000Z"},
      {"20220718T2000Z", "2022-07-18T20:00:00.000000Z"},
  };
  for (const auto& c : cases) {
    const auto time = time_of_text(c.text, TimeFormat::automatic);
    ASSERT_TRUE(time) << c.text;
    EXPECT_EQ(to_rfc3339(*time), c.utc) << c.text;
  }
  EXPECT_FALSE(time_of_text("20220718T093415Z", TimeFormat::rfc3339));
}

Timestamp utc(const char* text) {
  return *parse_rfc3339(text);
}

// Of central Europe in 2026: the clocks jump from 2:00 to 3:00 in March and are set back from 3:00 to 2:00 in October.
TimeZone zone_with_summer_time() {
  return TimeZone("Europe/Test", {{Timestamp::earliest(), Duration::hours(1)},
                                  {utc("2026-03-29T01:00:00Z"), Duration::hours(2)},
                                  {utc("2026-10-25T01:00:00Z"), Duration::hours(1)}});
}

TEST(TimeField, local_time_is_read_in_its_zone) {
  const struct {
    const char* local;
    const char* utc;
    std::uint32_t repeats_after;
  } cases[] = {
      {"2026-01-15T12:00:00Z", "2026-01-15T11:00:00Z", 0},
      {"2026-07-15T12:00:00Z", "2026-07-15T10:00:00Z", 0},
      // The hour that is jumped over: with the offset before.
      {"2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z", 0},
      {"2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z", 0},
      {"2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z", 0},
      {"2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z", 0},
      // The hour that comes twice.
      {"2026-10-25T01:59:59Z", "2026-10-24T23:59:59Z", 0},
      {"2026-10-25T02:00:00Z", "2026-10-25T00:00:00Z", 3600},
      {"2026-10-25T02:59:59Z", "2026-10-25T00:59:59Z", 3600},
      {"2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z", 0},
  };
  const TimeZone zone = zone_with_summer_time();
  for (const auto& c : cases) {
    const LocalTime time = local_time(utc(c.local), zone);
    EXPECT_EQ(to_rfc3339(time.utc), to_rfc3339(utc(c.utc))) << c.local;
    EXPECT_EQ(time.repeats_after, c.repeats_after) << c.local;
  }
}

TEST(TimeField, reading_tells_whether_its_time_was_written_without_a_zone) {
  const struct {
    const char* text;
    bool is_local;
  } cases[] = {{"2026-01-15 12:00:00", true},
               {"2026-01-15T12:00:00Z", false},
               {"2026-01-15T12:00:00+02:00", false},
               {"1800000000", false},
               {"words", false}};
  for (const auto& zone :
       {std::shared_ptr<const TimeZone>(), std::make_shared<const TimeZone>(zone_with_summer_time())}) {
    MappingOptions options;
    options.time_zone = zone;
    TimeReader reader(options);
    DecodedBatch batch;
    DecodedReading reading;
    for (const auto& c : cases) {
      reader.read(c.text, {}, reading, batch);
      EXPECT_EQ(reading.is_local(), c.is_local) << c.text;
    }
  }
}

TEST(TimeField, half_an_hour_may_come_twice) {
  const TimeZone zone("Australia/Test", {{Timestamp::earliest(), Duration::hours(11)},
                                         {utc("2026-04-04T15:00:00Z"), Duration::minutes(630)}});
  const LocalTime time = local_time(utc("2026-04-05T01:45:00Z"), zone);
  EXPECT_EQ(to_rfc3339(time.utc), "2026-04-04T14:45:00.000000Z");
  EXPECT_EQ(time.repeats_after, 1800U);
}

std::int64_t read(TimeReader& reader, const char* text, DecodedBatch& batch) {
  DecodedReading reading;
  reader.read(text, {.topic = "tele/a/SENSOR", .payload = "", .route = "\x01tele/+/SENSOR"}, reading, batch);
  return reading.event_time->count();
}

TEST(TimeField, time_without_a_zone_is_utc_and_noticed_once) {
  TimeReader reader{MappingOptions()};
  DecodedBatch batch;
  EXPECT_EQ(read(reader, "2021-01-02T09:09:44Z", batch), 1'609'578'584'000'000);
  EXPECT_TRUE(batch.notices.empty());
  EXPECT_EQ(read(reader, "2021-01-02T09:09:44", batch), 1'609'578'584'000'000);
  EXPECT_EQ(read(reader, "2021-01-02 09:09:44.5", batch), 1'609'578'584'500'000);
  ASSERT_EQ(batch.notices.size(), 1U);
  EXPECT_EQ(batch.notices[0],
            "times without a zone are read as UTC; set timezone in the route with topic \"tele/+/SENSOR\"");
}

TEST(TimeField, zone_of_the_route_needs_no_notice_and_leaves_other_times_alone) {
  MappingOptions mapping;
  mapping.time_zone = std::make_shared<TimeZone>(zone_with_summer_time());
  TimeReader reader(mapping);
  DecodedBatch batch;
  EXPECT_EQ(read(reader, "2026-07-15T12:00:00", batch), utc("2026-07-15T10:00:00Z").count());
  EXPECT_EQ(read(reader, "2026-07-15T12:00:00Z", batch), utc("2026-07-15T12:00:00Z").count());
  EXPECT_EQ(read(reader, "1732100000", batch), 1'732'100'000'000'000);
  EXPECT_TRUE(batch.notices.empty());
}

TEST(TimeField, unreadable_time_is_marked) {
  TimeReader reader{MappingOptions()};
  DecodedBatch batch;
  for (const char* text : {"", "now", "12:30", "2021-01-02", "2021-13-02T09:09:44", "2021-01-02T9:09", "20210102 0909",
                           "2021-0102T09:09", "20210102T0909+1", "20210102T0909 CET", "20210102T090944."}) {
    EXPECT_EQ(read(reader, text, batch), unreadable_time.count()) << text;
  }
  MappingOptions seconds;
  seconds.time.format = TimeFormat::unix_s;
  TimeReader of_numbers(seconds);
  EXPECT_EQ(read(of_numbers, "2021-01-02T09:09:44", batch), unreadable_time.count());
  EXPECT_TRUE(batch.notices.empty());
}

}  // namespace
}  // namespace edgetide
