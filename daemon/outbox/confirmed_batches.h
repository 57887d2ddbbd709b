// The batches that a store has confirmed lately, for one that goes back in time: a restored backup, a standby that had
// not received everything, a table that was dropped.
//
// Owns:   the batches, in memory; a restart forgets them. Thread: one at a time (the delivery's). Fails: never.
// Units:  bytes of rows in memory. Limit: `max_bytes`, and rows of the last `max_age`.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "pipeline/time.h"
#include "sinks/row_batch.h"

namespace edgetide {

class ConfirmedBatches {
 public:
  using Time = std::chrono::steady_clock::time_point;

  ConfirmedBatches(Duration max_age, std::size_t max_bytes) : max_age_(max_age), max_bytes_(max_bytes) {}

  // Confirmed now; later than all before, unless `take_after` has taken it out. `wall` is now, too.
  void add(std::shared_ptr<const RowBatch> batch, Time now, Timestamp wall);
  // Confirmed at that time at the latest, and not here: by an earlier run.
  void assume(EpochId id, Timestamp wall);
  // The newest that was ever confirmed.
  EpochId newest() const noexcept { return newest_; }

  // Those later than `stored`, oldest first, which leave.
  std::vector<std::shared_ptr<const RowBatch>> take_after(EpochId stored, Time now);
  // Batches later than `stored` were confirmed and are not here: until when.
  std::optional<Timestamp> forgotten_until(EpochId stored) const noexcept;

  // The store has nothing behind this.
  void set_back(EpochId stored) noexcept { newest_ = stored; }

  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Confirmed {
    std::shared_ptr<const RowBatch> batch;
    std::size_t bytes;
    Time at;
    Timestamp wall;
  };
  void forget_old(Time now);

  Duration max_age_;
  std::size_t max_bytes_;
  std::deque<Confirmed> batches_;  // by epoch
  std::size_t bytes_ = 0;
  EpochId newest_;
  EpochId forgotten_;  // the newest that is not here
  Timestamp forgotten_at_;
};

}  // namespace edgetide
