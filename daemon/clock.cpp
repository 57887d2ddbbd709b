#include "daemon/clock.h"

#include <ctime>

namespace edgetide {

namespace {

std::int64_t microseconds_of(clockid_t clock) noexcept {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + static_cast<std::int64_t>(time.tv_nsec) / 1000;
}

}  // namespace

SystemClock::SystemClock(Duration ran_before) noexcept
    : base_(Duration::microseconds(microseconds_of(CLOCK_MONOTONIC)) - ran_before) {}

Moment SystemClock::now() const noexcept {
  return {Timestamp::microseconds(microseconds_of(CLOCK_REALTIME)),
          Duration::microseconds(microseconds_of(CLOCK_MONOTONIC)) - base_};
}

}  // namespace edgetide
