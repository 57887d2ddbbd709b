#include "pipeline/point_list.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace edgetide {

std::size_t PointList::add(Timestamp event_time, double value) {
  ordered_ = ordered_ && (points_.empty() || points_.back().time <= event_time);
  const bool grows = points_.size() == points_.capacity();
  const std::size_t before = grows ? owned_bytes() : 0;
  points_.push_back({event_time, value});
  return grows ? owned_bytes() - before : 0;
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

std::optional<double> PointList::increase() const {
  const std::vector<Point>& points = in_order();
  if (points.size() < 2) return std::nullopt;
  double sum = 0;
  double lost = 0;  // Neumaier
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double before = points[i - 1].value;
    const double now = points[i].value;
    const double step = now >= before ? now - before : now;
    const double total = sum + step;
    lost += std::abs(sum) >= std::abs(step) ? (sum - total) + step : (step - total) + sum;
    sum = total;
  }
  return sum + lost;
}

// Averages the distances from the first value, which keep their digits where the values are large.
std::optional<double> PointList::time_weighted_average(Timestamp end) const {
  const std::vector<Point>& points = in_order();
  const Timestamp until = end == Timestamp::latest() ? points.back().time : end;
  const auto total = static_cast<double>((until - points.front().time).count());
  if (total <= 0) return std::nullopt;
  const double origin = points.front().value;
  double distance = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Timestamp next = i + 1 < points.size() ? points[i + 1].time : until;
    distance += (points[i].value - origin) * (static_cast<double>((next - points[i].time).count()) / total);
  }
  return origin + distance;
}

std::optional<double> PointList::largest_gap() const {
  const std::vector<Point>& points = in_order();
  if (points.size() < 2) return std::nullopt;
  Duration gap;
  for (std::size_t i = 1; i < points.size(); ++i) gap = std::max(gap, points[i].time - points[i - 1].time);
  return static_cast<double>(gap.count()) / 1e6;
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
