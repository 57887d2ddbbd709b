// What a counter has added, from its readings in order: noise, single low readings and resets apart.
//
// `base` is the highest reading since the last reset. A reading above it adds the difference and is the new base. A
// reading below it adds nothing: the base stays until it is passed. A reading that falls below the base by more than
// 1 - reset_below of it is low, and the next reading decides: one that is at least the reading before the low one makes
// it a spike, which adds nothing; any other makes it a reset, after which the low reading adds itself and is the base.
//
// Units:  values as in the series. Thread: plain values. Fails: never.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgetide {

struct CounterTrack {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  double base = none;    // none: no reading yet, or just one
  double last = none;    // reading
  double before = none;  // the reading before the last one, if that is low and not decided

  // None equals none.
  bool operator==(const CounterTrack& other) const noexcept {
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    return same(base, other.base) && same(last, other.last) && same(before, other.before);
  }

  // What the next reading adds. Requires: 0 <= reset_below <= 1.
  double step(double value, double reset_below) noexcept {
    double decided = 0;
    if (!std::isnan(before)) {
      if (value < before) {
        base = last;
        decided = std::max(last, 0.0);
      }
      before = none;
    } else if (std::isnan(base)) {
      base = std::isnan(last) ? value : last;
    }
    const bool low = value < base - (1 - reset_below) * std::abs(base);
    if (low) before = last;
    last = value;
    if (value <= base) return decided;
    const double above = value - base;
    base = value;
    return decided + above;
  }
};

}  // namespace edgetide
