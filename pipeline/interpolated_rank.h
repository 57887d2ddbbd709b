// The value at a share of the way through values in order, as PostgreSQL's percentile_cont: at rank share * (n - 1),
// between two values in proportion.
//
// Thread: pure.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace edgetide {

// Requires: `sorted` is not empty; 0 <= share <= 1.
inline double interpolated_rank(const std::vector<double>& sorted, double share) noexcept {
  const double rank = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const double part = rank - static_cast<double>(below);
  if (part == 0 || below + 1 >= sorted.size()) return sorted[below];
  const double least = sorted[below], most = sorted[below + 1];
  const double step = most - least;
  return std::isfinite(step) ? least + part * step : least * (1 - part) + most * part;
}

}  // namespace edgetide
