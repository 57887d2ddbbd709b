#include "pipeline/point_list.h"

#include <algorithm>
#include <bit>

namespace edgetide {

void PointList::add(Timestamp event_time, double value) {
  if (points_.empty() || points_.back().time <= event_time) {
    points_.push_back({event_time, value});
    return;
  }
  const auto place = std::upper_bound(points_.begin(), points_.end(), event_time,
                                      [](Timestamp time, const Point& point) { return time < point.time; });
  points_.insert(place, {event_time, value});
}

void PointList::merge(const PointList& other) {
  const auto middle = static_cast<std::ptrdiff_t>(points_.size());
  points_.insert(points_.end(), other.points_.begin(), other.points_.end());
  if (middle > 0 && points_[static_cast<std::size_t>(middle) - 1].time <= other.points_.front().time) return;
  std::inplace_merge(points_.begin(), points_.begin() + middle, points_.end(),
                     [](const Point& a, const Point& b) { return a.time < b.time; });
}

std::optional<double> PointList::increase() const noexcept {
  if (points_.size() < 2) return std::nullopt;
  double sum = 0;
  for (std::size_t i = 1; i < points_.size(); ++i) {
    const double before = points_[i - 1].value;
    const double now = points_[i].value;
    sum += now >= before ? now - before : now;
  }
  return sum;
}

std::optional<double> PointList::time_weighted_average(Timestamp end) const noexcept {
  const Timestamp until = end == Timestamp::latest() ? points_.back().time : end;
  const auto total = static_cast<double>((until - points_.front().time).count());
  if (total <= 0) return std::nullopt;
  double average = 0;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const Timestamp next = i + 1 < points_.size() ? points_[i + 1].time : until;
    average += points_[i].value * (static_cast<double>((next - points_[i].time).count()) / total);
  }
  return average;
}

std::optional<double> PointList::largest_gap() const noexcept {
  if (points_.size() < 2) return std::nullopt;
  Duration gap;
  for (std::size_t i = 1; i < points_.size(); ++i) gap = std::max(gap, points_[i].time - points_[i - 1].time);
  return static_cast<double>(gap.count()) / 1e6;
}

void PointList::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(points_.size()));
  for (const Point& point : points_) {
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
    points_.push_back({time, std::bit_cast<double>(in.u64())});
  }
  return in.ok();
}

}  // namespace edgetide
