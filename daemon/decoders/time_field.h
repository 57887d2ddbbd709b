// Event times in payloads: numbers with a known or guessed unit, or RFC 3339 text.
//
// Units:  results in UTC microseconds; finer digits are dropped (towards the past), as in time_text.h.
// Fails:  nothing for text that is not a time in this format, or does not fit in int64 microseconds.
// See: the thresholds of TimeFormat::automatic are those of InfluxDB 3.
// Thread: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "pipeline/time.h"

namespace edgetide {

// Exact.
std::optional<Timestamp> time_of_integer(std::int64_t number, TimeFormat format) noexcept;

// A number with a fraction or an exponent, to the nearest microsecond.
std::optional<Timestamp> time_of_number(double number, TimeFormat format) noexcept;

// RFC 3339, or a quoted number.
std::optional<Timestamp> time_of_text(std::string_view text, TimeFormat format) noexcept;

}  // namespace edgetide
