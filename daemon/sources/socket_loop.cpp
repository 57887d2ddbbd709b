#include "daemon/sources/socket_loop.h"

#include <algorithm>
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
    throw std::runtime_error("source " + socket.options.name + ": " + error.code().message());
  }
}

std::unique_ptr<ServedSocket> SocketLoop::serve(BoundSocket& socket) {
  if (socket.is_stream()) return std::make_unique<StreamListener>(socket, events_, intake_, host_);
  return std::make_unique<DatagramSocket>(socket, events_, intake_, host_);
}

// A batch that was taken is held on until it is durable: its peer is answered then.
SocketIntake::Answer SocketLoop::offer(SourceId source, const DecodedBatch& batch) {
  using Answer = SocketIntake::Answer;
  if (!awaited_record_) {
    const Acceptance acceptance = host_.try_accept(source, batch);
    if (acceptance.answer == Acceptance::Answer::closed) return Answer::closed;
    if (!acceptance.is_taken()) return blocking_ ? Answer::held : Answer::closed;
    awaited_record_ = acceptance.record;
  }
  const bool is_durable = *awaited_record_ <= durable_;
  if (!is_durable && blocking_) return Answer::held;
  awaited_record_.reset();
  return is_durable ? Answer::taken : Answer::closed;
}

void SocketLoop::offer_again() {
  intake_.offer_again();
  if (!intake_.is_holding()) awaited_record_.reset();
}

void SocketLoop::room_available() noexcept {
  events_.post([this] { offer_again(); });
}

void SocketLoop::durable(std::uint64_t through) noexcept {
  events_.post([this, through] {
    durable_ = std::max(durable_, through);
    offer_again();
  });
}

void SocketLoop::set_blocking(bool allowed) noexcept {
  events_.post([this, allowed] {
    blocking_ = allowed;
    offer_again();
  });
}

void SocketLoop::remove(BoundSocket& socket) {
  host_.detach(socket.id);
  bool was_last = false;
  events_.call([&] {
    intake_.forget(socket);
    served_.erase(&socket);
    offer_again();
    was_last = served_.empty();
  });
  socket.close();
  if (was_last) events_.stop();
}

}  // namespace edgetide
