// Numbers in as few bytes as possible: LEB128, 7 bits per byte, lowest first; signed numbers in zigzag.
//
// Thread: pure. Fails: reading beyond the end, or a number of more than 64 bits, gives ok() == false from then on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/little_endian.h"

namespace edgetide {

inline void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(static_cast<unsigned char>(value | 0x80));
  out += static_cast<char>(static_cast<unsigned char>(value));
}

constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}
inline void put_signed(std::string& out, std::int64_t value) {
  put_varint(out, zigzag(value));
}
inline void put_bytes(std::string& out, std::uint64_t value, unsigned bytes) {
  char text[sizeof value];
  store_little_endian(value, text, bytes);
  out.append(text, bytes);
}
inline void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

class VarintReader {
 public:
  explicit VarintReader(std::string_view bytes) noexcept : rest_(bytes) {}

  std::uint64_t varint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return ok_ ? value : 0;
    }
    return fail();
  }
  std::int64_t signed_varint() noexcept { return unzigzag(varint()); }
  std::uint64_t bytes(unsigned count) noexcept {
    if (rest_.size() < count) return fail();
    const std::uint64_t value = load_little_endian(rest_.data(), count);
    rest_.remove_prefix(count);
    return ok_ ? value : 0;
  }
  std::string_view text() noexcept {
    const std::uint64_t length = varint();
    if (length > rest_.size()) fail();
    if (!ok_) return {};
    const auto size = static_cast<std::size_t>(length);
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }

  void require(bool condition) noexcept { ok_ = ok_ && condition; }
  // True if at least `count` items of a byte each can still follow: guards loops against absurd counts.
  bool has(std::uint64_t count) noexcept {
    require(count <= rest_.size());
    return ok_;
  }
  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return rest_.empty(); }
  std::string_view rest() const noexcept { return rest_; }

 private:
  std::uint64_t fail() noexcept {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace edgetide
