// From which window start on a definition takes windows in place of the one before it, when its configuration was
// changed: by key, since each sensor has its own time; or one time for all, where keys are groups.
//
// Units:  UTC microseconds. Thread: plain values. Fails: never.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/ids.h"
#include "pipeline/time.h"

namespace edgetide {

class Handover {
 public:
  // For every key.
  explicit Handover(Timestamp all) noexcept : all_(all) {}
  // By key; keys that come later are the new definition's from the beginning.
  explicit Handover(std::vector<Timestamp> by_key) noexcept : by_key_(std::move(by_key)) {}

  Timestamp at(KeyId key) const noexcept { return index_of(key) < by_key_.size() ? by_key_[index_of(key)] : all_; }
  Timestamp of_all() const noexcept { return all_; }
  // Each time by change(time).
  template <typename Change>
  void move(Change&& change) {
    all_ = change(all_);
    for (Timestamp& time : by_key_) time = change(time);
  }
  // The key is given to something else.
  void forget(KeyId key) noexcept {
    if (index_of(key) < by_key_.size()) by_key_[index_of(key)] = Timestamp::earliest();
  }

  // No reading can come any more that is before it: its key has reached it by `margin`, or so old ones are refused.
  bool is_past(const std::vector<Timestamp>& reached, Timestamp too_old, Duration margin) const noexcept {
    if (by_key_.empty() && reached.empty()) return too_old >= all_ + margin;
    for (std::uint32_t key = 0; key < std::max(reached.size(), by_key_.size()); ++key) {
      const Timestamp handed_over = at(KeyId{key});
      const Timestamp time = key < reached.size() ? std::max(reached[key], too_old) : too_old;
      if (handed_over != Timestamp::earliest() && time < handed_over + margin) return false;
    }
    return true;
  }

  bool is_same(const Handover& other) const noexcept {
    bool same = all_ == other.all_;
    const std::size_t keys = std::max(by_key_.size(), other.by_key_.size());
    for (std::uint32_t key = 0; key < keys; ++key) same = same && at(KeyId{key}) == other.at(KeyId{key});
    return same;
  }

  void save(ByteWriter& out) const {
    out.time(all_);
    out.u32(static_cast<std::uint32_t>(by_key_.size()));
    for (const Timestamp time : by_key_) out.time(time);
  }
  static Handover load(ByteReader& in) {
    Handover handover(in.time());
    const std::uint32_t keys = in.u32();
    if (!in.has(keys, sizeof(Timestamp))) return handover;
    for (std::uint32_t i = 0; i < keys; ++i) handover.by_key_.push_back(in.time());
    return handover;
  }

  std::size_t memory_bytes() const noexcept { return heap_bytes(by_key_); }

 private:
  std::vector<Timestamp> by_key_;
  Timestamp all_ = Timestamp::earliest();
};

}  // namespace edgetide
