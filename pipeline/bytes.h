// Little-endian bytes, written and read without trust: what snapshots are made of.
//
// ByteWriter  appends to a string it is given.
// ByteReader  reads from a view; after the first read beyond the end (or a failed check) `ok` stays false and every
//             read gives zero, so that callers check once at the end of a group.
//
// Thread: one owner at a time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/little_endian.h"
#include "pipeline/time.h"

namespace edgetide {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) noexcept : out_(out) {}

  void u8(std::uint8_t value) { numbers(value); }
  void u32(std::uint32_t value) { numbers(value); }
  void u64(std::uint64_t value) { numbers(value); }
  void i64(std::int64_t value) { numbers(value); }
  void time(Timestamp value) { numbers(value.count()); }
  void duration(Duration value) { numbers(value.count()); }
  void text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    out_ += value;
  }

  // Integers one after the other, each as wide as its type: much faster than one by one.
  template <typename... Numbers>
  void numbers(Numbers... values) {
    std::array<char, (sizeof values + ...)> bytes;
    char* to = bytes.data();
    ((store(values, to), to += sizeof values), ...);
    out_.append(bytes.data(), bytes.size());
  }
  void words(std::span<const std::uint64_t> values) {
    if constexpr (std::endian::native == std::endian::little) {
      out_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    } else {
      for (const std::uint64_t value : values) u64(value);
    }
  }

  // A text whose length only the end tells: what is written between the two.
  std::size_t begin_text() {
    u32(0);
    return out_.size();
  }
  void end_text(std::size_t begin) noexcept {
    store(static_cast<std::uint32_t>(out_.size() - begin), &out_[begin - sizeof(std::uint32_t)]);
  }

 private:
  template <typename Number>
  static void store(Number value, char* to) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(to, &value, sizeof value);
    } else {
      store_little_endian(static_cast<std::uint64_t>(value), to, sizeof value);
    }
  }

  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : rest_(bytes) {}

  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(little_endian(1)); }
  std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u64() noexcept { return little_endian(8); }
  std::int64_t i64() noexcept { return static_cast<std::int64_t>(u64()); }
  Timestamp time() noexcept { return Timestamp::microseconds(i64()); }
  Duration duration() noexcept { return Duration::microseconds(i64()); }
  std::string_view text() noexcept { return take(u32()); }

  void require(bool condition) noexcept { ok_ = ok_ && condition; }
  // True if at least `count` items of `bytes` each can still follow: guards loops against absurd counts.
  bool has(std::uint64_t count, std::uint64_t bytes) noexcept {
    require(count <= rest_.size() / bytes);
    return ok_;
  }

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return rest_.empty(); }

 private:
  std::string_view take(std::size_t bytes) noexcept {
    require(bytes <= rest_.size());
    if (!ok_) return {};
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  std::uint64_t little_endian(unsigned bytes) noexcept {
    const std::string_view taken = take(bytes);
    return load_little_endian(taken.data(), taken.size());
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace edgetide
