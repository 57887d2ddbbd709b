// The hash of a pair of short texts, for finding a series by its names: a few instructions per 16 bytes.
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
  const char* at = text.data();
  std::size_t left = text.size();
  hash ^= left;
  for (; left > 16; left -= 16, at += 16) {
    hash = fold(load<std::uint64_t>(at) ^ first, load<std::uint64_t>(at + 8) ^ hash);
  }
  // The rest as two words, which overlap where it is short.
  if (left >= 8) return fold(load<std::uint64_t>(at) ^ first, load<std::uint64_t>(at + left - 8) ^ hash);
  if (left >= 4) return fold(load<std::uint32_t>(at) ^ first, load<std::uint32_t>(at + left - 4) ^ hash);
  if (left == 0) return fold(first, hash);
  const std::uint64_t rest = load<std::uint8_t>(at) << 16 | load<std::uint8_t>(at + left / 2) << 8;
  return fold((rest | load<std::uint8_t>(at + left - 1)) ^ first, hash);
}

inline bool same_16_bytes(const char* a, const char* b) noexcept {
  return ((load<std::uint64_t>(a) ^ load<std::uint64_t>(b)) |
          (load<std::uint64_t>(a + 8) ^ load<std::uint64_t>(b + 8))) == 0;
}

// memcmp of short texts without a call. The last compare may overlap the one before.
inline bool same_bytes(const char* a, const char* b, std::size_t size) noexcept {
  if (size >= 16) {
    for (std::size_t i = 0; i + 16 < size; i += 16) {
      if (!same_16_bytes(a + i, b + i)) return false;
    }
    return same_16_bytes(a + size - 16, b + size - 16);
  }
  if (size >= 8) {
    return ((load<std::uint64_t>(a) ^ load<std::uint64_t>(b)) |
            (load<std::uint64_t>(a + size - 8) ^ load<std::uint64_t>(b + size - 8))) == 0;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace detail

inline std::uint32_t name_hash(std::uint64_t seed, std::string_view a, std::string_view b) noexcept {
  const std::uint64_t hash = detail::mix_text(detail::mix_text(seed ^ 0x8EBC'6AF0'9C88'C6E3, a), b);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

}  // namespace edgetide
