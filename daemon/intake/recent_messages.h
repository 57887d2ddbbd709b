// The fingerprints of the newest messages that were taken, to know one that its sender sends again because it did not
// hear that it was taken. It can only be among those that were on their way to us at once: with MQTT the broker's
// inflight window, 20 messages by default.
//
// Thread: one owner at a time (the intake lock). Fails: never. Cost: `knows` compares with all of them; it is called
//         rarely.
// Limit:  the newest 4096 of all sources. A resent one beyond is taken a second time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "pipeline/bytes.h"

namespace edgetide {

class RecentMessages {
 public:
  static constexpr std::size_t max_messages = 4096;

  void add(std::uint64_t fingerprint) noexcept { newest_[added_++ % max_messages] = fingerprint; }
  bool knows(std::uint64_t fingerprint) const noexcept {
    const auto end = newest_.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(added_, max_messages));
    return std::find(newest_.begin(), end, fingerprint) != end;
  }

  void save(ByteWriter& out) const {
    const std::uint64_t count = std::min<std::uint64_t>(added_, max_messages);
    out.u32(static_cast<std::uint32_t>(count));
    for (std::uint64_t i = added_ - count; i < added_; ++i) out.u64(newest_[i % max_messages]);
  }
  void load(ByteReader& in) {
    *this = {};
    const std::uint32_t count = in.u32();
    if (!in.has(count, 8)) return;
    for (std::uint32_t i = 0; i < count; ++i) add(in.u64());
  }

 private:
  std::array<std::uint64_t, max_messages> newest_{};
  std::uint64_t added_ = 0;
};

}  // namespace edgetide
