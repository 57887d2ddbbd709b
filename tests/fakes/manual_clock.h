// A clock that stands still until a test moves it. While it is not set, its wall time is that of 1970. Thread: any.
#pragma once

#include <atomic>

#include "daemon/service/clock.h"

namespace edgetide::test {

class ManualClock final : public Clock {
 public:
  Moment now() const noexcept override {
    const std::int64_t running = seconds_, ahead = set_ ? ahead_.load() : 0;
    return {Timestamp::microseconds((running + ahead) * 1'000'000), Duration::seconds(running)};
  }
  bool is_set() const noexcept override { return set_; }
  void continue_from(Duration) noexcept override {}
  void set_seconds(std::int64_t seconds) noexcept { seconds_ = seconds; }
  void unset() noexcept { set_ = false; }
  // From now on wall time is `ahead` of the seconds.
  void set_ahead(std::int64_t ahead) noexcept {
    ahead_ = ahead;
    set_ = true;
  }

 private:
  std::atomic<std::int64_t> seconds_ = 0, ahead_ = 0;
  std::atomic<bool> set_ = true;
};

}  // namespace edgetide::test
