#include "sinks/row_lines.h"

#include <algorithm>

namespace edgetide {

void RowLines::begin(const RowBatch& batch) {
  text_.clear();
  ends_.clear();
  taken_ = 0;
  // The begin of this line is taken. It is that of our first row, or of one that was given up on: finish it first.
  const bool ours = !half_line_.empty() && half_epoch_ == batch.id && half_row_ == batch.first_row;
  if (!ours) begin_with(half_line_);
  begin_with(header_);
  other_lines_ = ends_.size();
  encoder_->append(text_, batch, &ends_);
  if (!ours) return;
  const std::size_t done = ends_[0] - half_line_.size();
  text_.erase(0, done);
  for (std::size_t& end : ends_) end -= done;
}

void RowLines::begin_with(const std::string& line) {
  if (line.empty()) return;
  text_ += line;
  ends_.push_back(text_.size());
}

void RowLines::take(std::size_t bytes) noexcept {
  taken_ += bytes;
  if (bytes > 0) header_.clear();
}

std::size_t RowLines::rows_taken() const noexcept {
  const auto lines = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), taken_) - ends_.begin());
  return lines - std::min(lines, other_lines_);
}

std::size_t RowLines::give_up(const RowBatch& batch) {
  const auto next = std::upper_bound(ends_.begin(), ends_.end(), taken_);
  const auto lines = static_cast<std::size_t>(next - ends_.begin());
  const std::size_t rows = rows_taken();
  const std::size_t begin = lines == 0 ? 0 : ends_[lines - 1];
  if (lines == 0 && !half_line_.empty()) {
    half_line_.erase(0, taken_);  // still the same one
  } else {
    half_line_ = taken_ == begin ? std::string() : text_.substr(taken_, *next - taken_);
    half_epoch_ = lines < other_lines_ ? EpochId{} : batch.id;
    half_row_ = batch.first_row + rows;
  }
  return rows;
}

void RowLines::restart() {
  half_line_.clear();
  header_ = encoder_->header();
}

}  // namespace edgetide
