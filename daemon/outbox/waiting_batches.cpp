#include "daemon/outbox/waiting_batches.h"

#include <algorithm>
#include <utility>

namespace edgetide {

std::size_t memory_of(const RowBatch& batch) noexcept {
  std::size_t bytes = sizeof(RowBatch);
  for (const WindowRows& window : batch.windows) {
    bytes += sizeof(WindowRows) + memory_of_rows(window.rows.size(), 0) + window.values.size() * sizeof(double);
    for (const SinkRow& row : window.rows) bytes += memory_of_sketch(row);
  }
  return bytes;
}

namespace {

// Of its record on disk, at most, but for the names of windows and columns.
std::size_t record_bytes_of(const RowBatch& batch) noexcept {
  constexpr std::size_t head_bytes = 256, row_bytes = 29, series_bytes = 17, label_bytes = 8;
  std::size_t bytes = head_bytes;
  const Series* before = nullptr;
  for (const WindowRows& window : batch.windows) {
    bytes += window.rows.size() * row_bytes + window.values.size() * sizeof(double);
    for (const SinkRow& row : window.rows) {
      if (row.sketch) bytes += row.sketch->size();
      const Series* const series = row.series.get();
      if (std::exchange(before, series) == series) continue;
      bytes += series_bytes + series->sensor.size() + series->metric.size() + series->unit.size();
      for (const Label& label : series->labels) bytes += label_bytes + label.key.size() + label.value.size();
    }
  }
  return bytes;
}

}  // namespace

std::size_t bytes_of(const RowBatch& batch) noexcept {
  return std::max(memory_of(batch), record_bytes_of(batch)) + sizeof(WaitingBatch);
}

WaitingBatch unspilled_batch(EpochRange epochs, std::shared_ptr<const RowBatch> batch) {
  const std::size_t memory = memory_of(*batch), rows = batch->row_count(), counted = bytes_of(*batch);
  return {.epochs = epochs, .rows = rows, .batch = std::move(batch), .batch_bytes = memory, .unspilled_bytes = counted};
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

EpochId WaitingBatches::last_spilled() const noexcept {
  for (std::size_t i = batches_.size(); i-- > 0;) {
    if (batches_[i].record != 0) return batches_[i].epochs.last;
  }
  return {};
}

void WaitingBatches::count(const WaitingBatch& batch) noexcept {
  rows_ += batch.rows;
  batch_bytes_ += batch.batch_bytes;
  bytes_ += batch.record != 0 ? batch.record_bytes + sizeof(WaitingBatch) : batch.unspilled_bytes;
  if (batch.record == 0) return;
  copy_bytes_ += batch.batch_bytes;
  spilled_rows_ += batch.rows;
  spilled_bytes_ += batch.record_bytes;
}

void WaitingBatches::discount(const WaitingBatch& batch) noexcept {
  rows_ -= batch.rows;
  batch_bytes_ -= batch.batch_bytes;
  bytes_ -= batch.record != 0 ? batch.record_bytes + sizeof(WaitingBatch) : batch.unspilled_bytes;
  if (batch.record == 0) return;
  copy_bytes_ -= batch.batch_bytes;
  spilled_rows_ -= batch.rows;
  spilled_bytes_ -= batch.record_bytes;
}

}  // namespace edgetide
