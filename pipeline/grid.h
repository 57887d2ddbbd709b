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
    const Timestamp local = Timestamp::microseconds(detail::saturating_mul(cell, step_.count())) + offset_;
    return zone_ ? zone_->to_utc(local) : local;
  }

  bool even() const noexcept { return zone_ == nullptr; }  // all cells are `step` long
  Duration step() const noexcept { return step_; }

 private:
  std::int64_t cell_of_local(Timestamp local) const noexcept {
    return floor_divide((local - offset_).count(), step_.count());
  }

  Duration step_;
  Duration offset_;
  std::shared_ptr<const TimeZone> zone_;
};

}  // namespace edgetide
