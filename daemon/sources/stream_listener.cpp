#include "daemon/sources/stream_listener.h"

#include <cerrno>
#include <chrono>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace edgetide {

namespace {

constexpr std::chrono::milliseconds pause_time{500};

}  // namespace

StreamListener::StreamListener(BoundSocket& socket, EventLoop& loop, SocketIntake& intake, SourceHost& host)
    : socket_(socket),
      loop_(loop),
      intake_(intake),
      host_(host),
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
  if (connections_.size() >= socket_.options.max_connections) return note_surplus();
  let_in(std::move(descriptor), to_text(peer));
}

void StreamListener::let_in(Descriptor descriptor, std::string peer) {
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

void StreamListener::note_surplus() {
  ++surplus_peers_;
  if (!surplus_notice_.due(std::chrono::steady_clock::now())) return;
  host_.notice(socket_.id, "max_connections is reached, closed at once: " + std::to_string(surplus_peers_) + " peers");
  surplus_peers_ = 0;
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
