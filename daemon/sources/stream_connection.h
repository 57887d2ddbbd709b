// One peer of a stream socket: its bytes are cut into messages, decoded and offered; with `ack` it learns how many
// messages are settled: durable, or refused.
//
// Ends:   when the peer closes, at its deadline, when it reads no acknowledgements, when the daemon stops. A message
//         that had begun is then discarded and counted.
// Thread: the loop's. Owns: the connection's descriptor. Fails: construction, by std::system_error.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/service/descriptor.h"
#include "daemon/service/event_loop.h"
#include "daemon/sources/frame_buffer.h"
#include "daemon/sources/socket_intake.h"
#include "daemon/sources/watched_peers.h"

namespace edgetide {

class StreamListener;

class StreamConnection {
 public:
  struct Peer {
    std::string name;
    std::string identity;  // equal for all connections of one peer
  };
  StreamConnection(StreamListener& listener, EventLoop& loop, Descriptor descriptor, Peer peer);

  const std::string& identity() const noexcept { return peer_.identity; }
  EventLoop::Time heard_at() const noexcept { return heard_at_; }
  // It owes its peer no acknowledgement, has no part of a message, and nothing that waits to be read.
  bool is_at_rest() const noexcept;

  // Deadlines restart when reading resumes, because the peer did not cause the pause.
  void set_reading(bool reading);
  // Acknowledges what was taken up to this record. May destroy the connection.
  void durable(std::uint64_t through);

 private:
  struct Messages {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;  // no reading of them was accepted
    bool any() const noexcept { return accepted + refused > 0; }
  };

  void read();
  void take(std::string_view bytes);
  void note_message_start(bool was_partial, bool message_ended);
  void note_taken(Messages messages, std::uint64_t record);
  void acknowledge(Messages messages);
  void end();

  void restart_deadlines(EventLoop::Time now) noexcept;
  EventLoop::Time deadline() const;
  void arm();
  void check_deadline();

  StreamListener& listener_;
  BoundSocket& socket_;
  SocketIntake& intake_;
  const Descriptor descriptor_;
  const WatchedPeers::Peer watched_;
  const Peer peer_;
  FrameBuffer frames_;
  struct WaitingAck {
    std::uint64_t record;
    Messages messages;  // taken up to it, since the connection began
  };
  Messages taken_;
  std::deque<WaitingAck> waiting_acks_;  // for the disk; with max_waiting_acks the peer is read no further
  std::string acks_;                     // not written yet
  EventLoop::Time heard_at_;
  std::optional<EventLoop::Time> message_began_at_;
  EventLoop::Watch watch_;
  EventLoop::Timer timer_;
};

}  // namespace edgetide
