// At most so many events a minute: a bucket that holds one minute's worth and refills as the daemon runs.
//
// Units:  running time (time.h). Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>

#include "pipeline/time.h"

namespace edgetide {

class RateLimit {
 public:
  RateLimit() = default;
  explicit RateLimit(std::size_t per_minute)
      : full_(detail::saturating_mul(static_cast<std::int64_t>(std::min<std::size_t>(per_minute, max_events)), minute)),
        level_(full_) {}

  // False, and nothing changed, if the bucket is empty.
  bool take(Duration running) noexcept {
    const std::int64_t since = std::max<std::int64_t>((running - filled_at_).count(), 0);
    const std::int64_t level =
        std::min(full_, detail::saturating_add(level_, detail::saturating_mul(since, full_ / minute)));
    if (level < minute) return false;
    level_ = level - minute;
    filled_at_ = running;
    return true;
  }

  std::int64_t level() const noexcept { return level_; }
  Duration filled_at() const noexcept { return filled_at_; }
  void restore(std::int64_t level, Duration filled_at) noexcept {
    level_ = std::clamp<std::int64_t>(level, 0, full_);
    filled_at_ = filled_at;
  }

 private:
  static constexpr std::int64_t minute = 60'000'000;  // an event is as many units as a minute has microseconds
  static constexpr std::size_t max_events = 1'000'000'000;

  std::int64_t full_ = 0;
  std::int64_t level_ = 0;
  Duration filled_at_;
};

}  // namespace edgetide
