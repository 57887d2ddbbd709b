// A clock that stands still until a test moves it. Thread: any.
#pragma once

#include <atomic>

#include "daemon/clock.h"

namespace edgetide::test {

class ManualClock final : public Clock {
 public:
  Moment now() const noexcept override {
    return {Timestamp::microseconds(seconds_ * 1'000'000), Duration::seconds(seconds_)};
  }
  void continue_from(Duration) noexcept override {}
  void set_seconds(std::int64_t seconds) noexcept { seconds_ = seconds; }

 private:
  std::atomic<std::int64_t> seconds_ = 0;
};

}  // namespace edgetide::test
