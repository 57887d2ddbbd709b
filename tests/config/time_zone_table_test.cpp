#include "config/time_zone_table.h"

#include <gmock/gmock.h>

#include "pipeline/grid.h"
#include "pipeline/time_text.h"

namespace edgetide::test {
namespace {

Timestamp at(const char* text) {
  return parse_rfc3339(text).value();
}

// Days start at local midnight; the day of a change of clocks is shorter or longer.
TEST(TimeZoneTable, days_are_those_of_the_place) {
  const struct {
    const char* zone;
    const char* within;
    const char* start;
    const char* end;
  } cases[] = {
      {"UTC", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"},
      {"Europe/Paris", "2026-01-10T12:00:00Z", "2026-01-09T23:00:00Z", "2026-01-10T23:00:00Z"},
      {"Europe/Paris", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},  // 23 hours
      {"Europe/Paris", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},  // 25 hours
      {"Europe/Paris", "2040-03-25T12:00:00Z", "2040-03-24T23:00:00Z", "2040-03-25T22:00:00Z"},
      {"Europe/Paris", "2199-07-01T12:00:00Z", "2199-06-30T22:00:00Z", "2199-07-01T22:00:00Z"},
      {"Europe/Paris", "2100-10-31T12:00:00Z", "2100-10-30T22:00:00Z", "2100-10-31T23:00:00Z"},
      {"Australia/Sydney", "2060-01-15T00:00:00Z", "2060-01-14T13:00:00Z", "2060-01-15T13:00:00Z"},
      {"Asia/Kathmandu", "2026-01-01T00:00:00Z", "2025-12-31T18:15:00Z", "2026-01-01T18:15:00Z"},
      // Clocks jumped over midnight: the day starts at 01:00.
      {"America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
      // The 30th was left out.
      {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
      {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
  };
  for (const auto& c : cases) {
    const auto zone = time_zone_named(c.zone);
    ASSERT_NE(zone, nullptr) << c.zone;
    const Grid days(Duration::days(1), Duration(), zone);
    const std::int64_t day = days.cell_of(at(c.within));
    EXPECT_EQ(days.start_of(day), at(c.start)) << c.zone << ' ' << c.within;
    EXPECT_EQ(days.start_of(day + 1), at(c.end)) << c.zone << ' ' << c.within;
  }
}

TEST(TimeZoneTable, every_instant_is_in_the_day_it_is_found_in) {
  for (const char* name :
       {"Europe/Paris", "America/Sao_Paulo", "America/St_Johns", "Africa/Casablanca", "Asia/Tehran"}) {
    const Grid days(Duration::days(1), Duration::hours(6), time_zone_named(name));
    for (Timestamp time = at("1985-01-01T00:10:00Z"); time < at("2040-01-01T00:00:00Z");
         time = time + Duration::minutes(217)) {
      const std::int64_t day = days.cell_of(time);
      ASSERT_LE(days.start_of(day), time) << name << ' ' << time.count();
      ASSERT_GT(days.start_of(day + 1), time) << name << ' ' << time.count();
    }
  }
}

TEST(TimeZoneTable, unknown_names_give_none) {
  EXPECT_EQ(time_zone_named("Mars/Base"), nullptr);
  EXPECT_EQ(time_zone_named(""), nullptr);
  EXPECT_GT(time_zone_names().size(), 100U);
}

}  // namespace
}  // namespace edgetide::test
