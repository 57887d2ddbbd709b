#include "daemon/sources/socket_loop.h"

#include <stdexcept>
#include <system_error>
#include <utility>

#include "daemon/sources/datagram_socket.h"
#include "daemon/sources/stream_listener.h"

namespace edgetide {

SocketLoop::SocketLoop(SourceHost& host, EventLoop& loop)
    : EventsOnLoop(host, loop),
      intake_([this](SourceId source, const DecodedBatch& batch) { return offer(source, batch); },
              [this](bool reading) {
                for (const auto& [socket, served] : served_) served->set_reading(reading);
              }) {}

void SocketLoop::add(BoundSocket& socket) {
  try {
    if (!use_) use_.emplace(loop());
    loop().call([&] {
      const auto served = served_.emplace(&socket, serve(socket)).first;
      if (intake_.is_holding()) served->second->set_reading(false);
    });
    host().attach(socket.id, *this);
  } catch (const std::system_error& error) {
    throw std::runtime_error("cannot listen on " + socket.options.listen + ": " + error.code().message());
  }
}

std::unique_ptr<ServedSocket> SocketLoop::serve(BoundSocket& socket) {
  if (socket.is_stream()) return std::make_unique<StreamListener>(socket, loop(), intake_, host(), peers_);
  return std::make_unique<DatagramSocket>(socket, loop(), intake_, host());
}

void SocketLoop::acknowledge(std::uint64_t through) {
  for (const auto& [socket, served] : served_) served->durable(through);
}

void SocketLoop::remove(BoundSocket& socket) {
  host().detach(socket.id);
  bool was_last = false;
  loop().call([&] {
    intake_.forget(socket);
    served_.erase(&socket);
    intake_.offer_again();
    was_last = served_.empty();
  });
  socket.close();
  if (was_last) use_.reset();
}

}  // namespace edgetide
