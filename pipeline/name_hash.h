// The hash of a pair of short texts, for finding a series by its names: a few instructions per 8 bytes.
//
// The same on every machine with the same byte order; it is never stored.
// Source: multiply and fold of 128-bit products, as in wyhash (Wang Yi, public domain).
// Thread: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace edgetide {

namespace detail {

// Two's complement 128-bit products are an extension that every compiler we build with has.
__extension__ using Product = unsigned __int128;

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <typename Word>
std::uint64_t load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline std::uint64_t mix_text(std::uint64_t hash, std::string_view text) noexcept {
  constexpr std::uint64_t first = 0xA076'1D64'78BD'642F;
  constexpr std::uint64_t second = 0xE703'7ED1'A0B4'28DB;
  const char* at = text.data();
  std::size_t left = text.size();
  hash ^= left * second;
  if (left >= 8) {
    for (; left > 8; left -= 8, at += 8) hash = fold(hash ^ load<std::uint64_t>(at), first);
    return fold(hash ^ load<std::uint64_t>(at + left - 8), second);  // the last 8, over what was read before if need be
  }
  std::uint64_t rest = 0;
  if (left >= 4) {
    rest = load<std::uint32_t>(at) << 32 | load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    rest = load<std::uint8_t>(at) << 16 | load<std::uint8_t>(at + left / 2) << 8 | load<std::uint8_t>(at + left - 1);
  }
  return fold(hash ^ rest, second);
}

}  // namespace detail

inline std::uint32_t name_hash(std::uint64_t seed, std::string_view a, std::string_view b) noexcept {
  const std::uint64_t hash = detail::mix_text(detail::mix_text(seed ^ 0x8EBC'6AF0'9C88'C6E3, a), b);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

}  // namespace edgetide
