// Whether the rows of the next firing find room in the outboxes that may not drop any.
//
// A firing brings at once what became due since the one before, and all of it has to find room: intake waits before it
// is too much. To count the rows that are due takes a while, so they are counted when so many readings have come that
// there might be no room.
//
// Units:  readings. Thread: one owner at a time (the intake lock). Fails: never.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/outbox/row_routes.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class FiringRoom {
 public:
  // Rows that are due leave no room.
  bool is_full() const noexcept { return full_; }

  // So many readings are more than were counted for: `check` comes first.
  bool is_check_due(std::size_t readings, const RowRoutes& routes) const noexcept {
    return readings > unchecked_ && routes.may_block();
  }
  void take(std::size_t readings) noexcept { unchecked_ -= std::min(unchecked_, readings); }
  // Counts the rows that are due. False: no room beside them for `readings`.
  bool check(std::size_t readings, const RowRoutes& routes, const Pipeline& pipeline) {
    due_.clear();
    const auto windows = static_cast<std::uint32_t>(pipeline.options().windows.size());
    for (std::uint32_t i = 0; i < windows; ++i) due_.push_back(pipeline.rows_due(WindowId{i}));
    full_ = !routes.takes(readings, due_);
    wanted_ = full_ ? readings : 1;
    unchecked_ = std::max(routes.readings_beside(due_), between_checks);
    return !full_;
  }
  // There was no room: there may be now.
  bool check_again(const RowRoutes& routes, const Pipeline& pipeline) { return check(wanted_, routes, pipeline); }
  void fired() noexcept { unchecked_ = 0; }

 private:
  static constexpr std::size_t between_checks = 64;

  bool full_ = false;
  std::size_t wanted_ = 1;     // of the batch that found no room
  std::size_t unchecked_ = 0;  // may come before the rows are counted again
  std::vector<RowsDue> due_;   // of one check; kept for its buffer
};

}  // namespace edgetide
