// Times as text: RFC 3339 in and out, durations as people write them.
//
// Units:  UTC microseconds. Digits beyond microseconds are read and dropped; an offset is applied.
// Fails:  `parse_*` return nothing for text that is not a time. Years 0000 to 9999; others print as microseconds.
// See: RFC 3339 section 5.6; civil-day arithmetic after Howard Hinnant, "chrono-Compatible Low-Level Date
// Algorithms". Thread: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/time.h"

namespace edgetide {

// "2026-11-21T01:30:00.000000Z"
void append_rfc3339(std::string& out, Timestamp time);
std::string to_rfc3339(Timestamp time);

// "2026-11-21T01:30:00Z", "2026-11-21 01:30:00.5+02:00". A zone is required.
std::optional<Timestamp> parse_rfc3339(std::string_view text) noexcept;

// ISO 8601 as devices write it beyond RFC 3339: "20261121T013000Z", "2026-11-21T01:30+01", "2026-11-21 01:30:00 UTC",
// blanks around it. Without a zone: what a clock shows, as if it were UTC.
struct IsoTime {
  Timestamp time;
  bool has_zone;
};
std::optional<IsoTime> parse_iso8601(std::string_view text) noexcept;

// What a calendar and a clock show, taken as UTC. Second 60, a leap second, is the start of the next. Nothing for a day
// or time that does not exist.
struct CivilTime {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};
std::optional<Timestamp> time_of(const CivilTime& civil) noexcept;

// The shortest exact form with one unit: "10s", "500ms", "1h", "7d", "90s"; "none" for Duration::unlimited().
std::string to_text(Duration duration);

// Number (may have a fraction) and unit (us, ms, s, m, h, d, w, y): "10s", "1.5h". Negative with a leading "-".
std::optional<Duration> parse_duration(std::string_view text) noexcept;

}  // namespace edgetide
