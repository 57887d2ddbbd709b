#include "tests/pipeline/model/model_aggregates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace edgetide::test {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

long double sum_of(const std::vector<Kept>& readings) {
  long double sum = 0;
  for (const Kept& reading : readings) sum += static_cast<long double>(reading.value);
  return sum;
}

// The first value is taken off first: even long double has not enough digits for 1e15 and small differences.
double variance_of(const std::vector<Kept>& readings) {
  if (readings.size() < 2) return none;
  const long double origin = readings.front().value;
  long double sum = 0;
  for (const Kept& reading : readings) sum += reading.value - origin;
  const long double mean = sum / static_cast<long double>(readings.size());
  long double squares = 0;
  for (const Kept& reading : readings) squares += (reading.value - origin - mean) * (reading.value - origin - mean);
  return static_cast<double>(squares / static_cast<long double>(readings.size() - 1));
}

double seconds_between(Timestamp from, Timestamp to) {
  return static_cast<double>((to - from).count()) / 1e6;
}

double increase_of(const std::vector<Kept>& readings) {
  if (readings.size() < 2) return none;
  double sum = 0;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    const double step = readings[i].value - readings[i - 1].value;
    sum += step >= 0 ? step : readings[i].value;
  }
  return sum;
}

double time_weighted_of(const std::vector<Kept>& readings, Timestamp end) {
  if (end == Timestamp::latest()) end = readings.back().time;
  const double total = seconds_between(readings.front().time, end);
  if (total <= 0) return none;
  double area = 0;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    area += readings[i].value * seconds_between(readings[i].time, i + 1 < readings.size() ? readings[i + 1].time : end);
  }
  return area / total;
}

double largest_gap_of(const std::vector<Kept>& readings) {
  if (readings.size() < 2) return none;
  double gap = 0;
  for (std::size_t i = 1; i < readings.size(); ++i)
    gap = std::max(gap, seconds_between(readings[i - 1].time, readings[i].time));
  return gap;
}

double percentile_of(const std::vector<Kept>& readings, double percent) {
  std::vector<double> values;
  for (const Kept& reading : readings) values.push_back(reading.value);
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(percent * static_cast<double>(values.size() - 1) / 100)];
}

double distinct_of(const std::vector<Kept>& readings) {
  std::set<double> values;
  for (const Kept& reading : readings) values.insert(reading.value);
  return static_cast<double>(values.size());
}

}  // namespace

double aggregate_of(const std::vector<Kept>& readings, const Aggregate& aggregate, Timestamp end) {
  using Kind = Aggregate::Kind;
  if (aggregate.kind == Kind::count) return static_cast<double>(readings.size());
  if (readings.empty()) return none;
  const auto by_value = [](const Kept& a, const Kept& b) { return a.value < b.value; };
  const auto [least, most] = std::minmax_element(readings.begin(), readings.end(), by_value);
  // Of equal times the first to arrive is first, the last to arrive is last.
  const double delta = readings.back().value - readings.front().value;
  const double seconds = seconds_between(readings.front().time, readings.back().time);
  switch (aggregate.kind) {
    case Kind::count:
      break;
    case Kind::sum:
      return static_cast<double>(sum_of(readings));
    case Kind::min:
      return least->value;
    case Kind::max:
      return most->value;
    case Kind::avg:
      return static_cast<double>(sum_of(readings) / static_cast<long double>(readings.size()));
    case Kind::first:
      return readings.front().value;
    case Kind::last:
      return readings.back().value;
    case Kind::stddev:
      return std::sqrt(variance_of(readings));
    case Kind::variance:
      return variance_of(readings);
    case Kind::range:
      return most->value - least->value;
    case Kind::delta:
      return delta;
    case Kind::rate:
      return seconds > 0 ? delta / seconds : none;
    case Kind::increase:
      return increase_of(readings);
    case Kind::time_weighted_avg:
      return time_weighted_of(readings, end);
    case Kind::distinct:
      return distinct_of(readings);
    case Kind::max_gap:
      return largest_gap_of(readings);
    case Kind::percentile:
      return percentile_of(readings, aggregate.percent);
  }
  return none;
}

}  // namespace edgetide::test
