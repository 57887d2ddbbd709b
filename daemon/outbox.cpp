#include "daemon/outbox.h"

#include <utility>

namespace edgetide {

namespace {

std::size_t memory_of(const RowBatch& batch) noexcept {
  std::size_t bytes = sizeof(RowBatch);
  for (const WindowRows& window : batch.windows) {
    bytes += sizeof(WindowRows) + window.rows.size() * sizeof(SinkRow) + window.values.size() * sizeof(double);
  }
  return bytes;
}

}  // namespace

void Outbox::push(RowBatch batch) {
  const std::size_t bytes = memory_of(batch);
  const std::size_t rows = batch.row_count();
  batches_.push_back({std::move(batch), bytes, rows});
  bytes_ += bytes;
  rows_ += rows;
  while (options_.when_full == WhenFull::drop_oldest && bytes_ > options_.bytes_max && batches_.size() > 1) {
    dropped_rows_ += batches_.front().rows;
    forget_oldest();
  }
}

RowBatch Outbox::take() {
  RowBatch oldest = std::move(batches_.front().batch);
  forget_oldest();
  return oldest;
}

void Outbox::forget_oldest() noexcept {
  bytes_ -= batches_.front().bytes;
  rows_ -= batches_.front().rows;
  batches_.pop_front();
}

}  // namespace edgetide
