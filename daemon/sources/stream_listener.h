// A TCP or Unix stream socket: lets peers in, up to `max_connections`, and owns their connections.
//
// A peer is an address without its port, all loopback addresses together, or a user of the machine (Unix). One that has
// `max_connections_per_peer` is let in no further. When there are as many connections as there may be, the one that is
// silent for longest makes room for a new one, if it is at rest and has been silent for idle_time at least. The same
// where a new one would have one of the last descriptors of the process (descriptor_reserve.h).
//
// Out of descriptors or kernel memory, the peers it has are served, and new ones wait in the kernel's queue.
//
// Thread: the loop's. Fails: construction, by std::system_error.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/service/event_loop.h"
#include "daemon/service/rare_notice.h"
#include "daemon/sources/bound_socket.h"
#include "daemon/sources/served_socket.h"
#include "daemon/sources/socket_intake.h"
#include "daemon/sources/source.h"
#include "daemon/sources/stream_connection.h"
#include "daemon/sources/watched_peers.h"

namespace edgetide {

class StreamListener final : public ServedSocket {
 public:
  static constexpr std::chrono::seconds idle_time{10};

  StreamListener(BoundSocket& socket, EventLoop& loop, SocketIntake& intake, SourceHost& host, WatchedPeers& peers);

  void set_reading(bool reading) override;
  void durable(std::uint64_t through) override;
  // Destroys the connection.
  void drop(const StreamConnection& connection) { connections_.erase(&connection); }

  BoundSocket& socket() noexcept { return socket_; }
  SocketIntake& intake() noexcept { return intake_; }
  WatchedPeers& peers() noexcept { return peers_; }

 private:
  void accept_peer();
  void let_in(Descriptor descriptor, StreamConnection::Peer peer);
  void refuse(std::string_view peer);
  bool has_room_for(const std::string& identity, bool has_reserved_descriptor);
  bool make_room();
  void turn_away(TurnedAway why);
  void pause(std::string_view reason);
  void resume();

  BoundSocket& socket_;
  EventLoop& loop_;
  SocketIntake& intake_;
  SourceHost& host_;
  WatchedPeers& peers_;
  std::map<const StreamConnection*, std::unique_ptr<StreamConnection>> connections_;
  RareNotice pause_notice_, turned_away_notice_;
  TurnedAwayCounts turned_away_{};  // since the last notice
  EventLoop::Watch watch_;
  EventLoop::Timer resume_;
};

}  // namespace edgetide
