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
#include "pipeline/carried_reading.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/time.h"

namespace edgetide {

class PointList {
 public:
  std::size_t add(Timestamp event_time, double value);  // returns the bytes it took
  void merge(const PointList& other);                   // whose readings arrived later

  // What a counter added, going on from `before` (counter_track.h), and how it goes on from there.
  struct Increase {
    double sum;
    CounterTrack after;
  };
  Increase increase(CounterTrack before, double reset_below) const;
  bool any_negative() const noexcept;
  // The average over [start, end) of values of which each holds until the next reading, the last until `end` (latest():
  // not at all), none longer than `hold`, and `carried` from before the start. Where no value holds does not count.
  // None: that is everywhere.
  struct Span {
    Timestamp start;
    Timestamp end;
    Duration hold;
  };
  std::optional<double> time_weighted_average(const Span& span, const CarriedReading& carried) const;
  // For how many seconds of the span a value held that is `value`; and how often the value changed.
  double duration_of(double value, const Span& span, const CarriedReading& carried) const;
  double changes(const CarriedReading& carried) const;
  // The largest gap between neighbours, in seconds. None: one reading.
  std::optional<double> largest_gap() const;

  // Requires, of these three: some reading was added. `mode`: of values that are as frequent, the least.
  double mode() const;
  double median_absolute_deviation() const;
  CarriedReading last() const { return {in_order().back().time, {.last = in_order().back().value}}; }

  std::size_t owned_bytes() const noexcept { return heap_bytes(points_); }
  // What the next reading would take.
  std::size_t growth(double /*value*/) const noexcept {
    if (points_.size() < points_.capacity()) return 0;
    return heap_block(next_capacity() * sizeof(Point)) - heap_bytes(points_);
  }
  // Of one that is not long, which grows by a quarter.
  static constexpr std::size_t largest_growth() noexcept { return heap_block(long_list * sizeof(Point)); }
  void save(ByteWriter& out) const;
  bool load(ByteReader& in);

 private:
  struct Point {
    Timestamp time;
    double value;
  };
  // A long list grows by a quarter: doubled, it would have to be there three times over while it grows.
  static constexpr std::size_t long_list = 256;
  std::size_t next_capacity() const noexcept {
    const std::size_t size = points_.size();
    return size == 0 ? 1 : size < long_list ? 2 * size : size + size / 4;
  }
  const std::vector<Point>& in_order() const;
  std::vector<double> sorted_values() const;
  template <typename Visit>
  void for_each_held(const Span& span, const CarriedReading& carried, Visit&& visit) const;

  mutable std::vector<Point> points_;
  mutable bool ordered_ = true;
};

}  // namespace edgetide
