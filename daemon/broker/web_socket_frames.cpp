#include "daemon/broker/web_socket_frames.h"

#include <algorithm>

namespace edgetide {

namespace {

constexpr unsigned continuation_frame = 0, binary_frame = 2, close_frame = 8, pong_frame = 10;

constexpr std::size_t shortest_head = 2;
constexpr unsigned two_bytes = 126, eight_bytes = 127;  // instead of a length

std::size_t head_bytes(unsigned char length) {
  if (length == two_bytes) return shortest_head + 2;
  return length == eight_bytes ? shortest_head + 8 : shortest_head;
}

}  // namespace

std::string WebSocketFrames::take(std::string_view bytes, BrokerPackets& packets) {
  while (!bytes.empty()) {
    std::string error;
    if (left_ == 0) {
      head_ += bytes.front();
      bytes.remove_prefix(1);
      error = take_head(packets);
    } else {
      const std::string_view content =
          bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      bytes.remove_prefix(content.size());
      left_ -= content.size();
      if (!is_control_) error = packets.take(content);
    }
    if (!error.empty()) return error;
  }
  return {};
}

std::string WebSocketFrames::take_head(const BrokerPackets& packets) {
  if (head_.size() < shortest_head) return {};
  const auto first = static_cast<unsigned char>(head_[0]), second = static_cast<unsigned char>(head_[1]);
  if (second >= 0x80) return "a WebSocket frame with a mask";
  if (head_.size() < head_bytes(second)) return {};
  left_ = head_.size() == shortest_head ? second : 0;
  for (std::size_t i = shortest_head; i < head_.size(); ++i) left_ = left_ << 8U | static_cast<unsigned char>(head_[i]);
  head_.clear();
  const unsigned opcode = first & 0x0FU;
  const bool is_final = first >= 0x80;
  is_control_ = opcode >= close_frame && opcode <= pong_frame;
  if (is_control_) {
    const bool is_allowed = is_final && left_ < two_bytes && packets.is_between_packets() && message_ == 0;
    return is_allowed ? "" : "a WebSocket control frame inside of a message";
  }
  if (opcode != binary_frame && opcode != continuation_frame) return "a WebSocket frame that is not binary";
  if (left_ > packets.max_stream_bytes() - message_) return "a WebSocket message that is too large";
  message_ = is_final ? 0 : message_ + left_;
  return {};
}

}  // namespace edgetide
