// Division that rounds down, for negative numbers too: -1 divided by 10 is -1, and nothing is rounded towards 0.
//
// Thread: pure. Requires: b > 0.
#pragma once

#include <cstdint>

namespace edgetide {

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept {
  const std::int64_t quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}

constexpr std::int64_t floor_modulo(std::int64_t a, std::int64_t b) noexcept {
  const std::int64_t rest = a % b;
  return rest < 0 ? rest + b : rest;
}

}  // namespace edgetide
