// Bytes of one stream, cut into telegrams of several lines: a message ends behind a line that begins with '!', and
// before a line that begins with '/'. So a telegram that was cut, as the first one of a connection may be, is a message
// that its decoder refuses, and the next one is whole. Blank lines between telegrams are skipped. A message longer than
// the limit is reported once and skipped to its end.
//
// Owns:   the bytes of the message that has begun. Thread: one. Fails: never.
// Limit:  max_message_bytes, given at construction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "pipeline/characters.h"

namespace edgetide {

class TelegramBuffer {
 public:
  explicit TelegramBuffer(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  // Calls message(text) for every complete message, with the ends of its lines, and too_long() once per message beyond
  // the limit.
  template <typename MessageText, typename TooLong>
  void append(std::string_view bytes, MessageText&& message, TooLong&& too_long) {
    while (!bytes.empty()) {
      const std::size_t newline = bytes.find('\n');
      const std::string_view part = bytes.substr(0, newline == std::string_view::npos ? newline : newline + 1);
      bytes.remove_prefix(part.size());
      if (!in_line_ && part.front() == '/') end_message(message);
      if (!in_line_) is_last_line_ = part.front() == '!';
      take(part, too_long);
      in_line_ = newline == std::string_view::npos;
      if (!in_line_ && is_last_line_) end_message(message);
    }
  }

  // A message has begun and not ended.
  bool partial() const noexcept { return skipping_ || !rest_.empty(); }
  // What was begun is lost with the stream, and has not been reported yet.
  bool unreported() const noexcept { return !rest_.empty(); }

 private:
  template <typename TooLong>
  void take(std::string_view part, TooLong& too_long) {
    if (skipping_ || (rest_.empty() && std::all_of(part.begin(), part.end(), is_blank))) return;
    if (rest_.size() + part.size() <= max_message_bytes_) {
      rest_ += part;
      return;
    }
    skipping_ = true;
    rest_.clear();
    too_long();
  }

  template <typename MessageText>
  void end_message(MessageText& message) {
    if (!rest_.empty()) message(std::string_view(rest_));
    rest_.clear();
    skipping_ = false;
  }

  std::size_t max_message_bytes_;
  std::string rest_;
  bool in_line_ = false;  // part of a line has come
  bool is_last_line_ = false;
  bool skipping_ = false;
};

}  // namespace edgetide
