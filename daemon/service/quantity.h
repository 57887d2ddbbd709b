// A number and what it counts, as a person reads it: "1 source", "2 sources", "0 rows".
//
// Thread: pure. Fails: never.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

// `noun` in the singular; its plural ends in "s".
inline std::string quantity(std::uint64_t number, std::string_view noun) {
  return std::to_string(number) + ' ' + std::string(noun) + (number == 1 ? "" : "s");
}

}  // namespace edgetide
