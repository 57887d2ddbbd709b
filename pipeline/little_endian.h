// Unsigned integers as little-endian bytes: all that is written to files has this order.
//
// Thread: pure. Fails: never. Requires: 0 to 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgetide {

constexpr void store_little_endian(std::uint64_t value, char* to, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

constexpr std::uint64_t load_little_endian(const char* from, std::size_t bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  }
  return value;
}

}  // namespace edgetide
