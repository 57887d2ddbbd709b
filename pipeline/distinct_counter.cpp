#include "pipeline/distinct_counter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace edgetide {

namespace {

// The finaliser of SplitMix64: every bit of the value reaches every bit of the hash.
std::uint64_t hash_of(std::uint64_t bits) noexcept {
  bits += 0x9E37'79B9'7F4A'7C15;
  bits = (bits ^ (bits >> 30)) * 0xBF58'476D'1CE4'E5B9;
  bits = (bits ^ (bits >> 27)) * 0x94D0'49BB'1331'11EB;
  return bits ^ (bits >> 31);
}

}  // namespace

std::size_t DistinctCounter::add(double value) {
  const std::size_t before = owned_bytes();
  add_bits(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value));
  return owned_bytes() - std::min(before, owned_bytes());
}

void DistinctCounter::add_bits(std::uint64_t bits) {
  if (!registers_.empty()) return add_hash(hash_of(bits));
  const auto slot = std::lower_bound(values_.begin(), values_.end(), bits);
  if (slot != values_.end() && *slot == bits) return;
  values_.insert(slot, bits);
  if (values_.size() > max_exact) estimate_from_now_on();
}

void DistinctCounter::add_hash(std::uint64_t hash) noexcept {
  const auto slot = static_cast<std::size_t>(hash >> (64 - register_bits));
  const auto rank =
      static_cast<std::uint8_t>(std::countl_zero((hash << register_bits) | 1U << (register_bits - 1)) + 1);
  registers_[slot] = std::max(registers_[slot], rank);
}

void DistinctCounter::estimate_from_now_on() {
  registers_.assign(register_count, 0);
  for (const std::uint64_t bits : values_) add_hash(hash_of(bits));
  values_ = std::vector<std::uint64_t>();
}

void DistinctCounter::merge(const DistinctCounter& other) {
  for (const std::uint64_t bits : other.values_) add_bits(bits);
  if (other.registers_.empty()) return;
  if (registers_.empty()) estimate_from_now_on();
  for (std::size_t i = 0; i < register_count; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

std::uint64_t DistinctCounter::count() const noexcept {
  if (registers_.empty()) return values_.size();
  const auto m = static_cast<double>(register_count);
  double sum = 0;
  double zeros = 0;
  for (const std::uint8_t rank : registers_) {
    sum += std::ldexp(1.0, -rank);
    zeros += rank == 0 ? 1 : 0;
  }
  const double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
  const double estimate = raw <= 2.5 * m && zeros > 0 ? m * std::log(m / zeros) : raw;
  return static_cast<std::uint64_t>(std::llround(estimate));
}

void DistinctCounter::save(ByteWriter& out) const {
  out.u8(registers_.empty() ? 0 : 1);
  if (registers_.empty()) {
    out.u32(static_cast<std::uint32_t>(values_.size()));
    for (const std::uint64_t bits : values_) out.u64(bits);
  }
  for (const std::uint8_t rank : registers_) out.u8(rank);
}

bool DistinctCounter::load(ByteReader& in) {
  if (in.u8() == 0) {
    const std::uint32_t count = in.u32();
    in.require(count > 0 && count <= max_exact);
    if (!in.has(count, 8)) return false;
    values_.resize(count);
    for (std::uint64_t& bits : values_) bits = in.u64();
    in.require(std::adjacent_find(values_.begin(), values_.end(), std::greater_equal<>()) == values_.end());
    return in.ok();
  }
  if (!in.has(register_count, 1)) return false;
  registers_.resize(register_count);
  for (std::uint8_t& rank : registers_) {
    rank = in.u8();
    in.require(rank <= 64 - register_bits + 1);
  }
  return in.ok();
}

}  // namespace edgetide
