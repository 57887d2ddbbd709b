// Row batches that a sink has not confirmed, oldest first, bounded in bytes of memory.
//
// At the bound, drop_oldest forgets the oldest batches and counts their rows; block keeps all and says `full`, so that
// the intake holds its sources back.
//
// Owns:   the batches until `take`. Thread: one at a time (the courier's lock). Fails: never.
// Limit:  OutboxOptions::bytes_max, default 64 MiB; the newest batch is always kept, whatever its size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "daemon/gateway_options.h"
#include "sinks/row_batch.h"

namespace edgetide {

class Outbox {
 public:
  explicit Outbox(OutboxOptions options) noexcept : options_(options) {}

  void push(RowBatch batch);

  bool empty() const noexcept { return batches_.empty(); }
  // The oldest batch. Requires: not empty.
  RowBatch take();

  bool full() const noexcept { return options_.when_full == WhenFull::block && bytes_ >= options_.bytes_max; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t rows() const noexcept { return rows_; }
  std::uint64_t dropped_rows() const noexcept { return dropped_rows_; }

 private:
  struct Entry {
    RowBatch batch;
    std::size_t bytes;
    std::size_t rows;
  };
  void forget_oldest() noexcept;

  OutboxOptions options_;
  std::deque<Entry> batches_;
  std::size_t bytes_ = 0;
  std::size_t rows_ = 0;
  std::uint64_t dropped_rows_ = 0;
};

}  // namespace edgetide
