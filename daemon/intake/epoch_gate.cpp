#include "daemon/intake/epoch_gate.h"

#include <algorithm>
#include <utility>

namespace edgetide {

void EpochGate::push(std::uint64_t record, std::vector<RowRoutes::RoutedBatch> batches) {
  const MutexLock lock(mutex_);
  RowRoutes::expect(batches);
  epochs_.push_back({record, std::move(batches)});
  send_durable();
}

void EpochGate::durable(std::uint64_t through) {
  const MutexLock lock(mutex_);
  durable_through_ = std::max(durable_through_, through);
  send_durable();
}

// A power cut must not take the tick behind rows that a store has (DURABILITY.md, "Release of rows").
void EpochGate::send_durable() {
  while (!epochs_.empty() && epochs_.front().record <= durable_through_) {
    RowRoutes::send(std::move(epochs_.front().batches));
    epochs_.pop_front();
  }
}

void EpochGate::forget(const SinkWorker& worker) {
  const MutexLock lock(mutex_);
  for (Epoch& epoch : epochs_) {
    std::erase_if(epoch.batches, [&](const RowRoutes::RoutedBatch& batch) { return batch.worker == &worker; });
  }
}

bool EpochGate::empty() const {
  const MutexLock lock(mutex_);
  return epochs_.empty();
}

}  // namespace edgetide
