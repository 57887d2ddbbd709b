// Adds readings that came too late, as the row that they alone make, to the row that a store has of the same window.
//
//   count, sum, min, max     by themselves
//   avg, mean                by the numbers of readings
//   variance, stddev, m2     after Chan, from the averages and the numbers of readings
//   range                    from min and max
//   first, last              by first_time and last_time; of equal times the late one came later
//
// A value that the stored row does not have (its column is newer than the row) stays unknown: null. A row without
// readings takes all values of the late ones.
//
// Units: columns as in the schema; NaN is null. Thread: pure; immutable after construction. Fails: never.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "sinks/row_batch.h"

namespace edgetide {

class RowAddition {
 public:
  explicit RowAddition(const WindowSchema& window);

  // Requires: values of all columns.
  void add(std::span<double> row, std::span<const double> late) const;

 private:
  using Place = std::optional<std::size_t>;  // among the columns

  static Place place_of(const WindowSchema& window, std::string_view column);
  double average(std::span<const double> row, double readings) const;
  double squares(std::span<const double> row, double readings) const;
  void add_in_order(std::span<double> row, std::span<const double> late) const;

  Place readings_, count_, extra_readings_, sum_, avg_, mean_, min_, max_, range_, variance_, stddev_, m2_;
  Place first_, first_time_, last_, last_time_;
};

}  // namespace edgetide
