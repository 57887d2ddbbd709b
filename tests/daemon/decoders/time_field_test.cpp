#include "daemon/decoders/time_field.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>

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

TEST(TimeField, integer_beyond_int64_microseconds_is_no_time) {
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

TEST(TimeField, number_that_does_not_fit_is_no_time) {
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

TEST(TimeField, other_text_is_no_time) {
  for (const char* text : {"", "now", "2021-01-02T09:09:44", "2022-12-31 05:33:33", "12:30", "1e999", "nan", "0x10",
                           "5 s", "9223372036854775808000000"}) {
    EXPECT_FALSE(time_of_text(text, TimeFormat::automatic)) << text;
  }
  EXPECT_FALSE(time_of_text("1732100000", TimeFormat::rfc3339));
  EXPECT_FALSE(time_of_text("2022-07-18T09:34:15Z", TimeFormat::unix_s));
}

}  // namespace
}  // namespace edgetide
