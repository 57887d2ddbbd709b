// The taps that are open: each sees the readings of its source as they are accepted, or the rows of its window as they
// are emitted. A tap that only Taps still holds is forgotten. Free of cost while there is none.
//
// Owns:   its share of each tap. Thread: one owner at a time (the intake lock). Fails: never.
#pragma once

#include <memory>
#include <vector>

#include "daemon/intake/tap.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class Taps {
 public:
  void add(std::shared_ptr<Tap> tap) { taps_.push_back(std::move(tap)); }
  void clear() noexcept { taps_.clear(); }

  void show_readings(const Batch& batch, const SeriesTable& series) {
    if (!taps_.empty()) offer_readings(batch, series);
  }
  void show_rows(const Emission& emission, const Pipeline& pipeline) {
    if (!taps_.empty()) offer_rows(emission, pipeline);
  }

 private:
  void offer_readings(const Batch& batch, const SeriesTable& series);
  void offer_rows(const Emission& emission, const Pipeline& pipeline);
  void forget_closed();

  std::vector<std::shared_ptr<Tap>> taps_;
};

}  // namespace edgetide
