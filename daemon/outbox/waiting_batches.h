// The books of an outbox: which batches wait for the sink, oldest first, and where each of them is: in memory, in the
// spill log, or both.
//
// Units:  bytes. A batch counts with its bytes on disk once it is there; its copy in memory is then only a convenience.
//         Before, it counts with what it takes in memory or will take on disk, whichever is more.
// Owns:   the batches in memory. Thread: one at a time (the outbox's lock). Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/outbox/row_batch_record.h"
#include "sinks/row_batch.h"

namespace edgetide {

struct WaitingBatch {
  EpochRange epochs;
  std::size_t rows = 0;
  std::shared_ptr<const RowBatch> batch;  // null: on disk only
  std::size_t batch_bytes = 0;            // of `batch`
  std::size_t unspilled_bytes = 0;        // `bytes_of` it
  std::uint64_t record = 0;               // its number in the spill log, safe from a power cut; 0: not there
  std::uint64_t record_bytes = 0;
};

std::size_t memory_of(const RowBatch& batch) noexcept;
// What it counts with while it is not on disk.
std::size_t bytes_of(const RowBatch& batch) noexcept;
WaitingBatch unspilled_batch(EpochRange epochs, std::shared_ptr<const RowBatch> batch);

class WaitingBatches {
 public:
  // In its place by epoch. False if the last of its epochs is here already.
  bool add(WaitingBatch added);
  // Takes out all batches of no later epoch.
  std::vector<WaitingBatch> take_through(EpochId last);
  WaitingBatch take(std::size_t position);
  // What is left of these epochs is now one batch. False if nothing was left.
  bool replace(EpochRange epochs, WaitingBatch merged);
  // Lets the copy in memory go. Requires: it is on disk.
  std::shared_ptr<const RowBatch> release(std::size_t position);

  bool empty() const noexcept { return batches_.empty(); }
  std::size_t size() const noexcept { return batches_.size(); }
  const WaitingBatch& operator[](std::size_t position) const noexcept { return batches_[position]; }
  // The position of the first batch with an epoch later than `id`.
  std::size_t first_after(EpochId id) const noexcept;

  std::size_t rows() const noexcept { return rows_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::uint64_t copy_bytes() const noexcept { return copy_bytes_; }  // in memory, of what is on disk
  std::size_t batch_bytes() const noexcept { return batch_bytes_; }  // of batches in memory
  std::size_t memory_bytes() const noexcept { return batch_bytes_ + batches_.size() * sizeof(WaitingBatch); }
  std::size_t spilled_rows() const noexcept { return spilled_rows_; }
  std::uint64_t spilled_bytes() const noexcept { return spilled_bytes_; }
  // The oldest record that is still needed.
  std::optional<std::uint64_t> first_record() const noexcept;
  EpochId last_spilled() const noexcept;

 private:
  void count(const WaitingBatch& batch) noexcept;
  void discount(const WaitingBatch& batch) noexcept;

  std::deque<WaitingBatch> batches_;
  std::size_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t copy_bytes_ = 0;
  std::size_t batch_bytes_ = 0;
  std::size_t spilled_rows_ = 0;
  std::uint64_t spilled_bytes_ = 0;
};

}  // namespace edgetide
