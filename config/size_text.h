// Sizes as people write them: "64MiB", "10MB", "512B". Whole numbers only, so that a size is exact.
//
// Units:  bytes. Thread: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

// Nothing for a string that is not a size, has no unit, or does not fit.
std::optional<std::int64_t> parse_size(std::string_view text) noexcept;

// With the largest binary unit that is exact.
std::string size_text(std::int64_t bytes);

}  // namespace edgetide
