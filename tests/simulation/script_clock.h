// The clock of a simulation: it stands still until the script moves it, and goes on over all runs of the daemon.
//
// Thread: one.
#pragma once

#include "daemon/service/clock.h"

namespace edgetide::test {

class ScriptClock final : public Clock {
 public:
  // Wrong by years until it is set.
  Moment now() const noexcept override { return {(is_set() ? start : Timestamp()) + running, running}; }
  bool is_set() const noexcept override { return running >= set_after; }
  void continue_from(Duration) noexcept override {}
  void pass(Duration time) noexcept { running = running + time; }

  static constexpr Timestamp start = Timestamp::microseconds(1'800'000'000'000'000);
  Duration running;
  Duration set_after;
};

}  // namespace edgetide::test
