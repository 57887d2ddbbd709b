// How far the sensors or groups of a source or window are: the slowest, and the one in the middle.
//
// Thread: pure. Fails: never.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

// Of those that are active and have a watermark; none: all are idle, or wait for the first reading of a source.
struct WatermarkRange {
  std::optional<Timestamp> slowest;
  std::optional<Timestamp> median;
};

inline WatermarkRange range_of(std::vector<Timestamp> watermarks) {
  std::erase(watermarks, Timestamp::earliest());
  if (watermarks.empty()) return {};
  const auto middle = watermarks.begin() + static_cast<std::ptrdiff_t>(watermarks.size() / 2);
  std::nth_element(watermarks.begin(), middle, watermarks.end());
  return {*std::min_element(watermarks.begin(), watermarks.end()), *middle};
}

}  // namespace edgetide
