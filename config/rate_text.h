// Rates as people write them: "50/s", "0.5/s", "10/m", "100/h".
//
// Units:  rows per hour, which every rate of the configuration has at least one of. Thread: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

// Nothing for a string that is not a rate or does not fit.
std::optional<double> parse_rate(std::string_view text) noexcept;

// With the shortest unit that is exact.
std::string rate_text(std::int64_t per_hour);

}  // namespace edgetide
