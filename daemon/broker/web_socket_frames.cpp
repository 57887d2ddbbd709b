#include "daemon/broker/web_socket_frames.h"

#include <algorithm>
#include <utility>

namespace edgetide {

namespace {

constexpr unsigned continuation_frame = 0, binary_frame = 2, close_frame = 8, ping_frame = 9, pong_frame = 10;
constexpr unsigned final_bit = 0x80, reserved_bits = 0x70, mask_bit = 0x80;

constexpr std::size_t shortest_head = 2, longest_head = 2 + 8;
constexpr unsigned two_bytes = 126, eight_bytes = 127;  // instead of a length

// A broker may cut a packet into frames as it likes, but not so that most of the work is with frames.
constexpr std::size_t max_frames_in_a_row = 1000, fair_frame_bytes = 100;
constexpr std::size_t max_frame_bytes = 64 * 1024;  // the library has two more copies of each frame

std::size_t head_bytes(unsigned char length) noexcept {
  if (length == two_bytes) return shortest_head + 2;
  return length == eight_bytes ? longest_head : shortest_head;
}

}  // namespace

WebSocketFrames::WebSocketFrames() : packet_(longest_head, '\0') {}

std::size_t WebSocketFrames::wanted(const BrokerPackets& packets) const noexcept {
  if (left_ == 0) {
    const std::size_t whole =
        head_.size() < shortest_head ? shortest_head : head_bytes(static_cast<unsigned char>(head_[1]));
    return whole - head_.size();
  }
  const std::uint64_t most = is_control_ ? left_ : packets.wanted();
  return static_cast<std::size_t>(std::min(left_, most));
}

std::string WebSocketFrames::take(std::string_view bytes, BrokerPackets& packets) {
  while (!bytes.empty()) {
    if (is_closed_) return "bytes behind the end of its WebSocket";
    const std::string_view next = bytes.substr(0, wanted(packets));
    bytes.remove_prefix(next.size());
    std::string error;
    if (left_ == 0) {
      head_ += next;
      if (head_.size() == shortest_head) error = check_head(static_cast<unsigned char>(head_[0]));
      if (error.empty() && wanted(packets) == 0) error = take_head();
    } else {
      left_ -= next.size();
      error = take_content(next, packets);
    }
    if (!error.empty()) return error;
  }
  return {};
}

std::string WebSocketFrames::check_head(unsigned first) const {
  const unsigned opcode = first & 0x0FU;
  if ((static_cast<unsigned char>(head_[1]) & mask_bit) != 0) return "a WebSocket frame with a mask";
  if ((first & reserved_bits) != 0) return "a WebSocket frame with reserved bits";
  if (opcode >= close_frame && opcode <= pong_frame) {
    const bool is_allowed = (first & final_bit) != 0 && static_cast<unsigned char>(head_[1]) < two_bytes;
    return is_allowed ? "" : "a WebSocket control frame that is too long or in parts";
  }
  if (opcode != binary_frame && opcode != continuation_frame) return "a WebSocket frame that is not binary";
  if (opcode == continuation_frame && !is_in_message_) return "a WebSocket frame that continues no message";
  if (opcode == binary_frame && is_in_message_) return "a WebSocket message inside of another";
  return {};
}

std::string WebSocketFrames::take_head() {
  const auto first = static_cast<unsigned char>(head_[0]);
  left_ = head_.size() == shortest_head ? static_cast<unsigned char>(head_[1]) : 0;
  for (std::size_t i = shortest_head; i < head_.size(); ++i) left_ = left_ << 8U | static_cast<unsigned char>(head_[i]);
  if (left_ >> 63U != 0) return "a WebSocket frame whose length is malformed";
  if (++frames_in_a_row_ > max_frames_in_a_row + (earlier_bytes_ + packet_.size()) / fair_frame_bytes) {
    return "more WebSocket frames than its packets need";
  }
  is_control_ = (first & 0x0FU) >= close_frame;
  if (is_control_) {
    control_ = head_;
    if (left_ == 0) end_control_frame();
  } else {
    is_in_message_ = (first & final_bit) == 0;
  }
  head_.clear();
  return {};
}

std::string WebSocketFrames::take_content(std::string_view content, BrokerPackets& packets) {
  if (is_control_) {
    control_ += content;
    if (left_ == 0) end_control_frame();
    return {};
  }
  if (std::string error = packets.take(content); !error.empty()) return error;
  append(content);
  if (!packets.is_between_packets()) return {};
  end_frame(true);
  for (std::string& frame : earlier_frames_) make_ready(frame);
  earlier_frames_.clear();
  make_ready(packet_);
  packet_.assign(longest_head, '\0');
  earlier_bytes_ = frames_in_a_row_ = 0;
  return {};
}

void WebSocketFrames::append(std::string_view content) {
  while (!content.empty()) {
    if (packet_.size() == longest_head + max_frame_bytes) {
      end_frame(false);
      earlier_bytes_ += packet_.size();
      earlier_frames_.push_back(std::exchange(packet_, std::string(longest_head, '\0')));
    }
    const std::string_view next = content.substr(0, longest_head + max_frame_bytes - packet_.size());
    packet_ += next;
    content.remove_prefix(next.size());
  }
}

void WebSocketFrames::end_frame(bool is_last) {
  const unsigned opcode = earlier_frames_.empty() ? binary_frame : continuation_frame;
  packet_[0] = static_cast<char>(opcode | (is_last ? final_bit : 0U));
  packet_[1] = static_cast<char>(eight_bytes);
  std::uint64_t length = packet_.size() - longest_head;
  for (std::size_t i = longest_head; i-- > shortest_head; length >>= 8U) packet_[i] = static_cast<char>(length & 0xFFU);
}

void WebSocketFrames::end_control_frame() {
  const unsigned opcode = static_cast<unsigned char>(control_[0]) & 0x0FU;
  is_closed_ = opcode == close_frame;
  if (opcode != pong_frame) make_ready(control_);
}

// By exchange of the memory: small packets come without an allocation.
void WebSocketFrames::make_ready(std::string& frame) {
  if (has_ready()) {
    ready_next_.push_back(std::move(frame));
  } else {
    ready_.swap(frame);
    given_ = 0;
  }
  frame.clear();
}

std::size_t WebSocketFrames::give(char* into, std::size_t size) noexcept {
  std::size_t count = 0;
  while (count < size && has_ready()) {
    const std::size_t next = std::min(size - count, ready_.size() - given_);
    std::copy_n(ready_.data() + given_, next, into + count);
    count += next;
    given_ += next;
    if (has_ready()) break;
    given_ = 0;
    ready_.clear();
    if (ready_next_.empty()) break;
    ready_ = std::move(ready_next_.front());
    ready_next_.pop_front();
  }
  return count;
}

}  // namespace edgetide
