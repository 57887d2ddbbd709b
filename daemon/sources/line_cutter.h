// Bytes of a file, cut into lines, each with the byte that it begins at. A line longer than the limit is reported at
// its end, so that the position behind it is behind its refusal too.
//
// Owns:   the bytes after the last newline. Thread: one. Fails: never.
// Limit:  max_line_bytes, given at construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

class LineCutter {
 public:
  LineCutter(std::size_t max_line_bytes, std::uint64_t offset) : max_line_bytes_(max_line_bytes), next_line_(offset) {}

  // Calls line(text, at) for every complete line, without its newline, and too_long(at) for one beyond the limit.
  template <typename Line, typename TooLong>
  void append(std::string_view bytes, Line&& line, TooLong&& too_long) {
    while (!bytes.empty()) {
      const std::size_t newline = bytes.find('\n');
      const std::string_view part = bytes.substr(0, newline);
      length_ += part.size();
      if (newline == std::string_view::npos) return keep(part);
      if (rest_.empty() && length_ == part.size() && length_ <= max_line_bytes_) {
        line(part, next_line_);
      } else {
        keep(part);
        end_line(line, too_long);
      }
      next_line_ += length_ + 1;
      clear();
      bytes.remove_prefix(newline + 1);
    }
  }
  // What stands behind the last newline is a line too.
  template <typename Line, typename TooLong>
  void finish(Line&& line, TooLong&& too_long) {
    if (!partial()) return;
    end_line(line, too_long);
    next_line_ += length_;
    clear();
  }

  bool partial() const noexcept { return length_ > 0; }
  std::uint64_t part_bytes() const noexcept { return length_; }  // of the line that is not complete
  std::uint64_t next_line() const noexcept { return next_line_; }

 private:
  void keep(std::string_view part) { length_ <= max_line_bytes_ ? rest_.append(part) : rest_.erase(); }
  template <typename Line, typename TooLong>
  void end_line(Line&& line, TooLong&& too_long) {
    length_ > max_line_bytes_ ? too_long(next_line_) : line(std::string_view(rest_), next_line_);
  }
  void clear() noexcept {
    rest_.clear();
    length_ = 0;
  }

  const std::size_t max_line_bytes_;
  std::uint64_t next_line_;
  std::uint64_t length_ = 0;  // of the line at hand, so far
  std::string rest_;          // and its bytes, unless they are too many
};

}  // namespace edgetide
