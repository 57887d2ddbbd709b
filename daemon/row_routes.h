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

  // What each courier gets of an epoch, and its delivery to them. `run`: the one that has fired the epoch.
  struct Parcel {
    Courier* courier;
    RowBatch rows;
  };
  std::vector<Parcel> select(const Emission& emission, const Pipeline& pipeline, std::uint64_t run) const {
    std::vector<Parcel> parcels;
    if (emission.rows.empty()) return parcels;
    for (const Route& route : routes_) {
      RowBatch rows = route.selection.select(emission, pipeline, run);
      if (!rows.windows.empty()) parcels.push_back({route.courier, std::move(rows)});
    }
    return parcels;
  }
  static void send(std::vector<Parcel> parcels) {
    for (Parcel& parcel : parcels) parcel.courier->push(std::move(parcel.rows));
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
