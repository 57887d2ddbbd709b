// Where the rows of an epoch go: to each worker what its sink wants of them.
//
// Thread: under the intake lock; workers outlive it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "daemon/outbox/row_selection.h"
#include "daemon/outbox/sink_worker.h"

namespace edgetide {

class RowRoutes {
 public:
  void add(RowSelection selection, SinkWorker& worker) { routes_.push_back({std::move(selection), &worker}); }

  // What each worker gets of an epoch, and its delivery to them. `run`: the one that has fired the epoch.
  struct RoutedBatch {
    SinkWorker* worker;
    RowBatch rows;
  };
  std::vector<RoutedBatch> select(const Emission& emission, const Pipeline& pipeline, std::uint64_t run) const {
    std::vector<RoutedBatch> batches;
    if (emission.rows.empty()) return batches;
    for (const Route& route : routes_) {
      RowBatch rows = route.selection.select(emission, pipeline, run);
      if (!rows.windows.empty()) batches.push_back({route.worker, std::move(rows)});
    }
    return batches;
  }
  static void send(std::vector<RoutedBatch> batches) {
    for (RoutedBatch& batch : batches) batch.worker->push(std::move(batch.rows));
  }

  // The rows will be sent later; until then they count as if they were.
  static void expect(const std::vector<RoutedBatch>& batches) {
    for (const RoutedBatch& batch : batches) batch.worker->expect(memory_of(batch.rows));
  }

  bool may_block() const noexcept {
    return std::any_of(routes_.begin(), routes_.end(), [](const Route& route) { return route.worker->may_block(); });
  }
  // How many bytes of rows may become due besides these, until a firing would overfill a worker that may not drop any.
  std::uint64_t room_beside(std::span<const RowsDue> due) const noexcept {
    std::uint64_t room = std::numeric_limits<std::uint64_t>::max();
    for (const Route& route : routes_) {
      if (!route.worker->may_block()) continue;
      const std::uint64_t free = route.worker->room();
      room = std::min(room, free - std::min<std::uint64_t>(free, route.selection.bytes_due(due)));
    }
    return room;
  }

  // Some worker may neither take more rows nor drop any.
  bool full() const noexcept {
    return std::any_of(routes_.begin(), routes_.end(), [](const Route& route) { return route.worker->full(); });
  }

 private:
  struct Route {
    RowSelection selection;
    SinkWorker* worker;
  };
  std::vector<Route> routes_;
};

}  // namespace edgetide
