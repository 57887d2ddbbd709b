#include "config/time_zone_table.h"

#include <chrono>
#include <date/tz.h>
#include <exception>
#include <utility>

namespace edgetide {

std::shared_ptr<const TimeZone> time_zone_named(const std::string& name) {
  try {
    const date::time_zone* const zone = date::locate_zone(name);
    const date::sys_seconds first = date::sys_days{date::year{1900} / 1 / 1};
    const date::sys_seconds last = date::sys_days{date::year{2200} / 1 / 1};
    std::vector<TimeZone::Offset> offsets;
    for (date::sys_info info = zone->get_info(first);; info = zone->get_info(info.end)) {
      const Timestamp from =
          Timestamp::microseconds(detail::saturating_mul(info.begin.time_since_epoch().count(), 1'000'000));
      const Duration offset = Duration::seconds(info.offset.count());
      if (offsets.empty() || offsets.back().offset != offset) offsets.push_back({from, offset});
      if (info.end >= last) break;
    }
    return std::make_shared<const TimeZone>(name, std::move(offsets));
  } catch (const std::exception&) {
    return nullptr;
  }
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
