// All readings of a window in order (event time, arrival): for the aggregates that depend on neighbours and so cannot
// be exact without them when readings come out of order.
//
// Readings are put in order when they are asked for, so that one costs the same however old it is.
//
// Owns:   16 bytes per reading. Thread: one owner at a time, readers too.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/time.h"

namespace edgetide {

class PointList {
 public:
  std::size_t add(Timestamp event_time, double value);  // returns the bytes it took
  void merge(const PointList& other);                   // whose readings arrived later

  // The sum of what was added between neighbours; after a reset, which goes down, what is there. None: one reading.
  std::optional<double> increase() const;
  // Each value holds until the next reading, the last until `end`; latest(): not at all. None: no time at all.
  std::optional<double> time_weighted_average(Timestamp end) const;
  // The largest gap between neighbours, in seconds. None: one reading.
  std::optional<double> largest_gap() const;

  std::size_t owned_bytes() const noexcept { return heap_bytes(points_); }
  bool grows_with(double /*value*/) const noexcept { return points_.size() == points_.capacity(); }
  void save(ByteWriter& out) const;
  bool load(ByteReader& in);

 private:
  struct Point {
    Timestamp time;
    double value;
  };
  const std::vector<Point>& in_order() const;

  mutable std::vector<Point> points_;
  mutable bool ordered_ = true;
};

}  // namespace edgetide
