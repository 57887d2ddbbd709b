// How many different values there were: exact up to max_exact, then a HyperLogLog of 2048 registers, whose standard
// error is 2.3 %. The result is the same whatever the order of values and merges.
//
// See: Flajolet et al., HyperLogLog, 2007, with linear counting for small numbers.
// Owns:   8 bytes per value while exact, then 2 KiB. Thread: one owner at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"

namespace edgetide {

class DistinctCounter {
 public:
  static constexpr std::size_t max_exact = 256;
  static constexpr double standard_error = 0.023;

  std::size_t add(double value);  // -0 is 0; returns the bytes it took
  void merge(const DistinctCounter& other);
  std::uint64_t count() const noexcept;

  std::size_t owned_bytes() const noexcept { return heap_bytes(values_) + heap_bytes(registers_); }
  // What the next value would take at most.
  std::size_t growth(double /*value*/) const noexcept {
    if (!registers_.empty()) return 0;
    return values_.size() == max_exact ? heap_block(register_count) : heap_growth(values_);
  }
  static constexpr std::size_t largest_growth() noexcept { return heap_block(register_count); }
  void save(ByteWriter& out) const;
  bool load(ByteReader& in);

 private:
  static constexpr unsigned register_bits = 11;
  static constexpr std::size_t register_count = std::size_t{1} << register_bits;

  void add_bits(std::uint64_t bits);
  void add_hash(std::uint64_t hash) noexcept;
  void estimate_from_now_on();

  std::vector<std::uint64_t> values_;  // bits of the values, sorted; empty once there are registers
  std::vector<std::uint8_t> registers_;
};

}  // namespace edgetide
