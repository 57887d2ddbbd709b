// The subscriptions of a session at a broker: those that the routes need, and those of former routes, which the session
// keeps until they are ended. And which of several copies of a message counts.
//
// A broker may send a message once for each of our filters that match its topic. With MQTT 5 each copy bears the
// identifier of its subscription; exactly one is taken, that of the oldest filter that matched. An identifier stays
// with its filter as long as the session has it and is never used again, so that a message that the broker kept from
// before an edit of the routes is judged by the filters of that time.
//
// After an edit the new filters are subscribed to before the former ones are ended. A message that is sent meanwhile
// comes through both. Until the broker has answered that they are ended, the copy through the former one counts.
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

  enum class AtBroker : std::uint8_t { no, maybe, surely };

  struct Subscription {
    std::string filter;  // as it is subscribed to: of a shared one with its group (topic_filter.h)
    std::uint32_t identifier = 0;
    std::uint32_t ended_before = 0;  // ended when this was the next identifier; 0: it is needed
    AtBroker at_broker = AtBroker::maybe;

    bool is_needed() const noexcept { return ended_before == 0; }
    bool has_to_end() const noexcept { return !is_needed() && at_broker != AtBroker::no; }
  };

  // What a message is, by the subscriptions that it comes through.
  struct Copy {
    enum class Kind {
      counts,
      left_out,       // another copy counts, whenever it comes
      until_ended,    // the copy through a former filter counts, as the broker has not ended that yet
      through_ended,  // it counts, and
      through_newer,  // it counts, but there may be a copy of the other kind right before or behind it
    } kind = Kind::counts;
    bool former_comes_first = true;  // of the last three: in mosquitto's order
  };

  // `needed`: what the routes need, none twice. `notes`: of the session, as `notes` gave them; empty: it is a new one.
  MqttSubscriptions(const std::vector<std::string>& needed, std::string_view notes);

  const std::vector<Subscription>& all() const noexcept { return all_; }
  void note_subscribed() noexcept;  // to all that are needed
  void note_ending() noexcept;      // the broker will be asked to end those that are not needed
  void note_ended() noexcept;       // and has answered
  std::string notes() const;

  // Some topic matches two of them; else every message is the only copy.
  bool is_overlapping() const noexcept { return overlapping_; }
  // Identifiers as the message bears them; without any, every copy may count.
  Copy copy_of(std::string_view topic, std::span<const std::uint32_t> identifiers) const;
  // How many copies of a message a broker without identifiers may send, if the routes are not edited meanwhile.
  unsigned copies(std::string_view topic) const;

 private:
  bool read(std::string_view notes);
  Copy copy_through_former(std::string_view topic, std::span<const std::uint32_t> identifiers) const;
  Copy copy_through_needed(std::size_t subscription, std::string_view topic) const;
  bool matches(std::size_t subscription, std::string_view topic) const;

  std::vector<Subscription> all_;  // by identifier
  std::uint32_t next_identifier_ = 1;
  std::vector<TopicPattern> patterns_;  // of all_
  bool overlapping_ = false;            // some topic matches two
};

}  // namespace edgetide
