// Doubles as sensors send them, in few bytes: a value of up to six decimals is a whole number and a power of ten.
//
//   21.5 = 215 / 10     is varint(zigzag(215) * 8 + 1), 2 bytes
//   anything else       is varint(7) and the 8 bytes of the double
//
// Exact: a value is written in the short form only if reading gives the same bits. Thread: pure.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "pipeline/varint.h"

namespace edgetide {

namespace detail {

inline constexpr std::array<double, 7> powers_of_ten = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
inline constexpr std::uint64_t not_decimal = powers_of_ten.size();
inline constexpr double max_digits = 4503599627370496.0;  // 2^52: every whole number up to it is a double

}  // namespace detail

inline void put_number(std::string& out, double value) {
  for (std::size_t i = 0; i < detail::powers_of_ten.size(); ++i) {
    const double scaled = value * detail::powers_of_ten[i];
    if (!(std::abs(scaled) < detail::max_digits)) break;
    const auto digits = static_cast<std::int64_t>(scaled + std::copysign(0.5, scaled));
    const double read = static_cast<double>(digits) / detail::powers_of_ten[i];
    if (std::bit_cast<std::uint64_t>(read) != std::bit_cast<std::uint64_t>(value)) continue;
    return put_varint(out, zigzag(digits) << 3 | i);
  }
  put_varint(out, detail::not_decimal);
  put_bytes(out, std::bit_cast<std::uint64_t>(value), 8);
}

inline double get_number(VarintReader& in) noexcept {
  const std::uint64_t code = in.varint();
  const auto decimals = static_cast<std::size_t>(code & 7);
  if (decimals == detail::not_decimal) return std::bit_cast<double>(in.bytes(8));
  return static_cast<double>(unzigzag(code >> 3)) / detail::powers_of_ten[decimals];
}

}  // namespace edgetide
