// The frames in which a broker sends MQTT over a WebSocket, taken apart, and put together again for the library.
//
// The library keeps what has come of a frame or packet in variables that all its connections share, and does not clear
// them when a connection ends: the next one, of any broker, would read it. So it gets whole packets only, each in one
// message, and control frames only between them: then it keeps nothing.
//
// Thread: one owner at a time; pure.
// Fails:  `take` says what is wrong, as that of BrokerPackets.
// Limit:  holds the packet at hand, as large as BrokerPackets lets it be, and a control frame.
// See:    RFC 6455, 5.2 to 5.5
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "daemon/broker/broker_packets.h"

namespace edgetide {

class WebSocketFrames {
 public:
  WebSocketFrames();

  // How many bytes to read next at most, so that no more than one packet or control frame is ready for the library:
  // it is woken for the next one only by bytes that were not read.
  std::size_t wanted(const BrokerPackets& packets) const noexcept;
  // The next bytes behind the answer that has opened the socket, in any pieces; their content goes to `packets`.
  std::string take(std::string_view bytes, BrokerPackets& packets);
  // The reader has caught up with the broker.
  void rest() noexcept { frames_in_a_row_ = 0; }

  // Frames for the library: as much of them as it wants to read, in order. 0: none is whole.
  std::size_t give(char* into, std::size_t size) noexcept;
  bool has_ready() const noexcept { return given_ < ready_.size(); }

 private:
  std::string take_head();
  std::string check_head(unsigned first) const;
  std::string take_content(std::string_view content, BrokerPackets& packets);
  void append(std::string_view content);
  void end_frame(bool is_last);
  void end_control_frame();
  void make_ready(std::string& frame);

  std::string head_;                 // as far as it has come
  std::uint64_t left_ = 0;           // of the frame's content
  bool is_control_ = false;          // it is one
  bool is_in_message_ = false;       // frames with data came, and not the final one
  bool is_closed_ = false;           // by a close frame, the last one
  std::size_t frames_in_a_row_ = 0;  // without the end of a packet or a rest
  std::string control_;              // the control frame at hand
  // The packet at hand: its last frame, and those before it.
  std::string packet_;
  std::deque<std::string> earlier_frames_;
  std::size_t earlier_bytes_ = 0;
  std::string ready_;
  std::size_t given_ = 0;  // of `ready_`
  std::deque<std::string> ready_next_;
};

}  // namespace edgetide
