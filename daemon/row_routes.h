// Where the rows of an epoch go: to each courier what its sink wants of them.
//
// Thread: under the intake lock; couriers outlive it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "daemon/courier.h"
#include "daemon/row_selection.h"

namespace edgetide {

class RowRoutes {
 public:
  void add(RowSelection selection, Courier& courier) { routes_.push_back({std::move(selection), &courier}); }

  // `run`: the one that has fired the epoch.
  void send(const Emission& emission, const Pipeline& pipeline, std::uint64_t run) const {
    if (emission.rows.empty()) return;
    for (const Route& route : routes_) {
      RowBatch batch = route.selection.select(emission, pipeline, run);
      if (!batch.windows.empty()) route.courier->push(std::move(batch));
    }
  }

  // Some courier may neither take more rows nor drop any.
  bool full() const noexcept {
    return std::any_of(routes_.begin(), routes_.end(), [](const Route& route) { return route.courier->full(); });
  }

 private:
  struct Route {
    RowSelection selection;
    Courier* courier;
  };
  std::vector<Route> routes_;
};

}  // namespace edgetide
