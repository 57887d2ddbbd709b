#include "pipeline/time.h"

#include <gtest/gtest.h>

#include "pipeline/time_text.h"

namespace edgetide::test {
namespace {

TEST(Time, arithmetic_saturates_at_both_ends) {
  EXPECT_EQ(Timestamp::latest() + Duration::seconds(1), Timestamp::latest());
  EXPECT_EQ(Timestamp::earliest() - Duration::seconds(1), Timestamp::earliest());
  EXPECT_EQ(Timestamp::earliest() + Duration::microseconds(-1), Timestamp::earliest());
  EXPECT_EQ(Timestamp::latest() - Timestamp::earliest(), Duration::unlimited());
  EXPECT_EQ(Duration::days(1'000'000'000'000), Duration::unlimited());
}

TEST(TimeText, rfc3339_is_read_and_written) {
  struct Case {
    const char* text;
    std::int64_t microseconds;
    const char* written;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"},
      {"1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"},
      {"2038-01-19T03:14:08Z", 2147483648000000, "2038-01-19T03:14:08.000000Z"},
      {"2022-07-18T09:34:15.775023242+00:00", 1658136855775023, "2022-07-18T09:34:15.775023Z"},
      {"2026-11-21 01:30:00+02:00", 1795217400000000, "2026-11-20T23:30:00.000000Z"},
      {"2026-11-21t01:30:00.5-0530", 1795244400500000, "2026-11-21T07:00:00.500000Z"},
      {"2000-02-29T00:00:00z", 951782400000000, "2000-02-29T00:00:00.000000Z"},
      {"0000-01-01T00:00:00Z", -62167219200000000, "0000-01-01T00:00:00.000000Z"},
      {"9999-12-31T23:59:59Z", 253402300799000000, "9999-12-31T23:59:59.000000Z"},
      {"2016-12-31T23:59:60Z", 1483228800000000, "2017-01-01T00:00:00.000000Z"},
  };
  for (const Case& c : cases) {
    const auto time = parse_rfc3339(c.text);
    ASSERT_TRUE(time.has_value()) << c.text;
    EXPECT_EQ(time->count(), c.microseconds) << c.text;
    EXPECT_EQ(to_rfc3339(*time), c.written) << c.text;
  }
}

TEST(TimeText, anything_but_rfc3339_is_refused) {
  for (const char* text : {"", "2026-11-21", "2026-11-21T01:30:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
                           "2026-11-21T24:00:00Z", "2026-11-21T01:60:00Z", "2026-11-21T01:30:00.Z",
                           "2026-11-21T01:30:00Zx", "2026-11-21T01:30:00+2", "2026-11-21T01:30:00+99:00", "now"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(TimeText, durations_are_read_and_written) {
  struct Case {
    const char* text;
    Duration duration;
    const char* written;
  };
  const Case cases[] = {
      {"10s", Duration::seconds(10), "10s"},  {"500ms", Duration::milliseconds(500), "500ms"},
      {"1.5h", Duration::minutes(90), "90m"}, {"7d", Duration::days(7), "7d"},
      {"2w", Duration::days(14), "14d"},      {"1us", Duration::microseconds(1), "1us"},
      {"-5m", Duration::minutes(-5), "-5m"},  {"0s", Duration(), "0s"},
      {"90s", Duration::seconds(90), "90s"},
  };
  for (const Case& c : cases) {
    ASSERT_EQ(parse_duration(c.text), c.duration) << c.text;
    EXPECT_EQ(to_text(c.duration), c.written) << c.text;
  }
  for (const char* text : {"", "10", "s", "10 s", "10x", "1e3s", "nan", "99999999999999999999d", "10s "}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace edgetide::test
