// Bytes of one stream, cut into lines. A line longer than the limit is reported once and skipped to its end.
//
// Owns:   the bytes after the last newline. Thread: one. Fails: never.
// Limit:  max_line_bytes, given at construction.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace edgetide {

class LineBuffer {
 public:
  explicit LineBuffer(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // Calls line(text) for every complete line, without its newline, and too_long() once per line beyond the limit.
  template <typename Line, typename TooLong>
  void append(std::string_view bytes, Line&& line, TooLong&& too_long) {
    while (!bytes.empty()) {
      const std::size_t newline = bytes.find('\n');
      const std::string_view part = bytes.substr(0, newline);
      if (!skipping_ && rest_.size() + part.size() > max_line_bytes_) {
        skipping_ = true;
        rest_.clear();
        too_long();
      }
      if (newline == std::string_view::npos) {
        if (!skipping_) rest_ += part;
        return;
      }
      if (!skipping_) {
        rest_.empty() ? line(part) : line(std::string_view(rest_ += part));
      }
      skipping_ = false;
      rest_.clear();
      bytes.remove_prefix(newline + 1);
    }
  }

  // A line has begun and not ended.
  bool partial() const noexcept { return skipping_ || !rest_.empty(); }
  // What was begun is lost with the stream, and has not been reported yet.
  bool unreported() const noexcept { return !rest_.empty(); }

 private:
  std::size_t max_line_bytes_;
  std::string rest_;
  bool skipping_ = false;
};

}  // namespace edgetide
