// All sockets of the daemon on the event loop: peers and datagrams in, messages decoded, batches to the host.
//
// In:      bytes of the sockets that were added, and of peers they let in.
// Out:     one batch for all complete messages of a connection's turn, or of a UDP socket's; to stream peers with `ack`
//          "ack N\n".
// Thread:  the loop's. `add` and `remove` from its owner's; they are carried out by the loop's thread, between two
//          turns, so that nothing here is ever shared.
// Blocks:  `add` and `remove` until the turn at hand has ended.
// Owns:    connections. Sockets are their sources'.
// Fails:   `add` by std::runtime_error when the kernel gives no descriptors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "daemon/service/event_loop.h"
#include "daemon/sources/bound_socket.h"
#include "daemon/sources/events_on_loop.h"
#include "daemon/sources/served_socket.h"
#include "daemon/sources/socket_intake.h"
#include "daemon/sources/source.h"
#include "daemon/sources/watched_peers.h"

namespace edgetide {

class SocketLoop final : public EventsOnLoop {
 public:
  // Both outlive this, and all sockets are removed before.
  SocketLoop(SourceHost& host, EventLoop& loop);
  SocketLoop(const SocketLoop&) = delete;
  SocketLoop& operator=(const SocketLoop&) = delete;

  // Requires: the socket is bound.
  void add(BoundSocket& socket);
  // And its connections; closes the socket.
  void remove(BoundSocket& socket);

  std::optional<Liveness> liveness(SourceId source) noexcept override { return peers_.liveness(source); }

 private:
  void offer_again() override { intake_.offer_again(); }
  void acknowledge(std::uint64_t through) override;
  std::unique_ptr<ServedSocket> serve(BoundSocket& socket);

  WatchedPeers peers_;
  // The loop's thread only, while it runs.
  SocketIntake intake_;
  std::map<const BoundSocket*, std::unique_ptr<ServedSocket>> served_;
  std::optional<EventLoop::Use> use_;  // while there is a socket
};

}  // namespace edgetide
