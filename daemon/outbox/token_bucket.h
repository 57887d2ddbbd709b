// A limit on how many rows go out per second: tokens come at a steady rate, and each row takes one. What was not used
// is kept for one second, so a sink that was idle may send that much at once. Taking more than there is makes a
// debt, and no token comes before it is paid.
//
// Units:  `now` is monotonic time and never goes back.
// Thread: one at a time. Pure; never fails.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "pipeline/time.h"

namespace edgetide {

class TokenBucket {
 public:
  // Full at the start. Requires: per_second > 0.
  explicit TokenBucket(double per_second) noexcept
      : per_second_(per_second), capacity_(std::max(1.0, per_second)), tokens_(capacity_) {}

  std::size_t available(Duration now) noexcept {
    const double passed = static_cast<double>((now - updated_).count()) / 1e6;
    tokens_ = std::min(capacity_, tokens_ + passed * per_second_);
    updated_ = now;
    return static_cast<std::size_t>(std::max(0.0, tokens_ + rounding));
  }

  // More than are available: a debt.
  void take(std::size_t count) noexcept { tokens_ -= static_cast<double>(count); }

  // From the last `available` on, until there is a token.
  Duration until_next() const noexcept {
    const double missing = std::max(0.0, 1.0 - tokens_);
    return Duration::microseconds(static_cast<std::int64_t>(std::ceil(missing / per_second_ * 1e6)));
  }

 private:
  static constexpr double rounding = 1e-9;  // a token that is due to the microsecond is there

  double per_second_;
  double capacity_;
  double tokens_;
  Duration updated_;
};

}  // namespace edgetide
