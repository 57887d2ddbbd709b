// The clock of a machine: what runs since its boot, and a wall clock that is set, stepped and wrong after a boot. It
// stands still until a test moves it. Thread: one.
#pragma once

#include "daemon/service/clock.h"

namespace edgetide::test {

class MachineClock final : public Clock {
 public:
  Moment now() const noexcept override { return {wall(), age_ - base_}; }
  bool is_set() const noexcept override { return set_; }
  BootAge since_boot() const noexcept override { return {knows_boot_ ? boot_ : 0, age_}; }
  void continue_from(Duration ran_before) noexcept override { base_ = age_ - ran_before; }

  Timestamp wall() const noexcept { return Timestamp() + age_ + ahead_; }
  void pass(Duration time) noexcept { age_ = age_ + time; }
  // The wall clock says so from now on.
  void step_to(Timestamp wall) noexcept { ahead_ = wall - (Timestamp() + age_); }
  void set_to(Timestamp wall) noexcept {
    step_to(wall);
    set_ = true;
  }
  // As before it was asked for, or where the system does not say.
  void know_boot(bool knows) noexcept { knows_boot_ = knows; }
  // The machine begins again, in 1970.
  void reboot() noexcept {
    ++boot_;
    age_ = Duration::seconds(20);
    base_ = ahead_ = Duration();
    set_ = false;
  }

 private:
  std::uint64_t boot_ = 1;
  Duration age_ = Duration::seconds(20);  // of the boot
  Duration base_, ahead_;
  bool set_ = false, knows_boot_ = true;
};

}  // namespace edgetide::test
