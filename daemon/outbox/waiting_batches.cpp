#include "daemon/outbox/waiting_batches.h"

#include <algorithm>
#include <utility>

namespace edgetide {

std::size_t memory_of(const RowBatch& batch) noexcept {
  std::size_t bytes = sizeof(RowBatch);
  for (const WindowRows& window : batch.windows) {
    bytes += sizeof(WindowRows) + memory_of_rows(window.rows.size(), 0) + window.values.size() * sizeof(double);
  }
  return bytes;
}

std::size_t WaitingBatches::first_after(EpochId id) const noexcept {
  const auto found = std::partition_point(batches_.begin(), batches_.end(),
                                          [&](const WaitingBatch& batch) { return batch.epochs.last <= id; });
  return static_cast<std::size_t>(found - batches_.begin());
}

bool WaitingBatches::add(WaitingBatch added) {
  const auto location = std::partition_point(batches_.begin(), batches_.end(), [&](const WaitingBatch& batch) {
    return batch.epochs.last < added.epochs.last;
  });
  if (location != batches_.end() && location->epochs.first <= added.epochs.last) return false;
  count(added);
  batches_.insert(location, std::move(added));
  return true;
}

std::vector<WaitingBatch> WaitingBatches::take_through(EpochId last) {
  std::vector<WaitingBatch> taken;
  while (!batches_.empty() && batches_.front().epochs.last <= last) taken.push_back(take(0));
  return taken;
}

WaitingBatch WaitingBatches::take(std::size_t position) {
  WaitingBatch taken = std::move(batches_[position]);
  discount(taken);
  batches_.erase(batches_.begin() + static_cast<std::ptrdiff_t>(position));
  return taken;
}

bool WaitingBatches::replace(EpochRange epochs, WaitingBatch merged) {
  const auto from = std::partition_point(batches_.begin(), batches_.end(),
                                         [&](const WaitingBatch& batch) { return batch.epochs.last < epochs.first; });
  const auto to = std::partition_point(from, batches_.end(),
                                       [&](const WaitingBatch& batch) { return batch.epochs.last <= epochs.last; });
  if (from == to) return false;
  std::for_each(from, to, [&](const WaitingBatch& batch) { discount(batch); });
  batches_.erase(from, to);
  return add(std::move(merged));
}

std::shared_ptr<const RowBatch> WaitingBatches::release(std::size_t position) {
  WaitingBatch& batch = batches_[position];
  discount(batch);
  std::shared_ptr<const RowBatch> copy = std::move(batch.batch);
  batch.batch_bytes = 0;
  count(batch);
  return copy;
}

std::optional<std::uint64_t> WaitingBatches::first_record() const noexcept {
  std::optional<std::uint64_t> first;
  for (const WaitingBatch& batch : batches_) {
    if (batch.record != 0 && (!first || batch.record < *first)) first = batch.record;
  }
  return first;
}

void WaitingBatches::count(const WaitingBatch& batch) noexcept {
  rows_ += batch.rows;
  batch_bytes_ += batch.batch_bytes;
  bytes_ += batch.record != 0 ? batch.record_bytes : batch.batch_bytes;
  if (batch.record == 0) return;
  spilled_rows_ += batch.rows;
  spilled_bytes_ += batch.record_bytes;
}

void WaitingBatches::discount(const WaitingBatch& batch) noexcept {
  rows_ -= batch.rows;
  batch_bytes_ -= batch.batch_bytes;
  bytes_ -= batch.record != 0 ? batch.record_bytes : batch.batch_bytes;
  if (batch.record == 0) return;
  spilled_rows_ -= batch.rows;
  spilled_bytes_ -= batch.record_bytes;
}

}  // namespace edgetide
