// Where the daemon reads the time: once per batch and once per tick. Tests move a clock by hand.
//
// Thread: any.
#pragma once

#include <atomic>
#include <cstdint>

#include "daemon/service/boot_age.h"
#include "pipeline/time.h"

namespace edgetide {

struct ClockOptions {
  Duration wait_after_boot = Duration::minutes(5);  // for the clock to be synchronised
  bool operator==(const ClockOptions&) const = default;
};

// CLOCK_REALTIME, for records and for what people read. Whatever windows depend on is read from a Clock.
Timestamp wall_time() noexcept;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Moment now() const noexcept = 0;
  // The wall time can be trusted, as far as anybody can tell. Once true, it stays true.
  virtual bool is_set() const noexcept { return true; }
  // How long it may take at most until it is; 0 if it is.
  virtual Duration set_within() const noexcept { return {}; }
  // By which the running times of two runs in one boot can be compared.
  virtual BootAge since_boot() const noexcept { return {}; }
  // Running time continues from the end of earlier runs. Requires: only wall time has been read so far.
  virtual void continue_from(Duration ran_before) noexcept = 0;
};

// Running: CLOCK_MONOTONIC since the start, after what earlier runs have run. Wall: CLOCK_REALTIME, but it moves with
// the running time, to the microsecond, as long as the two differ by less than a millisecond: so that journals need not
// say both.
//
// Set: when the kernel says that the clock is synchronised (adjtimex), when it does not let us ask, or when the system
// has been up for `wait_after_boot`: a machine without a battery starts with a time that is past by minutes to years.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(Duration wait_after_boot) noexcept;
  Moment now() const noexcept override;
  bool is_set() const noexcept override;
  Duration set_within() const noexcept override;
  BootAge since_boot() const noexcept override;
  void continue_from(Duration ran_before) noexcept override;

 private:
  const Duration wait_after_boot_;
  const std::uint64_t boot_ = this_boot();
  mutable std::atomic<bool> set_ = false;
  Duration base_;                              // running = CLOCK_MONOTONIC - base
  mutable std::atomic<std::int64_t> ahead_{};  // of wall over running, in microseconds
};

}  // namespace edgetide
