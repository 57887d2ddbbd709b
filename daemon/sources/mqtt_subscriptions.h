// The subscriptions of a session at a broker: those that the routes need, and those of former routes, which the session
// keeps until they are ended. And which of several copies of a message counts.
//
// A broker may send a message once for each of our filters that match its topic. With MQTT 5 each copy bears the
// identifier of its subscription; exactly one is taken. Which one has to be the same for all copies, whatever came
// before, so that no crash changes it: that of the filter that comes first in mosquitto's order. mosquitto sends the
// copies in this order, and while it has not seen a client since its own restart, it sends the first one only.
//
// Identifiers are given in this order, and are never used again. A filter keeps its identifier until another one that
// matches some of its topics comes, or goes, before it in the order: then it is subscribed to again under a new one. So
// the oldest of the subscriptions that the session had at one time is the first one, and a message that the broker kept
// from before an edit of the routes is judged by the filters of that time.
//
// At an edit the new filters are subscribed to, one after the other, before the former ones are ended, all at once. A
// message that is sent meanwhile comes through both. Until the broker has answered that they are ended, the copy
// through a former one counts, if that comes first. Edits that follow each other before the broker has answered add to
// what may be there.
//
// Thread: one owner at a time. Fails: never; notes that cannot be read count as none.
// Limit:  the newest max_ended filters that were ended are remembered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/route.h"

namespace edgetide {

class MqttSubscriptions {
 public:
  static constexpr std::size_t max_ended = 64;

  enum class AtBroker : std::uint8_t {
    no,      // if it is needed, it was not asked for yet
    ending,  // the broker was asked to end it, or to go on under another identifier, and has not answered
    surely,
    begun,  // it may have been subscribed to, and was not asked to be ended
  };

  struct Subscription {
    std::string filter;  // as it is subscribed to: of a shared one with its group (topic_filter.h)
    std::uint32_t identifier = 0;
    // Identifiers are a clock, too. 0: it is needed. Else it ends, or was first asked to, where its filter goes on
    // under this identifier, or when all smaller ones were subscribed to.
    std::uint32_t ended_before = 0;
    AtBroker at_broker = AtBroker::no;

    bool is_needed() const noexcept { return ended_before == 0; }
  };

  // What a message is, by the subscriptions that it comes through.
  struct Copy {
    enum class Kind {
      counts,
      left_out,     // another copy counts, whenever it comes
      until_ended,  // the copy through a former filter counts, as the broker has not ended that yet
      unsure,       // it counts, unless it is one of several that follow each other (edit_copies.h)
    } kind = Kind::counts;
    std::size_t rank = 0;  // of the last two: the copies of a message come in this order
    std::uint32_t identifier = 0;
  };

  // `needed`: what the routes need, none twice. `notes`: of the session, as `notes` gave them; empty: it is a new one.
  MqttSubscriptions(std::vector<std::string> needed, std::string_view notes);

  const std::vector<Subscription>& all() const noexcept { return all_; }
  // What the broker has to be asked to end, once all that are needed were subscribed to, in the order of `all`.
  std::vector<std::string> to_end() const;
  // Of a connection, in this order: the broker will be asked for all that are needed; has answered for this filter,
  // or for all; will be asked to end those that are not needed; has answered. `note_subscribed` returns the identifier
  // of the filter if no message can have come through it before; 0: an earlier connection asked for it.
  void note_subscribing() noexcept;
  std::uint32_t note_subscribed(std::string_view filter) noexcept;
  void note_subscribed() noexcept;
  void note_ending() noexcept;
  void note_ended() noexcept;
  std::string notes() const;

  // Some topic matches two of them; else every message is the only copy.
  bool is_overlapping() const noexcept { return overlapping_; }
  // Identifiers as the message bears them; without any, every copy may count.
  Copy copy_of(std::string_view topic, std::span<const std::uint32_t> identifiers) const;
  std::optional<std::size_t> rank_of(std::uint32_t identifier) const noexcept;
  // It is not certain that the broker has ended all that is not needed.
  bool is_edit_open() const noexcept;
  // How many copies of a message a broker without identifiers may send, if the routes are not edited meanwhile.
  unsigned copies(std::string_view topic) const;

 private:
  bool read(std::string_view notes);
  void end_others(const std::vector<std::string>& needed) noexcept;
  void begin(const std::string& filter);
  void note_end_of_edit() noexcept;
  void forget_oldest();
  void rank_all();
  Subscription* usable(std::string_view filter) noexcept;
  bool is_overtaken(const Subscription& one) const noexcept;
  bool is_renewed(const Subscription& one) const noexcept;
  std::uint32_t end_of_filter(const Subscription& one) const noexcept;
  bool spans(std::size_t outer, std::size_t inner) const noexcept;
  bool always_has_copy(std::size_t subscription, std::span<const std::size_t> matching) const noexcept;
  bool surely_has_copy_through(std::size_t former, std::size_t newer) const noexcept;
  bool matches(std::size_t subscription, std::string_view topic) const;

  std::vector<Subscription> all_;  // by identifier
  std::uint32_t next_identifier_ = 1;
  std::vector<TopicPattern> patterns_;  // of all_
  std::vector<std::size_t> ranks_;      // of all_
  std::vector<std::uint32_t> filter_ends_;
  bool overlapping_ = false;  // some topic matches two
};

}  // namespace edgetide
