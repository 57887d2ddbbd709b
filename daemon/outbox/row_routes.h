// Where the rows of an epoch go: to each worker what its sink wants of them.
//
// Thread: under the intake lock; workers outlive it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/outbox/row_filter.h"
#include "daemon/outbox/row_selection.h"
#include "daemon/outbox/row_translation.h"
#include "daemon/outbox/sink_worker.h"

namespace edgetide {

class RowRoutes {
 public:
  // `translation`: of the rows, where the windows are not those of the worker's schemas.
  void add(RowSelection selection, SinkWorker& worker, std::optional<RowFilter> filter = std::nullopt,
           std::optional<RowTranslation> translation = std::nullopt) {
    routes_.push_back({std::move(selection), &worker, std::move(filter), std::move(translation)});
  }

  // What each worker gets of an epoch, and its delivery to them. `run`: the one that has fired the epoch.
  struct RoutedBatch {
    SinkWorker* worker;
    RowBatch rows;
  };
  std::vector<RoutedBatch> select(const Emission& emission, const Pipeline& pipeline, std::uint64_t run,
                                  RowEdges& edges) const {
    std::vector<RoutedBatch> batches;
    if (emission.rows.empty() && emission.added.rows.empty()) return batches;
    for (const Route& route : routes_) {
      RowBatch rows = route.selection.select(emission, pipeline, run);
      if (route.filter) route.filter->apply(rows, edges);
      if (route.translation) route.translation->apply(rows);
      if (!rows.windows.empty()) batches.push_back({route.worker, std::move(rows)});
    }
    return batches;
  }
  static void send(std::vector<RoutedBatch> batches) {
    for (RoutedBatch& batch : batches) batch.worker->push(std::move(batch.rows));
  }

  // The rows will be sent later; until then they count as if they were.
  static void expect(const std::vector<RoutedBatch>& batches) {
    for (const RoutedBatch& batch : batches) batch.worker->expect(batch.rows);
  }

  std::vector<std::string> sinks() const {
    std::vector<std::string> names;
    for (const Route& route : routes_) names.push_back(route.worker->name());
    return names;
  }

  // Some table takes the window.
  bool adds_to(WindowId window) const noexcept {
    return std::any_of(routes_.begin(), routes_.end(),
                       [&](const Route& route) { return route.selection.adds_to(window) && !route.filter; });
  }

  bool may_block() const noexcept {
    return std::any_of(routes_.begin(), routes_.end(), [](const Route& route) { return route.worker->may_block(); });
  }
  // How many readings may come besides the rows that are due, until a firing would overfill a worker that may not drop
  // any.
  std::size_t readings_beside(std::span<const RowsDue> due) const noexcept {
    std::uint64_t readings = std::numeric_limits<std::uint32_t>::max();
    for (const Route& route : routes_) {
      if (route.worker->may_block()) readings = std::min(readings, route.room_beside(due) / route.bytes_of(1));
    }
    return static_cast<std::size_t>(readings);
  }
  // Whether so many readings fit beside those rows. Half of an outbox is enough for any number: they are no more than
  // one batch, and many of them share their windows.
  bool takes(std::size_t readings, std::span<const RowsDue> due) const noexcept {
    return std::all_of(routes_.begin(), routes_.end(), [&](const Route& route) {
      return !route.worker->may_block() ||
             route.room_beside(due) >=
                 std::min(route.bytes_of(readings), std::max<std::uint64_t>(route.worker->capacity() / 2, 1));
    });
  }

  // How far each sink is, for the journal (Outbox::take_delivered), and back.
  std::vector<std::pair<std::string, EpochId>> take_delivered() const {
    std::vector<std::pair<std::string, EpochId>> delivered;
    for (const Route& route : routes_) {
      if (const auto id = route.worker->take_delivered()) delivered.emplace_back(route.worker->name(), *id);
    }
    return delivered;
  }
  void already_stored(std::string_view sink, EpochId id) const {
    for (const Route& route : routes_) {
      if (route.worker->name() == sink) route.worker->already_stored(id);
    }
  }

  // Some worker may neither take more rows nor drop any.
  bool full() const noexcept {
    return std::any_of(routes_.begin(), routes_.end(), [](const Route& route) { return route.worker->full(); });
  }

 private:
  struct Route {
    RowSelection selection;
    SinkWorker* worker;
    std::optional<RowFilter> filter;
    std::optional<RowTranslation> translation;

    std::uint64_t room_beside(std::span<const RowsDue> due) const noexcept {
      const std::uint64_t free = worker->room();
      return free - std::min<std::uint64_t>(free, selection.bytes_due(due));
    }
    std::uint64_t bytes_of(std::size_t readings) const noexcept {
      return std::max<std::uint64_t>(selection.bytes_of_reading(), 1) * readings;
    }
  };
  std::vector<Route> routes_;
};

}  // namespace edgetide
