// Where the daemon reads the time: once per batch and once per tick. Tests move a clock by hand.
//
// Thread: any.
#pragma once

#include "pipeline/time.h"

namespace edgetide {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Moment now() const noexcept = 0;
};

// Wall: CLOCK_REALTIME. Running: CLOCK_MONOTONIC since construction, after what earlier runs have run.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(Duration ran_before = Duration()) noexcept;
  Moment now() const noexcept override;

 private:
  Duration base_;  // running = CLOCK_MONOTONIC - base
};

}  // namespace edgetide
