// Bytes of one stream, cut into messages that each follow their length: 4 bytes, big-endian, not counting themselves.
// A message longer than the limit is reported once and skipped to its end.
//
// Owns:   the bytes of the message that has begun. Thread: one. Fails: never.
// Limit:  max_message_bytes, given at construction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

class LengthPrefixBuffer {
 public:
  explicit LengthPrefixBuffer(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  // Calls message(text) for every complete message, without its length, and too_long() once per message beyond the
  // limit.
  template <typename MessageText, typename TooLong>
  void append(std::string_view bytes, MessageText&& message, TooLong&& too_long) {
    while (!bytes.empty()) {
      if (length_bytes_ < prefix_bytes) {
        take_length(bytes);
        if (length_bytes_ < prefix_bytes) return;
        if (skipping()) too_long();
      }
      const std::string_view part = bytes.substr(0, left_);
      bytes.remove_prefix(part.size());
      left_ -= part.size();
      const bool complete = left_ == 0;
      if (!skipping() && complete) {
        rest_.empty() ? message(part) : message(std::string_view(rest_ += part));
      } else if (!skipping()) {
        rest_ += part;
      }
      if (complete) begin_next();
    }
  }

  // A message has begun and not ended.
  bool partial() const noexcept { return length_bytes_ > 0; }
  // What was begun is lost with the stream, and has not been reported yet.
  bool unreported() const noexcept { return partial() && !skipping(); }

 private:
  static constexpr std::size_t prefix_bytes = 4;

  bool skipping() const noexcept { return length_bytes_ == prefix_bytes && length_ > max_message_bytes_; }

  void take_length(std::string_view& bytes) noexcept {
    for (; length_bytes_ < prefix_bytes && !bytes.empty(); bytes.remove_prefix(1), ++length_bytes_) {
      length_ = length_ << 8 | static_cast<std::uint8_t>(bytes.front());
    }
    left_ = length_;
  }

  void begin_next() noexcept {
    length_bytes_ = 0;
    length_ = 0;
    rest_.clear();
  }

  std::size_t max_message_bytes_;
  std::size_t length_bytes_ = 0;  // of the prefix that have come
  std::uint32_t length_ = 0;      // of the message
  std::size_t left_ = 0;          // of the message, to come
  std::string rest_;
};

}  // namespace edgetide
