// Which messages are copies of the one before, where a sender may send several and does not tell them apart: a broker
// of MQTT 3.1.1 with subscriptions that overlap. Most brokers send one; some send one for each subscription that
// matches, one right after the other.
//
// Until it shows what the broker does, equal messages in a row, as many as there may be copies, are taken for copies. A
// row that is too short, because another message or some time follows it, shows that this broker sends one, and from
// then on none is taken for a copy.
//
// Thread: one owner at a time (the intake lock); pure. Fails: never.
#pragma once

#include <cstdint>

#include "daemon/intake/recent_messages.h"
#include "pipeline/time.h"

namespace edgetide {

class CopyWatch {
 public:
  static constexpr Duration within = Duration::milliseconds(20);  // copies follow each other

  // A new connection: what comes may continue the row that ends the newest messages.
  void resume(const RecentMessages& recent) {
    resumed_ = true;
    row_ = recent.equal_at_end();
    text_ = row_ > 0 ? recent.newest_text() : 0;
  }

  // The next message, of which there may be so many copies. True: it is a copy, and does not count.
  bool is_copy(std::uint32_t text, unsigned copies, Duration now) noexcept {
    const bool equal = row_ > 0 && text == text_;
    if (!equal || now - at_ > within) check_row();
    row_ = equal ? row_ + 1 : 1;
    text_ = text, copies_ = copies, at_ = now;
    resumed_ = false;
    if (sends_one_ || (row_ - 1) % copies == 0) return false;
    ++dropped_;
    return true;
  }

  // It stays known, over restarts too.
  void know(bool sends_one) noexcept { sends_one_ = sends_one; }
  bool sends_one() const noexcept { return sends_one_; }
  std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  void check_row() noexcept {
    if (!resumed_ && row_ % copies_ != 0) sends_one_ = true;
  }

  std::uint32_t text_ = 0;
  std::uint64_t row_ = 0;  // equal ones up to now
  unsigned copies_ = 1;    // of the last one
  Duration at_;
  bool resumed_ = false;
  bool sends_one_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace edgetide
