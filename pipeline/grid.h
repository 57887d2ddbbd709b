// Event time cut into cells of one length: the windows of a tumbling definition, the panes of a sliding one.
//
// Cell n is [start(n), start(n + 1)), start(n) = n * step + offset, for negative n too. With a time zone that holds for
// local time: cells of days start at local midnight, and may have 23 or 25 hours, or none.
//
// Units:  UTC microseconds; cells are numbered from the epoch. Fails: never; all saturates.
// Thread: immutable after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "pipeline/floor_divide.h"
#include "pipeline/time.h"
#include "pipeline/time_zone.h"

namespace edgetide {

class Grid {
 public:
  // Requires: step > 0.
  Grid(Duration step, Duration offset, std::shared_ptr<const TimeZone> zone)
      : step_(step), offset_(offset), zone_(std::move(zone)) {}

  std::int64_t cell_of(Timestamp time) const noexcept {
    if (!zone_) return cell_of_local(time);
    const std::int64_t cell = cell_of_local(zone_->to_local(time));
    return start_of(cell + 1) <= time ? cell + 1 : cell;  // clocks were set back over the boundary
  }
  Timestamp start_of(std::int64_t cell) const noexcept {
    const Timestamp local = local_start_of(cell);
    return zone_ ? zone_->to_utc(local) : local;
  }

  bool even() const noexcept { return zone_ == nullptr; }  // all cells are `step` long
  Duration step() const noexcept { return step_; }

 private:
  // At the ends of int64 neither a difference nor a product may saturate: times far apart would share a cell.
  std::int64_t cell_of_local(Timestamp local) const noexcept {
    const std::int64_t step = step_.count();
    std::int64_t since = 0;
    if (!__builtin_sub_overflow(local.count(), offset_.count(), &since)) [[likely]]
      return floor_divide(since, step);
    const bool is_before = floor_modulo(local.count(), step) < floor_modulo(offset_.count(), step);
    return floor_divide(local.count(), step) - floor_divide(offset_.count(), step) - (is_before ? 1 : 0);
  }
  Timestamp local_start_of(std::int64_t cell) const noexcept {
    std::int64_t start = 0;
    if (!__builtin_mul_overflow(cell, step_.count(), &start)) [[likely]]
      return Timestamp::microseconds(start) + offset_;
    const std::int64_t nearer = cell < 0 ? cell + 1 : cell - 1;
    return Timestamp::microseconds(detail::saturating_mul(nearer, step_.count())) +
           (cell < 0 ? offset_ - step_ : offset_ + step_);
  }

  Duration step_;
  Duration offset_;
  std::shared_ptr<const TimeZone> zone_;
};

}  // namespace edgetide
