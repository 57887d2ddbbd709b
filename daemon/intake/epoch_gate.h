// Rows leave when the tick that made them is durable: otherwise the next run could compute other rows in their place,
// and those that it does not know would stay in the stores forever (DURABILITY.md, "Release of rows"). The gate holds
// the rows of each epoch, already routed, until then, and sends them to the workers in the order of their epochs.
//
// Records count as in the journal: rows with record `n` are safe when all records before `n` are.
//
// Thread: any. `push` may be called under the intake lock; no worker calls back.
// Owns:   the rows that wait; workers outlive it, or are forgotten first.
// Fails:  never.
// Limit:  what ticks emit between two syncs.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "daemon/outbox/row_routes.h"
#include "daemon/service/mutex.h"

namespace edgetide {

class EpochGate {
 public:
  // Sent at once if the records before `record` are durable already; 0: nothing is journaled.
  void push(std::uint64_t record, std::vector<RowRoutes::RoutedBatch> batches);
  // Records before `through` are.
  void durable(std::uint64_t through);
  // Before the worker goes: rows that it would have got are lost.
  void forget(const SinkWorker& worker);

  bool empty() const;

 private:
  void send_durable() REQUIRES(mutex_);

  struct Epoch {
    std::uint64_t record;
    std::vector<RowRoutes::RoutedBatch> batches;
  };
  mutable Mutex mutex_;
  std::uint64_t durable_through_ GUARDED_BY(mutex_) = 0;
  std::deque<Epoch> epochs_ GUARDED_BY(mutex_);  // that a power cut would take
};

}  // namespace edgetide
