#include "tests/pipeline/model/model_aggregates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
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

struct Counter {
  double base = 0, total = 0;
  bool waits = false;  // the reading before was low
};

// Up to and with each reading, by the rules as SEMANTICS.md writes them.
std::vector<Counter> counters_of(const std::vector<Kept>& readings, double reset_below) {
  std::vector<Counter> counters;
  Counter now;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const double value = readings[i].value;
    if (i == 0) now.base = value;
    const auto is_low = [&] { return value < now.base - (1 - reset_below) * std::abs(now.base); };
    // The reading after a low one judges it.
    const bool is_reset = now.waits && value < readings[i - 2].value;
    if (is_reset) {
      now.base = readings[i - 1].value;
      now.total += std::max(now.base, 0.0);
    }
    now.waits = (!now.waits || is_reset) && is_low();
    if (value > now.base) {
      now.total += value - now.base;
      now.base = value;
    }
    counters.push_back(now);
  }
  return counters;
}

std::vector<Kept> together(const std::vector<Kept>& before, const std::vector<Kept>& readings) {
  std::vector<Kept> all = before;
  all.insert(all.end(), readings.begin(), readings.end());
  return all;
}

double increase_of(const std::vector<Kept>& readings, const Span& span) {
  const std::vector<Counter> counters = counters_of(together(span.before, readings), span.reset_below);
  if (counters.size() < 2) return none;
  if (!span.before.empty() && span.before.back().value < 0) return none;
  if (std::any_of(readings.begin(), readings.end(), [](const Kept& reading) { return reading.value < 0; })) return none;
  return counters.back().total - (span.before.empty() ? 0 : counters[span.before.size() - 1].total);
}

// Calls visit(value, for how many seconds it held).
template <typename Visit>
void for_each_held(const std::vector<Kept>& readings, const Span& span, Visit&& visit) {
  const Timestamp end = span.end == Timestamp::latest() && !readings.empty() ? readings.back().time : span.end;
  std::vector<Kept> held = readings;
  if (!span.before.empty()) held.insert(held.begin(), span.before.back());
  for (std::size_t i = 0; i < held.size(); ++i) {
    const bool carried = i == 0 && !span.before.empty();
    const Timestamp from = carried ? span.start : held[i].time;
    const Timestamp until = std::min(i + 1 < held.size() ? held[i + 1].time : end, held[i].time + span.hold);
    if (from < until) visit(held[i].value, seconds_between(from, until));
  }
}

double time_weighted_of(const std::vector<Kept>& readings, const Span& span) {
  double area = 0, total = 0;
  for_each_held(readings, span, [&](double value, double seconds) {
    area += value * seconds;
    total += seconds;
  });
  return total > 0 ? area / total : none;
}

double changes_of(const std::vector<Kept>& readings, std::size_t from) {
  double changes = 0;
  for (std::size_t i = std::max<std::size_t>(from, 1); i < readings.size(); ++i)
    changes += readings[i].value != readings[i - 1].value;
  return changes;
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double mad_of(const std::vector<Kept>& readings) {
  std::vector<double> values;
  for (const Kept& reading : readings) values.push_back(reading.value);
  const double median = median_of(values);
  for (double& value : values) value = std::abs(value - median);
  return median_of(values);
}

double mode_of(const std::vector<Kept>& readings) {
  std::map<double, int> counts;
  for (const Kept& reading : readings) ++counts[reading.value];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
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
  const double rank = percent / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(values.size() <= 64 ? std::floor(rank) : rank + 1e-9);
  if (values.size() > 64 || below + 1 == values.size()) return values[below];
  const double part = rank - static_cast<double>(below);
  return values[below] * (1 - part) + values[below + 1] * part;
}

double distinct_of(const std::vector<Kept>& readings) {
  std::set<double> values;
  for (const Kept& reading : readings) values.insert(reading.value);
  return static_cast<double>(values.size());
}

}  // namespace

std::vector<double> counter_after(const Span& span) {
  const Counter counter = counters_of(span.before, span.reset_below).back();
  return {counter.base, counter.waits ? span.before[span.before.size() - 2].value : 0, counter.waits ? 1.0 : 0.0};
}

double duration_of(const std::vector<Kept>& readings, const Span& span, double value) {
  double total = 0;
  for_each_held(readings, span, [&](double held, double seconds) { total += held == value ? seconds : 0; });
  return total;
}

double aggregate_of(const std::vector<Kept>& readings, const Aggregate& aggregate, const Span& span) {
  using Kind = Aggregate::Kind;
  if (aggregate.kind == Kind::count) return static_cast<double>(readings.size());
  if (readings.empty()) return none;
  const auto by_value = [](const Kept& a, const Kept& b) { return a.value < b.value; };
  const auto [least, most] = std::minmax_element(readings.begin(), readings.end(), by_value);
  // Of equal times the first to arrive is first, the last to arrive is last.
  const Kept& from = span.before.empty() ? readings.front() : span.before.back();
  const double delta = readings.back().value - from.value;
  const double seconds = seconds_between(from.time, readings.back().time);
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
      return increase_of(readings, span);
    case Kind::time_weighted_avg:
      return time_weighted_of(readings, span);
    case Kind::distinct:
      return distinct_of(readings);
    case Kind::max_gap:
      return largest_gap_of(readings);
    case Kind::mean:
      return static_cast<double>(sum_of(readings) / static_cast<long double>(readings.size()));
    case Kind::median:
      return percentile_of(readings, 50);
    case Kind::mode:
      return mode_of(readings);
    case Kind::mad:
      return mad_of(readings);
    case Kind::changes:
      return changes_of(together(span.before, readings), span.before.size());
    case Kind::duration:
      return duration_of(readings, span, aggregate.argument);
    case Kind::first_time:
      return static_cast<double>(readings.front().time.count());
    case Kind::last_time:
      return static_cast<double>(readings.back().time.count());
    case Kind::percentile:
      return percentile_of(readings, aggregate.argument);
    case Kind::m2:
      return readings.size() < 2 ? 0 : variance_of(readings) * static_cast<double>(readings.size() - 1);
    case Kind::sketch:
      return none;  // tests/pipeline/mergeable_test.cpp
  }
  return none;
}

}  // namespace edgetide::test
