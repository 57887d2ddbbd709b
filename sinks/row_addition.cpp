#include "sinks/row_addition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sinks/row_guard.h"

namespace edgetide {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// Unknown, unless both are known.
double smaller(double a, double b) noexcept {
  return std::isnan(a) || std::isnan(b) ? unknown : std::min(a, b);
}
double larger(double a, double b) noexcept {
  return std::isnan(a) || std::isnan(b) ? unknown : std::max(a, b);
}

}  // namespace

RowAddition::RowAddition(const WindowSchema& window)
    : count_(place_of(window, "count")),
      extra_readings_(place_of(window, readings_column)),
      sum_(place_of(window, "sum")),
      avg_(place_of(window, "avg")),
      mean_(place_of(window, "mean")),
      min_(place_of(window, "min")),
      max_(place_of(window, "max")),
      range_(place_of(window, "range")),
      variance_(place_of(window, "variance")),
      stddev_(place_of(window, "stddev")),
      m2_(place_of(window, "m2")),
      first_(place_of(window, "first")),
      first_time_(place_of(window, "first_time")),
      last_(place_of(window, "last")),
      last_time_(place_of(window, "last_time")) {
  readings_ = count_ ? count_ : extra_readings_;
}

RowAddition::Place RowAddition::place_of(const WindowSchema& window, std::string_view column) {
  const auto found = std::find_if(window.columns.begin(), window.columns.end(),
                                  [&](const Column& each) { return each.name == column; });
  return found == window.columns.end() ? Place() : Place(found - window.columns.begin());
}

void RowAddition::add(std::span<double> row, std::span<const double> late) const {
  const double readings = readings_ ? row[*readings_] : unknown;
  if (readings == 0) {
    std::copy(late.begin(), late.end(), row.begin());
    return;
  }
  const double more = readings_ ? late[*readings_] : unknown;
  const double all = readings + more;
  const double before = average(row, readings);
  const double distance = average(late, more) - before;
  const double all_squares =
      squares(row, readings) + squares(late, more) + distance * distance * (readings * more / all);
  const double variance = all_squares / (all - 1);
  for (const Place& average_place : {avg_, mean_}) {
    if (average_place) row[*average_place] = before + distance * (more / all);
  }
  if (variance_) row[*variance_] = variance;
  if (stddev_) row[*stddev_] = std::sqrt(variance);
  if (m2_) row[*m2_] = all_squares;
  for (const Place& total : {count_, extra_readings_, sum_}) {
    if (total) row[*total] += late[*total];
  }
  if (min_) row[*min_] = smaller(row[*min_], late[*min_]);
  if (max_) row[*max_] = larger(row[*max_], late[*max_]);
  if (range_) row[*range_] = min_ && max_ ? row[*max_] - row[*min_] : unknown;
  add_in_order(row, late);
}

double RowAddition::average(std::span<const double> row, double readings) const {
  if (avg_) return row[*avg_];
  if (mean_) return row[*mean_];
  return sum_ ? row[*sum_] / readings : unknown;
}

// The sum of the squared distances from the average.
double RowAddition::squares(std::span<const double> row, double readings) const {
  if (m2_ && !std::isnan(row[*m2_])) return row[*m2_];
  if (readings == 1) return 0;
  if (variance_) return row[*variance_] * (readings - 1);
  return stddev_ ? row[*stddev_] * row[*stddev_] * (readings - 1) : unknown;
}

void RowAddition::add_in_order(std::span<double> row, std::span<const double> late) const {
  const auto known = [&](const Place& time) { return time && !std::isnan(row[*time]) && !std::isnan(late[*time]); };
  if (first_) {
    if (!known(first_time_)) {
      row[*first_] = unknown;
    } else if (late[*first_time_] < row[*first_time_]) {
      row[*first_] = late[*first_];
    }
  }
  if (last_) {
    if (!known(last_time_)) {
      row[*last_] = unknown;
    } else if (late[*last_time_] >= row[*last_time_]) {
      row[*last_] = late[*last_];
    }
  }
  if (first_time_) row[*first_time_] = smaller(row[*first_time_], late[*first_time_]);
  if (last_time_) row[*last_time_] = larger(row[*last_time_], late[*last_time_]);
}

}  // namespace edgetide
