// The frames in which a broker sends MQTT over a WebSocket, and what is in them.
//
// The library keeps a message until its last frame has come, and a control frame between the parts of an MQTT packet
// makes it use memory that it has freed: neither is let through.
//
// Thread: one owner at a time; pure.
// Fails:  `take` says what is wrong, as that of BrokerPackets.
// See:    RFC 6455, 5.2
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/broker/broker_packets.h"

namespace edgetide {

class WebSocketFrames {
 public:
  // The next bytes behind the answer that has opened the socket, in any pieces; their content goes to `packets`.
  std::string take(std::string_view bytes, BrokerPackets& packets);

 private:
  std::string take_head(const BrokerPackets& packets);

  std::string head_;           // as far as it has come
  std::uint64_t left_ = 0;     // of the frame's content
  std::uint64_t message_ = 0;  // bytes of the frames since the last final one
  bool is_control_ = false;
};

}  // namespace edgetide
