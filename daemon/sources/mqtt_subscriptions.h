// The subscriptions of a session at a broker: those that the routes need, and those of former routes, which the session
// keeps until they are ended. And which of several copies of a message counts.
//
// A broker may send a message once for each of our filters that match its topic. With MQTT 5 each copy bears the
// identifier of its subscription; exactly one is taken, that of the oldest filter that matched. An identifier stays
// with its filter as long as the session has it and is never used again, so that a message that the broker kept from
// before an edit of the routes is judged by the filters of that time.
//
// Thread: one owner at a time. Fails: never; notes that cannot be read count as none.
// Limit:  the newest max_ended filters that were ended are remembered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/route.h"

namespace edgetide {

class MqttSubscriptions {
 public:
  static constexpr std::size_t max_ended = 64;

  struct Subscription {
    std::string filter;
    std::uint32_t identifier = 0;
    std::uint32_t ended_before = 0;  // ended when this was the next identifier; 0: it is needed
    bool at_broker = true;           // or may be

    bool is_needed() const noexcept { return ended_before == 0; }
  };

  // `needed`: what the routes need, none twice. `notes`: of the session, as `notes` gave them; empty: it is a new one.
  MqttSubscriptions(const std::vector<std::string>& needed, std::string_view notes);

  const std::vector<Subscription>& all() const noexcept { return all_; }
  // The broker has ended those that are not needed.
  void forget_at_broker() noexcept;
  std::string notes() const;

  // Some topic matches two of them; else every message is the only copy.
  bool is_overlapping() const noexcept { return overlapping_; }
  // Is this the copy of the message that counts? Identifiers as it bears them; without any, every copy may be.
  bool takes(std::string_view topic, std::span<const std::uint32_t> identifiers) const;
  // How many copies of a message a broker without identifiers may send.
  unsigned copies(std::string_view topic) const;

 private:
  bool read(std::string_view notes);
  bool takes_ended(std::string_view topic, std::span<const std::uint32_t> identifiers) const;
  bool matches(std::size_t subscription, std::string_view topic) const;

  std::vector<Subscription> all_;  // by identifier
  std::uint32_t next_identifier_ = 1;
  std::vector<TopicPattern> patterns_;  // of all_
  bool overlapping_ = false;            // some topic matches two
};

}  // namespace edgetide
