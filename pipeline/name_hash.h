// The hash of a pair of short strings, for finding a series by its names: one multiplication per 16 bytes.
//
// The secrets come from a seed: who does not know it cannot make many names that meet in one slot.
// See: multiply and fold of 128-bit products, as in wyhash (Wang Yi, public domain).
// Thread: pure. It may differ between versions; `wide` is stored (evicted_keys.h), so that it may not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace edgetide {

namespace detail {

// The two halves of the product, one folded over the other. For machines without 128 bits:
inline std::uint64_t fold_by_parts(std::uint64_t a, std::uint64_t b) noexcept {
  constexpr std::uint64_t half = 0xFFFF'FFFF;
  const std::uint64_t low = (a & half) * (b & half);
  const std::uint64_t left = (a >> 32) * (b & half) + (low >> 32);
  const std::uint64_t right = (a & half) * (b >> 32) + (left & half);
  const std::uint64_t high = (a >> 32) * (b >> 32) + (left >> 32) + (right >> 32);
  return (right << 32 | (low & half)) ^ high;
}

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
#ifdef __SIZEOF_INT128__
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
  return fold_by_parts(a, b);
#endif
}

template <typename Word>
std::uint64_t load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

template <typename Word>
std::uint64_t difference(const char* a, const char* b) noexcept {
  return load<Word>(a) ^ load<Word>(b);
}

// 0 if the bytes are the same: memcmp of short strings without a call. Words overlap unless 8 divides the size.
inline std::uint64_t difference(const char* a, const char* b, std::size_t size) noexcept {
  if (size >= 8) {
    std::uint64_t all = difference<std::uint64_t>(a, b) | difference<std::uint64_t>(a + size - 8, b + size - 8);
    for (std::size_t i = 8; i + 8 < size; i += 8) all |= difference<std::uint64_t>(a + i, b + i);
    return all;
  }
  if (size >= 4) return difference<std::uint32_t>(a, b) | difference<std::uint32_t>(a + size - 4, b + size - 4);
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < size; ++i) all |= difference<std::uint8_t>(a + i, b + i);
  return all;
}

}  // namespace detail

class NameHash {
 public:
  explicit NameHash(std::uint64_t seed) noexcept
      : secret_(detail::fold(seed ^ 0x8EBC'6AF0'9C88'C6E3, 0xA076'1D64'78BD'642F)),
        spread_(detail::fold(secret_ ^ 0x5896'59D5'1CDD'8C29, 0xE703'7ED1'A0B4'28DB) | 1) {}

  // Tells pairs of different lengths apart, so that strings may be read in words that overlap.
  static std::uint64_t lengths_of(std::string_view a, std::string_view b) noexcept {
    return std::uint64_t{a.size()} << 32 | b.size();
  }

  // Requires: `lengths` are those of a and b.
  std::uint32_t operator()(std::uint64_t lengths, std::string_view a, std::string_view b) const noexcept {
    return static_cast<std::uint32_t>(wide(lengths, a, b));
  }
  std::uint64_t wide(std::uint64_t lengths, std::string_view a, std::string_view b) const noexcept {
    return mix(mix((lengths + 1) * spread_, a), b);
  }

 private:
  std::uint64_t mix(std::uint64_t hash, std::string_view text) const noexcept {
    const char* at = text.data();
    const std::size_t size = text.size();
    if (size >= 16) {
      hash = mix_words<std::uint64_t>(hash, at, at + 8);
      for (std::size_t i = 16; i + 16 < size; i += 16) hash = mix_words<std::uint64_t>(hash, at + i, at + i + 8);
      return mix_words<std::uint64_t>(hash, at + size - 16, at + size - 8);
    }
    if (size >= 8) return mix_words<std::uint64_t>(hash, at, at + size - 8);
    if (size >= 4) return mix_words<std::uint32_t>(hash, at, at + size - 4);
    if (size == 0) return hash;
    const std::uint64_t ends = detail::load<std::uint8_t>(at) << 8 | detail::load<std::uint8_t>(at + size - 1);
    return detail::fold((ends << 8 | detail::load<std::uint8_t>(at + size / 2)) ^ secret_, hash);
  }

  template <typename Word>
  std::uint64_t mix_words(std::uint64_t hash, const char* first, const char* second) const noexcept {
    return detail::fold(detail::load<Word>(first) ^ secret_, detail::load<Word>(second) ^ hash);
  }

  std::uint64_t secret_;
  std::uint64_t spread_;
};

inline std::uint32_t name_hash(std::uint64_t seed, std::string_view a, std::string_view b) noexcept {
  return NameHash(seed)(NameHash::lengths_of(a, b), a, b);
}

}  // namespace edgetide
