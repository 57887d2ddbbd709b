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
      intake_(
          [this](SourceId source, const DecodedBatch& batch) {
            return host_.accept(source, batch) ? SocketIntake::Answer::taken : SocketIntake::Answer::closed;
          },
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
  } catch (const std::system_error& error) {
    throw std::runtime_error("source " + socket.options.name + ": " + error.code().message());
  }
}

std::unique_ptr<ServedSocket> SocketLoop::serve(BoundSocket& socket) {
  if (socket.is_stream()) return std::make_unique<StreamListener>(socket, events_, intake_, host_);
  return std::make_unique<DatagramSocket>(socket, events_, intake_, host_);
}

void SocketLoop::remove(BoundSocket& socket) {
  bool was_last = false;
  events_.call([&] {
    intake_.forget(socket);
    served_.erase(&socket);
    was_last = served_.empty();
  });
  socket.close();
  if (was_last) events_.stop();
}

}  // namespace edgetide
