// One configured socket to which peers send: bound by its source, read by the loop.
//
// Owns:   its descriptor.
// Thread: one owner at a time: its creator, and the loop from `SocketLoop::add` to `remove`.
// Fails:  construction by std::invalid_argument for errors of the configuration; `bind` by std::runtime_error.
#pragma once

#include <string>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/service/cidr.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/socket_source.h"

namespace edgetide {

struct BoundSocket {
  explicit BoundSocket(const SocketInput& input);

  void bind();
  void close();  // further connections are closed at once

  bool is_stream() const noexcept { return options.kind != SocketKind::udp; }
  bool allows(const sockaddr_storage& peer) const noexcept;

  SocketOptions options;
  SourceId id;
  Router router;
  SocketAddress address;
  std::vector<Cidr> allow;
  Descriptor descriptor;
};

}  // namespace edgetide
