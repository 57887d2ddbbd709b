#include "daemon/service/clock.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <sys/timex.h>

namespace edgetide {

namespace {

constexpr std::int64_t drift_max_us = 1000;

std::int64_t microseconds_of(clockid_t clock) noexcept {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + static_cast<std::int64_t>(time.tv_nsec) / 1000;
}

bool is_synchronised() noexcept {
  timex answer{};
  return adjtimex(&answer) < 0 || (answer.status & STA_UNSYNC) == 0;
}

}  // namespace

Timestamp wall_time() noexcept {
  return Timestamp::microseconds(microseconds_of(CLOCK_REALTIME));
}

SystemClock::SystemClock(Duration wait_after_boot) noexcept : wait_after_boot_(wait_after_boot) {
  continue_from(Duration());
}

Moment SystemClock::now() const noexcept {
  const std::int64_t running = microseconds_of(CLOCK_MONOTONIC) - base_.count();
  const std::int64_t ahead = microseconds_of(CLOCK_REALTIME) - running;
  if (std::abs(ahead - ahead_) > drift_max_us) ahead_ = ahead;
  return {Timestamp::microseconds(running + ahead_), Duration::microseconds(running)};
}

bool SystemClock::is_set() const noexcept {
  if (!set_) set_ = microseconds_of(CLOCK_BOOTTIME) >= wait_after_boot_.count() || is_synchronised();
  return set_;
}

Duration SystemClock::set_within() const noexcept {
  if (is_set()) return {};
  return std::max(Duration(), wait_after_boot_ - Duration::microseconds(microseconds_of(CLOCK_BOOTTIME)));
}

BootAge SystemClock::since_boot() const noexcept {
  return {boot_, Duration::microseconds(microseconds_of(CLOCK_BOOTTIME))};
}

void SystemClock::continue_from(Duration ran_before) noexcept {
  base_ = Duration::microseconds(microseconds_of(CLOCK_MONOTONIC)) - ran_before;
}

}  // namespace edgetide
