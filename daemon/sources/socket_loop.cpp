#include "daemon/sources/socket_loop.h"

#include <stdexcept>
#include <system_error>
#include <utility>

#include "daemon/sources/datagram_socket.h"
#include "daemon/sources/stream_listener.h"

namespace edgetide {

SocketLoop::SocketLoop(SourceHost& host)
    : host_(host),
      events_("sockets"),
      intake_([this](SourceId source, const DecodedBatch& batch) { return offer(source, batch); },
              [this](bool reading) {
                for (const auto& [socket, served] : served_) served->set_reading(reading);
              }) {}

void SocketLoop::add(BoundSocket& socket) {
  try {
    events_.start();
    events_.call([&] {
      const auto served = served_.emplace(&socket, serve(socket)).first;
      if (intake_.is_holding()) served->second->set_reading(false);
    });
    host_.attach(socket.id, *this);
  } catch (const std::system_error& error) {
    throw std::runtime_error("cannot listen on " + socket.options.listen + ": " + error.code().message());
  }
}

std::unique_ptr<ServedSocket> SocketLoop::serve(BoundSocket& socket) {
  if (socket.is_stream()) return std::make_unique<StreamListener>(socket, events_, intake_, host_);
  return std::make_unique<DatagramSocket>(socket, events_, intake_, host_);
}

Acceptance SocketLoop::offer(SourceId source, const DecodedBatch& batch) {
  const Acceptance acceptance = host_.try_accept(source, batch);
  const bool may_wait = acceptance.answer != Acceptance::Answer::held || blocking_;
  return may_wait ? acceptance : Acceptance();
}

void SocketLoop::room_available() noexcept {
  events_.post([this] { intake_.offer_again(); });
}

void SocketLoop::durable(std::uint64_t through) noexcept {
  events_.post([this, through] {
    for (const auto& [socket, served] : served_) served->durable(through);
  });
}

void SocketLoop::set_blocking(bool allowed) noexcept {
  events_.post([this, allowed] {
    blocking_ = allowed;
    intake_.offer_again();
  });
}

void SocketLoop::remove(BoundSocket& socket) {
  host_.detach(socket.id);
  bool was_last = false;
  events_.call([&] {
    intake_.forget(socket);
    served_.erase(&socket);
    intake_.offer_again();
    was_last = served_.empty();
  });
  socket.close();
  if (was_last) events_.stop();
}

}  // namespace edgetide
