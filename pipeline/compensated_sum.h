// A sum whose rounding errors are added up beside it.
//
// See:    Neumaier 1974. Thread: one owner at a time.
#pragma once

#include <cmath>

namespace edgetide {

class CompensatedSum {
 public:
  void add(double value) noexcept {
    const double total = sum_ + value;
    lost_ += std::abs(sum_) >= std::abs(value) ? (sum_ - total) + value : (value - total) + sum_;
    sum_ = total;
  }
  double value() const noexcept { return sum_ + lost_; }

 private:
  double sum_ = 0;
  double lost_ = 0;
};

}  // namespace edgetide
