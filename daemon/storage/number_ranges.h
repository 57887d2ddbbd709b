// A set of record numbers, as ranges of consecutive ones. Bytes: how many ranges in 4 bytes, then first and last of
// each in 8 bytes (pipeline/bytes.h).
//
// Thread: plain values. Fails: `load` leaves the reader not ok for bytes that are no such set.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>

#include "pipeline/bytes.h"

namespace edgetide {

class NumberRanges {
 public:
  bool has(std::uint64_t number) const noexcept {
    const auto after = last_by_first_.upper_bound(number);
    return after != last_by_first_.begin() && number <= std::prev(after)->second;
  }
  void add(std::uint64_t number) { add(number, number); }
  // All from `first` to `last`.
  void add(std::uint64_t first, std::uint64_t last) {
    auto range = last_by_first_.upper_bound(first);
    if (range != last_by_first_.begin() && std::prev(range)->second + 1 >= first) --range, first = range->first;
    while (range != last_by_first_.end() && range->first <= last + 1) {
      last = std::max(last, range->second);
      range = last_by_first_.erase(range);
    }
    last_by_first_.emplace_hint(range, first, last);
  }
  void add(const NumberRanges& others) {
    for (const auto& [first, last] : others.last_by_first_) add(first, last);
  }
  // Forgets those before `number`, but for those that share a range with a later one.
  void forget_before(std::uint64_t number) {
    while (!last_by_first_.empty() && last_by_first_.begin()->second < number)
      last_by_first_.erase(last_by_first_.begin());
  }

  bool empty() const noexcept { return last_by_first_.empty(); }
  std::size_t ranges() const noexcept { return last_by_first_.size(); }
  std::uint64_t last() const noexcept { return empty() ? 0 : last_by_first_.rbegin()->second; }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(last_by_first_.size()));
    for (const auto& [first, last] : last_by_first_) {
      out.u64(first);
      out.u64(last);
    }
  }
  // Adds what was saved.
  void load(ByteReader& in) {
    const std::uint32_t count = in.u32();
    for (std::uint32_t i = 0; i < count && in.has(1, 2 * sizeof(std::uint64_t)); ++i) {
      const std::uint64_t first = in.u64();
      const std::uint64_t last = in.u64();
      in.require(first > 0 && first <= last && last < std::numeric_limits<std::uint64_t>::max());
      if (!in.ok()) return;
      add(first, last);
    }
  }

  bool operator==(const NumberRanges&) const = default;

 private:
  std::map<std::uint64_t, std::uint64_t> last_by_first_;  // no two touch
};

}  // namespace edgetide
