// What a server keeps of a client that publishes, across its connections: which messages it has taken, so that one that
// is sent again counts once.
//
//   QoS 2   the packet ids that were received and not released (MQTT 5, 4.3.3)
//   QoS 1   the newest messages, by packet id, topic and payload, to know one that comes with the DUP flag: it was
//           acknowledged, and the client has not heard of it. A client that ends its session and sends again all the
//           same, as some do, is recognised too.
//
// Thread: one owner at a time; pure. Fails: never.
// Limit:  max_in_flight of each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace edgetide {

class DeviceSession {
 public:
  // The receive maximum of MQTT 5. One of 3.1.1 that sends more at once is known to have sent the newest of them.
  static constexpr std::size_t max_in_flight = 512;

  // Of two messages with the same packet id only the later may still come again.
  bool knows(std::uint64_t fingerprint) const noexcept {
    for (auto other = taken_.rbegin(); other != taken_.rend(); ++other) {
      if (*other == fingerprint) return true;
      if (*other >> id_shift == fingerprint >> id_shift) return false;
    }
    return false;
  }
  // Answers are in order: a packet id that is used again shows that all up to its former message have arrived.
  void add(std::uint64_t fingerprint) {
    const auto id = static_cast<std::uint16_t>(fingerprint >> id_shift);
    if (reuses_ids_ || id <= last_id_) forget_through(id);
    last_id_ = id;
    if (taken_.size() == max_in_flight) taken_.pop_front();
    taken_.push_back(fingerprint);
  }

  // It uses few packet ids, so an equal message with the id of one that is settled may be another one.
  bool reuses_ids() const noexcept { return reuses_ids_; }
  // The client has all answers.
  void settle() noexcept { taken_.clear(); }

  bool is_unreleased(std::uint16_t packet_id) const noexcept {
    return std::binary_search(unreleased_.begin(), unreleased_.end(), packet_id);
  }
  // False: there are too many.
  bool hold(std::uint16_t packet_id) {
    if (unreleased_.size() >= max_in_flight) return false;
    unreleased_.insert(std::lower_bound(unreleased_.begin(), unreleased_.end(), packet_id), packet_id);
    return true;
  }
  // False: it is not one of them.
  bool release(std::uint16_t packet_id) noexcept {
    const auto held = std::lower_bound(unreleased_.begin(), unreleased_.end(), packet_id);
    if (held == unreleased_.end() || *held != packet_id) return false;
    unreleased_.erase(held);
    return true;
  }
  std::size_t unreleased() const noexcept { return unreleased_.size(); }

  // The message was not taken after all; those that were added after it have been taken back before.
  void take_back(std::uint64_t fingerprint, bool is_held) noexcept {
    if (is_held) release(static_cast<std::uint16_t>(fingerprint >> id_shift));
    if (!taken_.empty() && taken_.back() == fingerprint) taken_.pop_back();
  }

  // A new session of the same client.
  void reset() noexcept { unreleased_.clear(); }

 private:
  static constexpr unsigned id_shift = 32;  // message_fingerprint.h

  void forget_through(std::uint16_t id) noexcept {
    auto one = taken_.end();
    while (one != taken_.begin() && static_cast<std::uint16_t>(*(one - 1) >> id_shift) != id) --one;
    if (one == taken_.begin()) return;
    taken_.erase(taken_.begin(), one);
    reuses_ids_ = true;
  }

  std::deque<std::uint64_t> taken_;  // the newest comes last
  std::uint16_t last_id_ = 0;
  bool reuses_ids_ = false;
  std::vector<std::uint16_t> unreleased_;  // in their order
};

}  // namespace edgetide
