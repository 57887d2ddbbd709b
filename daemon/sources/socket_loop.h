// The one event loop of all sockets of the daemon: peers and datagrams in, messages decoded, batches to the host.
//
// In:      bytes of the sockets that were added, and of peers they let in.
// Out:     one batch for all complete messages of a connection's turn, or of a UDP socket's; to stream peers with `ack`
//          "ack N\n".
// Thread:  "sockets", while there is a socket. `add` and `remove` from one other thread; they are carried out by the
//          loop's thread, between two turns, so that nothing here is ever shared. `room_available` from any.
// Blocks:  `add` and `remove` until the turn at hand has ended.
// Owns:    connections. Sockets are their sources'.
// Fails:   `add` by std::runtime_error when the kernel gives no descriptors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "daemon/service/event_loop.h"
#include "daemon/sources/bound_socket.h"
#include "daemon/sources/served_socket.h"
#include "daemon/sources/socket_intake.h"
#include "daemon/sources/source.h"

namespace edgetide {

class SocketLoop final : public SourceEvents {
 public:
  explicit SocketLoop(SourceHost& host);
  ~SocketLoop() override { events_.stop(); }
  SocketLoop(const SocketLoop&) = delete;
  SocketLoop& operator=(const SocketLoop&) = delete;

  // Requires: the socket is bound.
  void add(BoundSocket& socket);
  // And its connections; closes the socket.
  void remove(BoundSocket& socket);

  SourceHost& host() noexcept { return host_; }

  void room_available() noexcept override;
  void durable(std::uint64_t through) noexcept override;
  void set_blocking(bool allowed) noexcept override;

 private:
  std::unique_ptr<ServedSocket> serve(BoundSocket& socket);
  Acceptance offer(SourceId source, const DecodedBatch& batch);

  SourceHost& host_;
  EventLoop events_;
  // The loop's thread only, while it runs.
  SocketIntake intake_;
  bool blocking_ = true;
  std::map<const BoundSocket*, std::unique_ptr<ServedSocket>> served_;
};

}  // namespace edgetide
