// A zone of the system's time zone database as the table that the pipeline computes with. The only user of date/tz.h.
//
// Covers: 1900 to 2200. Needs the package tzdata when it runs.
// Thread: any. Fails: nothing for a name that the database does not have, or without a database.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/section.h"
#include "pipeline/time_zone.h"

namespace edgetide {

std::shared_ptr<const TimeZone> time_zone_named(const std::string& name);
std::vector<std::string> time_zone_names();

// The zone that a key of the section names; "UTC" needs no database. Null, and an error with a proposal, for a name
// that is not known.
std::shared_ptr<const TimeZone> time_zone_or_error(const Section& section, std::string_view key,
                                                   const std::string& name);

}  // namespace edgetide
