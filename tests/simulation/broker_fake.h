// What an MQTT broker keeps of one session: the messages that wait for it, and those that were sent and are not
// acknowledged, by packet id. On a new connection it sends these first, again, and marked (MQTT-4.4.0-1).
//
// Thread: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "tests/simulation/sent_readings.h"

namespace edgetide::test {

class BrokerFake {
 public:
  struct Message {
    std::uint16_t packet_id = 0;
    SentReading reading;
    bool again = false;
  };

  // `in_flight`: the most messages without an acknowledgement.
  BrokerFake(std::size_t in_flight, std::uint16_t first_id) : most_in_flight_(in_flight), next_id_(first_id) {}

  // A connection begins. True: the session is known.
  bool connect() {
    sent_ = 0;
    for (Message& message : in_flight_) message.again = true;
    return std::exchange(has_session_, true);
  }
  void subscribe() { is_subscribed_ = true; }
  // True: it is kept for this session.
  bool publish(SentReading reading) {
    if (is_subscribed_) waiting_.push_back(std::move(reading));
    return is_subscribed_;
  }
  // The session is gone, and what waited for it, which is returned. Packet ids begin again.
  std::deque<SentReading> forget() {
    has_session_ = is_subscribed_ = false;
    next_id_ = 1;
    sent_ = 0;
    in_flight_.clear();
    return std::exchange(waiting_, {});
  }

  // What goes over the connection next.
  std::optional<Message> send() {
    if (sent_ == in_flight_.size()) {
      if (waiting_.empty() || sent_ == most_in_flight_) return std::nullopt;
      in_flight_.push_back({take_id(), std::move(waiting_.front()), false});
      waiting_.pop_front();
    }
    return in_flight_[sent_++];
  }
  void acknowledge(std::uint16_t packet_id) {
    const auto found = std::find_if(in_flight_.begin(), in_flight_.end(),
                                    [&](const Message& message) { return message.packet_id == packet_id; });
    if (found == in_flight_.end()) return;
    in_flight_.erase(found);
    --sent_;
  }

  const std::deque<Message>& in_flight() const noexcept { return in_flight_; }
  bool is_settled() const noexcept { return in_flight_.empty() && waiting_.empty(); }

 private:
  std::uint16_t take_id() {
    const std::uint16_t id = next_id_;
    next_id_ = id == 65'535 ? 1 : static_cast<std::uint16_t>(id + 1);
    return id;
  }

  const std::size_t most_in_flight_;
  std::uint16_t next_id_;
  bool has_session_ = false;
  bool is_subscribed_ = false;
  std::size_t sent_ = 0;  // of in_flight_, in this connection
  std::deque<Message> in_flight_;
  std::deque<SentReading> waiting_;
};

}  // namespace edgetide::test
