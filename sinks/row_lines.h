// The rows of batches as lines for a reader that takes them byte by byte, such as a pipe: what of them is taken, and
// how a delivery goes on at the byte where the last one was given up.
//
// Owns:   the text of the batch, and the rest of a line whose begin is taken. Thread: one at a time. Fails: never.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinks/row_batch.h"
#include "sinks/row_encoder.h"

namespace edgetide {

class RowLines {
 public:
  explicit RowLines(std::unique_ptr<RowEncoder> encoder) : encoder_(std::move(encoder)), header_(encoder_->header()) {}

  // The text becomes what comes before the rows, once or from the last delivery, and the rows.
  void begin(const RowBatch& batch);
  // What is left of it.
  std::string_view left() const noexcept { return std::string_view(text_).substr(taken_); }
  void take(std::size_t bytes) noexcept;
  // How many of the rows are, whole lines only.
  std::size_t rows_taken() const noexcept;
  // All of it is taken.
  void finish() noexcept { half_line_.clear(); }
  // The batch is given up for now. As `rows_taken`.
  std::size_t give_up(const RowBatch& batch);
  // Another reader: it has nothing of what was taken.
  void restart();

 private:
  void begin_with(const std::string& line);

  const std::unique_ptr<RowEncoder> encoder_;
  std::string header_;  // empty once its first byte is taken
  // The part that is being delivered, and what comes before its rows.
  std::string text_;
  std::size_t taken_ = 0;          // of its bytes
  std::vector<std::size_t> ends_;  // of its lines, each of which is a row but for the first ones
  std::size_t other_lines_ = 0;
  // What the last part has left behind: the rest of a line whose begin is taken, and which row that is.
  std::string half_line_;
  EpochId half_epoch_;
  std::size_t half_row_ = 0;
};

}  // namespace edgetide
