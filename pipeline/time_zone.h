// A time zone as a table of offsets: pure arithmetic; the reader of the time zone database fills it.
//
// Units:  UTC and local times in microseconds since 1970-01-01T00:00:00, UTC or local; offsets are local less UTC.
// Fails:  never; before the first offset and after the last the nearest holds.
// Thread: immutable after construction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

class TimeZone {
 public:
  struct Offset {
    Timestamp from;  // UTC
    Duration offset;
  };

  // Requires: `offsets` is not empty and sorted by `from`.
  TimeZone(std::string name, std::vector<Offset> offsets) : name_(std::move(name)), offsets_(std::move(offsets)) {}

  const std::string& name() const noexcept { return name_; }

  Timestamp to_local(Timestamp utc) const noexcept { return utc + offset_at(position_of(utc)); }

  // The instant at which local clocks show `local`; the earlier of two; where the clocks jump over it, the jump.
  Timestamp to_utc(Timestamp local) const noexcept {
    const std::size_t near = position_of(local - offset_at(0));
    for (std::size_t i = near > 2 ? near - 2 : 0; i < offsets_.size(); ++i) {
      const Timestamp utc = local - offsets_[i].offset;
      const Timestamp until = i + 1 < offsets_.size() ? offsets_[i + 1].from : Timestamp::latest();
      if (utc < until) return i == 0 ? utc : std::max(utc, offsets_[i].from);
    }
    return local - offsets_.back().offset;
  }

 private:
  std::size_t position_of(Timestamp utc) const noexcept {
    const auto after = std::upper_bound(offsets_.begin(), offsets_.end(), utc,
                                        [](Timestamp time, const Offset& offset) { return time < offset.from; });
    return after == offsets_.begin() ? 0 : static_cast<std::size_t>(after - offsets_.begin()) - 1;
  }
  Duration offset_at(std::size_t position) const noexcept { return offsets_[position].offset; }

  std::string name_;
  std::vector<Offset> offsets_;
};

}  // namespace edgetide
