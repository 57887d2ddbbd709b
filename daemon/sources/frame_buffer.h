// Bytes of one stream, cut into messages as its framing says. A message longer than the limit is reported once and
// skipped to its end.
//
// Owns:   the bytes of the message that has begun. Thread: one. Fails: never.
// Limit:  max_message_bytes, given at construction.
#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include "daemon/decoders/framing.h"
#include "daemon/sources/length_prefix_buffer.h"
#include "daemon/sources/line_buffer.h"
#include "daemon/sources/telegram_buffer.h"

namespace edgetide {

class FrameBuffer {
 public:
  // Requires: a framing of streams.
  FrameBuffer(Framing framing, std::size_t max_message_bytes) : buffer_(LineBuffer(max_message_bytes)) {
    if (framing == Framing::length_prefix) buffer_ = LengthPrefixBuffer(max_message_bytes);
    if (framing == Framing::telegram) buffer_ = TelegramBuffer(max_message_bytes);
  }

  // Calls message(text) for every complete message and too_long() once per message beyond the limit.
  template <typename MessageText, typename TooLong>
  void append(std::string_view bytes, MessageText&& message, TooLong&& too_long) {
    std::visit([&](auto& buffer) { buffer.append(bytes, message, too_long); }, buffer_);
  }

  // A message has begun and not ended.
  bool partial() const noexcept {
    return std::visit([](const auto& buffer) { return buffer.partial(); }, buffer_);
  }
  // What was begun is lost with the stream, and has not been reported yet.
  bool unreported() const noexcept {
    return std::visit([](const auto& buffer) { return buffer.unreported(); }, buffer_);
  }

 private:
  std::variant<LineBuffer, LengthPrefixBuffer, TelegramBuffer> buffer_;
};

}  // namespace edgetide
