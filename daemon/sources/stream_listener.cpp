#include "daemon/sources/stream_listener.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "daemon/service/cidr.h"
#include "daemon/service/descriptor_reserve.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/turned_away_text.h"

namespace edgetide {

namespace {

constexpr std::chrono::milliseconds pause_time{100};

std::string identity_of(const sockaddr_storage& peer, int descriptor) {
  if (is_loopback(peer)) return "loopback";
  if (peer.ss_family != AF_UNIX) return host_text(peer);
  ucred who{};
  socklen_t length = sizeof who;
  return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 ? std::to_string(who.uid) : "?";
}

}  // namespace

StreamListener::StreamListener(BoundSocket& socket, EventLoop& loop, SocketIntake& intake, SourceHost& host,
                               WatchedPeers& peers)
    : socket_(socket),
      loop_(loop),
      intake_(intake),
      host_(host),
      peers_(peers),
      watch_(loop, socket.descriptor.get(), EPOLLIN, [this](std::uint32_t) { accept_peer(); }),
      resume_(loop, [this] { resume(); }) {}

void StreamListener::set_reading(bool reading) {
  for (const auto& [key, connection] : connections_) connection->set_reading(reading);
  if (reading) return resume();
  watch_.set_events(0);
  resume_.cancel();
}

// A connection that is dropped meanwhile is out of the map, and the next one is known already.
void StreamListener::durable(std::uint64_t through) {
  for (auto next = connections_.begin(); next != connections_.end();) (next++)->second->durable(through);
}

// One peer per turn; the rest stay in the kernel's queue for the next.
void StreamListener::accept_peer() {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  Descriptor descriptor(
      accept4(socket_.descriptor.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (descriptor.get() < 0) {
    const bool of_the_peer = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED || errno == EPERM;
    return of_the_peer ? void() : pause(std::generic_category().message(errno));
  }
  if (!socket_.allows(peer)) return refuse(to_text(peer));
  std::string identity = identity_of(peer, descriptor.get());
  if (has_room_for(identity, is_reserved_descriptor(descriptor.get())))
    let_in(std::move(descriptor), {to_text(peer), std::move(identity)});
}

bool StreamListener::has_room_for(const std::string& identity, bool has_reserved_descriptor) {
  const auto of_peer = std::count_if(connections_.begin(), connections_.end(),
                                     [&](const auto& one) { return one.second->identity() == identity; });
  if (static_cast<std::size_t>(of_peer) >= socket_.options.max_connections_per_peer) {
    turn_away(TurnedAway::max_connections_per_peer);
    return false;
  }
  const bool is_full = connections_.size() >= socket_.options.max_connections;
  if ((!is_full && !has_reserved_descriptor) || make_room()) return true;
  turn_away(is_full ? TurnedAway::max_connections : TurnedAway::descriptors);
  return false;
}

bool StreamListener::make_room() {
  const auto silent_since = std::chrono::steady_clock::now() - idle_time;
  const StreamConnection* idle = nullptr;
  for (const auto& [key, connection] : connections_) {
    if (connection->heard_at() > silent_since || (idle != nullptr && connection->heard_at() >= idle->heard_at())) {
      continue;
    }
    if (connection->is_at_rest()) idle = key;
  }
  if (idle == nullptr) return false;
  drop(*idle);
  turn_away(TurnedAway::idle);
  return true;
}

void StreamListener::let_in(Descriptor descriptor, StreamConnection::Peer peer) {
  try {
    auto connection = std::make_unique<StreamConnection>(*this, loop_, std::move(descriptor), std::move(peer));
    connections_.emplace(connection.get(), std::move(connection));
  } catch (const std::system_error& error) {
    pause(error.code().message());
  }
}

void StreamListener::refuse(std::string_view peer) {
  DecodedBatch& batch = intake_.begin_batch();
  batch.refusals.push_back({Refusal::unauthorised, batch.keep(peer), 0});
  intake_.offer(socket_, [](const Acceptance&) {});
}

void StreamListener::turn_away(TurnedAway why) {
  host_.turned_away(socket_.id, why);
  ++turned_away_[static_cast<std::size_t>(why)];
  if (!turned_away_notice_.due(std::chrono::steady_clock::now())) return;
  host_.notice(socket_.id, turned_away_text(turned_away_));
  turned_away_ = {};
}

// Asked at once, epoll would say the same again without end.
void StreamListener::pause(std::string_view reason) {
  watch_.set_events(0);
  const auto now = std::chrono::steady_clock::now();
  resume_.set(now + pause_time);
  if (pause_notice_.due(now)) host_.notice(socket_.id, "new connections have to wait: " + std::string(reason));
}

void StreamListener::resume() {
  if (!watch_.set_events(EPOLLIN)) resume_.set(std::chrono::steady_clock::now() + pause_time);
}

}  // namespace edgetide
