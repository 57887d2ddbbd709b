#include "pipeline/point_list.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "pipeline/compensated_sum.h"
#include "pipeline/interpolated_rank.h"

namespace edgetide {

namespace {
constexpr double huge_held_value = 0x1p1000;
}

std::size_t PointList::add(Timestamp event_time, double value) {
  ordered_ = ordered_ && (points_.empty() || points_.back().time <= event_time);
  const std::size_t grown = growth(value);
  if (grown > 0) points_.reserve(next_capacity());
  points_.push_back({event_time, value});
  return grown;
}

void PointList::merge(const PointList& other) {
  for (const Point& point : other.in_order()) add(point.time, point.value);
}

// Stable: of equal times the earlier arrival stays first.
const std::vector<PointList::Point>& PointList::in_order() const {
  if (ordered_) return points_;
  std::stable_sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) { return a.time < b.time; });
  ordered_ = true;
  return points_;
}

PointList::Increase PointList::increase(CounterTrack before, double reset_below) const {
  CompensatedSum sum;
  for (const Point& point : in_order()) sum.add(before.step(point.value, reset_below));
  return {sum.value(), before};
}

bool PointList::any_negative() const noexcept {
  return std::any_of(points_.begin(), points_.end(), [](const Point& point) { return point.value < 0; });
}

// Calls visit(value, how long it held).
template <typename Visit>
void PointList::for_each_held(const Span& span, const CarriedReading& carried, Visit&& visit) const {
  const std::vector<Point>& points = in_order();
  const Timestamp end = span.end == Timestamp::latest() && !points.empty() ? points.back().time : span.end;
  if (carried.known()) {
    const Timestamp until = points.empty() ? end : points.front().time;
    visit(carried.value(), std::min(until, carried.time + span.hold) - span.start);
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Timestamp next = i + 1 < points.size() ? points[i + 1].time : end;
    visit(points[i].value, std::min(next - points[i].time, span.hold));
  }
}

// Averages the distances from the first value, which keep their digits where the values are large. Those of huge values
// could be beyond double: they are averaged as quarters.
std::optional<double> PointList::time_weighted_average(const Span& span, const CarriedReading& carried) const {
  Duration total;
  double origin = 0;
  double fraction = 1;
  for_each_held(span, carried, [&](double value, Duration held) {
    if (held <= Duration()) return;
    if (total == Duration()) origin = value;
    if (std::abs(value) > huge_held_value) fraction = 0.25;
    total = total + held;
  });
  if (total <= Duration()) return std::nullopt;
  CompensatedSum distance;
  for_each_held(span, carried, [&](double value, Duration held) {
    if (held <= Duration()) return;
    const double share = static_cast<double>(held.count()) / static_cast<double>(total.count());
    distance.add((value * fraction - origin * fraction) * share);
  });
  return (origin * fraction + distance.value()) / fraction;
}

double PointList::duration_of(double value, const Span& span, const CarriedReading& carried) const {
  Duration total;
  for_each_held(span, carried, [&](double held_value, Duration held) {
    if (held_value == value && held > Duration()) total = total + held;
  });
  return static_cast<double>(total.count()) / 1e6;
}

double PointList::changes(const CarriedReading& carried) const {
  double changes = 0;
  double before = carried.known() || points_.empty() ? carried.value() : in_order().front().value;
  for (const Point& point : in_order()) {
    if (point.value != before) ++changes;
    before = point.value;
  }
  return changes;
}

std::optional<double> PointList::largest_gap() const {
  const std::vector<Point>& points = in_order();
  if (points.size() < 2) return std::nullopt;
  Duration gap;
  for (std::size_t i = 1; i < points.size(); ++i) gap = std::max(gap, points[i].time - points[i - 1].time);
  return static_cast<double>(gap.count()) / 1e6;
}

std::vector<double> PointList::sorted_values() const {
  std::vector<double> values;
  values.reserve(points_.size());
  for (const Point& point : points_) values.push_back(point.value + 0.0);  // -0 is 0
  std::sort(values.begin(), values.end());
  return values;
}

double PointList::mode() const {
  const std::vector<double> values = sorted_values();
  double mode = values.front();
  std::ptrdiff_t most = 0;
  for (auto first = values.begin(); first != values.end();) {
    const auto end = std::upper_bound(first, values.end(), *first);
    if (end - first > most) {
      most = end - first;
      mode = *first;
    }
    first = end;
  }
  return mode;
}

double PointList::median_absolute_deviation() const {
  std::vector<double> values = sorted_values();
  const double median = interpolated_rank(values, 0.5);
  for (double& value : values) value = std::abs(value - median);
  std::sort(values.begin(), values.end());
  return interpolated_rank(values, 0.5);
}

void PointList::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(points_.size()));
  for (const Point& point : in_order()) {
    out.time(point.time);
    out.u64(std::bit_cast<std::uint64_t>(point.value));
  }
}

bool PointList::load(ByteReader& in) {
  const std::uint32_t count = in.u32();
  in.require(count > 0);
  if (!in.has(count, 16)) return false;
  points_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Timestamp time = in.time();
    in.require(points_.empty() || points_.back().time <= time);
    const double value = std::bit_cast<double>(in.u64());
    in.require(std::isfinite(value));
    points_.push_back({time, value});
  }
  return in.ok();
}

}  // namespace edgetide
