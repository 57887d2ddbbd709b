// A connection to a broker as the kernel has it: messages that have arrived and are not read, acknowledgements that
// are on their way, and when the last bytes came. While it is stalled nothing moves; when it is cut, all that is on its
// way is lost.
//
// Thread: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "daemon/sources/source.h"
#include "tests/simulation/broker_fake.h"

namespace edgetide::test {

class LinkFake {
 public:
  bool stalled = false;

  void open(Duration now) { is_open_ = true, heard_at_ = now; }
  void cut() {
    is_open_ = false;
    arrived_.clear();
    acknowledged_.clear();
  }
  bool is_open() const noexcept { return is_open_; }

  void carry_messages(BrokerFake& broker, std::size_t most, Duration now) {
    for (; is_open_ && !stalled && most > 0; --most) {
      std::optional<BrokerFake::Message> message = broker.send();
      if (!message) return;
      arrived_.push_back(*std::move(message));
      heard_at_ = now;
    }
  }
  void carry_acknowledgements(BrokerFake& broker, std::size_t most) {
    for (; is_open_ && !stalled && most > 0 && !acknowledged_.empty(); --most) {
      broker.acknowledge(acknowledged_.front());
      acknowledged_.pop_front();
    }
  }
  // A ping of ours is answered, after so much silence.
  void ping(Duration after, Duration now) {
    if (is_open_ && !stalled && now - heard_at_ >= after) heard_at_ = now;
  }

  const BrokerFake::Message* next() const { return arrived_.empty() ? nullptr : &arrived_.front(); }
  void acknowledge_next() {
    acknowledged_.push_back(arrived_.front().packet_id);
    arrived_.pop_front();
  }
  Liveness liveness(Duration now) const noexcept { return {now - heard_at_, !arrived_.empty()}; }

 private:
  bool is_open_ = false;
  Duration heard_at_;
  std::deque<BrokerFake::Message> arrived_;
  std::deque<std::uint16_t> acknowledged_;
};

}  // namespace edgetide::test
