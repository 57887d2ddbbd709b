// The newest messages of one session that were taken, to know one that its sender sends again because it did not hear
// that it was taken. It can only be among those that were on their way at once: as many as the sender sends without an
// acknowledgement. An older one is settled, and its packet id is free for another message.
//
// A message is a fingerprint of 48 bits (message_fingerprint.h). Its upper 16 are its packet id, or 0 if it has none;
// of two with the same id only the later may still come again.
//
// Thread: one owner at a time (the intake lock). Fails: never. Cost: `add` is a write to memory; `knows` compares with
//         all of them, and is called rarely.
// Limit:  `most` messages, at most those of 65,534 packet ids: one fewer than there are, so that an id that went once
//         around is never taken for the message that had it before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/bytes.h"

namespace edgetide {

class RecentMessages {
 public:
  static constexpr std::size_t usual_messages = 1000;
  static constexpr std::size_t max_messages = 65'534;

  // From now on; keeps the newest of what it has.
  void keep_most(std::size_t most) {
    if (keeps(most)) return;
    most = clamped(most);
    std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(oldest_), ring_.end());
    oldest_ = 0;
    if (ring_.size() > most) ring_.erase(ring_.begin(), ring_.end() - static_cast<std::ptrdiff_t>(most));
    most_ = most;
  }

  bool keeps(std::size_t most) const noexcept { return clamped(most) == most_; }

  void add(std::uint64_t fingerprint) {
    if (ring_.size() < most_) {
      ring_.push_back(fingerprint);
    } else {
      ring_[oldest_] = fingerprint;
      oldest_ = oldest_ + 1 == ring_.size() ? 0 : oldest_ + 1;
    }
  }

  bool knows(std::uint64_t fingerprint) const noexcept {
    const std::uint64_t id = fingerprint >> id_shift;
    for (std::size_t back = 1; back <= ring_.size(); ++back) {
      const std::uint64_t other = newest(back);
      if (other == fingerprint) return true;
      if (id != 0 && other >> id_shift == id) return false;
    }
    return false;
  }

  // Topic and payload of the newest. Requires: there is one.
  std::uint32_t newest_text() const noexcept { return static_cast<std::uint32_t>(newest(1)); }
  // How many at the end have that of the newest.
  std::size_t equal_at_end() const noexcept {
    std::size_t equal = 0;
    while (equal < ring_.size() && static_cast<std::uint32_t>(newest(equal + 1)) == newest_text()) ++equal;
    return equal;
  }

  const std::vector<std::uint64_t>& all() const noexcept { return ring_; }  // in no order
  void clear() noexcept { ring_.clear(), oldest_ = 0; }
  std::size_t size() const noexcept { return ring_.size(); }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(most_));
    out.u32(static_cast<std::uint32_t>(ring_.size()));
    for (std::size_t back = ring_.size(); back > 0; --back) {
      const std::uint64_t one = newest(back);
      out.numbers(static_cast<std::uint32_t>(one), static_cast<std::uint16_t>(one >> id_shift));
    }
  }
  void load(ByteReader& in) {
    *this = {};
    keep_most(in.u32());
    const std::uint32_t count = in.u32();
    if (!in.has(count, 6)) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t low = in.u32();
      const std::uint64_t id = in.u8();
      add(low | (id | std::uint64_t{in.u8()} << 8) << id_shift);
    }
  }

 private:
  static constexpr unsigned id_shift = 32;

  static std::size_t clamped(std::size_t most) noexcept { return std::clamp<std::size_t>(most, 1, max_messages); }

  // 1: the newest. Requires: as many are there.
  std::uint64_t newest(std::size_t back) const noexcept {
    return ring_[back <= oldest_ ? oldest_ - back : oldest_ + ring_.size() - back];
  }

  std::size_t most_ = usual_messages;
  std::size_t oldest_ = 0;  // once there are `most_`
  std::vector<std::uint64_t> ring_;
};

}  // namespace edgetide
