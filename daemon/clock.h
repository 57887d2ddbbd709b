// Where the daemon reads the time: once per batch and once per tick. Tests move a clock by hand.
//
// Thread: any.
#pragma once

#include <atomic>
#include <cstdint>

#include "pipeline/time.h"

namespace edgetide {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Moment now() const noexcept = 0;
  // Running time goes on from what earlier runs have run. Requires: nobody has asked for the time, but for its wall.
  virtual void continue_from(Duration ran_before) noexcept = 0;
};

// Running: CLOCK_MONOTONIC since the start, after what earlier runs have run. Wall: CLOCK_REALTIME, but it moves with
// the running time, to the microsecond, as long as the two differ by less than a millisecond: so that journals need not
// say both.
class SystemClock final : public Clock {
 public:
  SystemClock() noexcept;
  Moment now() const noexcept override;
  void continue_from(Duration ran_before) noexcept override;

 private:
  Duration base_;                              // running = CLOCK_MONOTONIC - base
  mutable std::atomic<std::int64_t> ahead_{};  // of wall over running, in microseconds
};

}  // namespace edgetide
