#include "daemon/decoders/time_pattern.h"

#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>

#include "daemon/decoders/time_field.h"
#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

std::string shown(const std::optional<IsoTime>& time) {
  if (!time) return "none";
  return to_rfc3339(time->time) + (time->has_zone ? "" : " local");
}

TEST(TimePattern, text_is_read_as_the_pattern_says) {
  const struct {
    const char* pattern;
    const char* text;
    const char* expected;
  } cases[] = {
      {"%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36.000000Z"},  // Apache
      {"%Y-%m-%d %H:%M:%S,%f", "2026-11-29 18:32:58,123", "2026-11-29T18:32:58.123000Z local"},
      {"%F %T%z", "2026-11-29 18:32:58+05:30", "2026-11-29T13:02:58.000000Z"},
      {"%F %R %Z", "2026-11-29 18:32 utc", "2026-11-29T18:32:00.000000Z"},
      {"%a %b %e %T %Y", "Sun Nov  9 18:32:58 2026", "2026-11-09T18:32:58.000000Z local"},
      {"%A, %d %B %y", "sunday, 29 NOVEMBER 26", "2026-11-29T00:00:00.000000Z local"},
      {"%D %I:%M %p", "1/2/99 12:05 AM", "1999-01-02T00:05:00.000000Z local"},
      {"%D %I:%M %p", "01/02/68 12:05 pm", "2068-01-02T12:05:00.000000Z local"},
      {"%Y%m%d%H%M%S", "20261129183258", "2026-11-29T18:32:58.000000Z local"},
      {"%s.%f", "1465839830.1234567", "2016-06-13T17:43:50.123456Z"},
      {"100%%%n%F", "100%   2026-11-29 \n", "2026-11-29T00:00:00.000000Z local"},
      {"%F %T %z", "2026-12-31 23:59:60 Z", "2027-01-01T00:00:00.000000Z"},
      {"%F", "2024-02-29", "2024-02-29T00:00:00.000000Z local"},
      {"%d %b %Y", "1 may 2026", "2026-05-01T00:00:00.000000Z local"},
      // Not of the pattern.
      {"%F", "2026-02-29", "none"},
      {"%F", "2026-11-29x", "none"},
      {"%F", "26-11-29", "none"},
      {"%F", "", "none"},
      {"%d %b %Y", "1 Okt 2026", "none"},
      {"%F %T", "2026-11-29 24:00:00", "none"},
      {"%F %I:%M %p", "2026-11-29 13:00 pm", "none"},
      {"%F %I:%M %p", "2026-11-29 0:00 am", "none"},
      {"%F %T %Z", "2026-11-29 18:32:58 CET", "none"},
      {"%F %T %z", "2026-11-29 18:32:58 +2", "none"},
      {"%F %T %z", "2026-11-29 18:32:58 +24:00", "none"},
      {"%s", "99999999999999999999", "none"},
      {"%F %f", "2026-11-29 .5", "none"},
  };
  for (const auto& c : cases) EXPECT_EQ(shown(TimePattern(c.pattern).read(c.text)), c.expected) << c.text;
}

TEST(TimePattern, pattern_that_cannot_give_a_time_is_refused_with_a_reason) {
  const struct {
    std::string pattern;
    const char* reason;
  } cases[] = {
      {"%b %e %H:%M:%S", "year, month and day must be in it, or %s"},  // syslog, which has no year
      {"%F %Q", "%Q is not known"},
      {"%F %", "it ends with a single '%'"},
      {"%F %I", "%I and %p need each other"},
      {"%F % ", "a '%' stands before no letter"},
      {std::string(129, 'x'), "longer than 128 bytes"},
  };
  for (const auto& c : cases) {
    try {
      TimePattern pattern(c.pattern);
      ADD_FAILURE() << c.pattern;
    } catch (const std::invalid_argument& error) {
      EXPECT_STREQ(error.what(), c.reason);
    }
  }
}

TEST(TimePattern, is_that_of_a_route_for_text_and_numbers_and_its_zone_applies) {
  MappingOptions mapping;
  mapping.sensor = "s";
  mapping.time = {.path = "t", .pattern = "%Y%m%d"};
  EXPECT_EQ(decoded(mapping, R"({"t":"20260115","v":1})"), "s/v=1@1768435200000000");
  EXPECT_EQ(decoded(mapping, R"({"t":20260115,"v":1})"), "s/v=1@1768435200000000");
  EXPECT_EQ(decoded(mapping, R"({"t":"2026-01-15T00:00:00Z","v":1})"), "s/v=1@unreadable");
  mapping.time_zone = std::make_shared<TimeZone>(
      "Europe/Test", std::vector<TimeZone::Offset>{{Timestamp::earliest(), Duration::hours(1)}});
  EXPECT_EQ(decoded(mapping, R"({"t":"20260115","v":1})"), "s/v=1@1768431600000000");
  mapping.time.pattern = "%Y";
  EXPECT_EQ(mapping_error(mapping), "time: the pattern '%Y' cannot be used: year, month and day must be in it, or %s");
}

}  // namespace
}  // namespace edgetide
