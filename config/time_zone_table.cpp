#include "config/time_zone_table.h"

#include <chrono>
#include <date/tz.h>
#include <exception>
#include <utility>

#include "config/spelling.h"

namespace edgetide {

namespace {

constexpr int last_year = 2200;

Timestamp to_timestamp(date::sys_seconds time) {
  return Timestamp::microseconds(detail::saturating_mul(time.time_since_epoch().count(), 1'000'000));
}

date::sys_days first_of_march(int year) {
  return date::sys_days{date::year{year} / date::March / 1};
}

// The library does not read the rule at the end of a zone file, and the files list changes of clocks up to 2037 only.
// Such rules name weekdays of months after February, so a later year has them where an earlier year with the same
// weekday on the first of March has them.
void repeat_after_2037(std::vector<TimeZone::Offset>& offsets) {
  const std::vector<TimeZone::Offset> listed = offsets;
  if (listed.back().from < to_timestamp(first_of_march(2037)) ||
      listed.back().from >= to_timestamp(first_of_march(2038))) {
    return;  // no such rule, or the file lists more
  }
  for (int year = 2038; year <= last_year; ++year) {
    int like = 2037;
    while (date::weekday{first_of_march(like)} != date::weekday{first_of_march(year)}) --like;
    const Duration later = to_timestamp(first_of_march(year)) - to_timestamp(first_of_march(like));
    for (const TimeZone::Offset& offset : listed) {
      const bool in_that_year =
          offset.from >= to_timestamp(first_of_march(like)) && offset.from < to_timestamp(first_of_march(like + 1));
      if (in_that_year) offsets.push_back({offset.from + later, offset.offset});
    }
  }
}

}  // namespace

std::shared_ptr<const TimeZone> time_zone_named(const std::string& name) {
  try {
    const date::time_zone* const zone = date::locate_zone(name);
    const date::sys_seconds first = date::sys_days{date::year{1900} / 1 / 1};
    const date::sys_seconds last = date::sys_days{date::year{last_year} / 1 / 1};
    std::vector<TimeZone::Offset> offsets;
    for (date::sys_info info = zone->get_info(first);; info = zone->get_info(info.end)) {
      const Timestamp from = to_timestamp(info.begin);
      const Duration offset = Duration::seconds(info.offset.count());
      if (offsets.empty() || offsets.back().offset != offset) offsets.push_back({from, offset});
      if (info.end >= last) break;
    }
    repeat_after_2037(offsets);
    return std::make_shared<const TimeZone>(name, std::move(offsets));
  } catch (const std::exception&) {
    return nullptr;
  }
}

std::shared_ptr<const TimeZone> time_zone_or_error(const Section& section, std::string_view key,
                                                   const std::string& name) {
  if (name == "UTC") {
    return std::make_shared<const TimeZone>(name, std::vector<TimeZone::Offset>{{Timestamp::earliest(), Duration()}});
  }
  auto zone = time_zone_named(name);
  if (zone != nullptr) return zone;
  const std::vector<std::string> names = time_zone_names();
  const std::vector<std::string_view> views(names.begin(), names.end());
  section.error(key, "the system knows no time zone \"" + name + "\"", did_you_mean(name, views));
  return nullptr;
}

std::vector<std::string> time_zone_names() {
  std::vector<std::string> names;
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::exception&) {
    // No database: there are no names to propose.
  }
  return names;
}

}  // namespace edgetide
