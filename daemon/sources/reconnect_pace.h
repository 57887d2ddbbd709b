// When a source connects again, and whether another client seems to use its client id.
//
// A server that refuses the connection is restarting, most often: it is asked again soon, and a hundred clients that do
// so cost it little; so does one that stood for a moment and was lost. What fails otherwise, or is lost at once, is
// tried with a growing delay (backoff.h). A connection that delivered a message, or stood for a while, ends the delay.
//
// A broker lets a client id be connected once: the newer client ends the connection of the older. With MQTT 5 most
// brokers say so; mosquitto 2.0 does not, nor can any with 3.1.1. Then it looks like this: the broker ends connections
// in order and without a reason, soon after they began, one after the other, and is there all the while. A network that
// is cut resets connections or goes silent, and a broker that restarts refuses them meanwhile.
//
// Thread: one owner at a time; pure. Fails: never.
#pragma once

#include <algorithm>
#include <cstddef>

#include "daemon/service/backoff.h"
#include "pipeline/time.h"

namespace edgetide {

class ReconnectPace {
 public:
  static constexpr unsigned max_restarts = 2;  // more often, the delay grows no further
  static constexpr Duration at_once = Duration::milliseconds(500);
  static constexpr Duration stable_after = Duration::seconds(2);  // a connection that stood so long ends the delay
  static constexpr Duration brief = Duration::seconds(30);        // ended sooner, it may have been taken over
  static constexpr unsigned max_brief = 3;                        // so many in a row, it was
  static constexpr Duration peace_after = Duration::minutes(1);   // it stood so long: the other client is gone

  // Of a connection that stood.
  struct Loss {
    Duration stood;
    bool has_delivered = false;
    bool is_said = false;          // by the broker: another client has taken it over
    bool is_without_word = false;  // the broker has ended it in order, gave no reason, and is still there
  };

  // How the last try went, one of these.
  void refused() noexcept {
    ++tries_;
    failures_ = std::min(failures_ + 1, max_restarts);
    brief_ = 0;  // the server was away; no other client was there
  }
  void failed() noexcept {
    ++tries_;
    ++failures_;
    brief_ = 0;
  }
  // A reset says nothing: some brokers end a connection so when it has sent something that they did not read.
  void lost(const Loss& loss) noexcept {
    if (loss.stood >= peace_after) settle();
    if (loss.stood >= brief) brief_ = 0;
    if (loss.stood < brief && loss.is_without_word) ++brief_;
    said_ = said_ || loss.is_said;
    const bool stable = !said_ && (loss.has_delivered || loss.stood >= stable_after);
    tries_ = stable ? 0 : tries_ + 1;
    const bool may_restart = !said_ && loss.stood >= at_once;
    failures_ = stable ? 0 : may_restart ? std::min(failures_ + 1, max_restarts) : failures_ + 1;
  }
  // A connection has stood for peace_after.
  void settle() noexcept { said_ = false, brief_ = 0; }

  bool is_said() const noexcept { return said_; }
  bool is_taken_over() const noexcept { return said_ || brief_ >= max_brief; }
  std::size_t tries() const noexcept { return tries_; }  // since a connection that stood

  // Until the next try, `random` in [0, 1).
  Duration delay(double random) const noexcept { return backoff_delay(std::max(failures_, 1U) - 1, random); }

 private:
  std::size_t tries_ = 0;
  unsigned failures_ = 0;
  unsigned brief_ = 0;  // connections in a row that were ended so
  bool said_ = false;   // by the broker
};

}  // namespace edgetide
