// One socket that peers send to, as it is configured: bound by its source, read by the loop.
//
// Owns:   its descriptor; closing it takes the socket out of every epoll.
// Thread: one owner at a time: who makes it, and the loop from `SocketLoop::add` to `remove`.
// Fails:  construction by std::invalid_argument for what a user can get wrong; `bind` by std::runtime_error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/service/cidr.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/socket_source.h"

namespace edgetide {

// For what may happen at any rate and is worth a line a minute.
class Seldom {
 public:
  bool due(std::chrono::steady_clock::time_point now) noexcept {
    if (last_ && now - *last_ < std::chrono::minutes(1)) return false;
    last_ = now;
    return true;
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> last_;
};

struct Listener {
  explicit Listener(const SocketInput& input);

  void bind();
  void close();  // peers find nobody any more

  bool is_stream() const noexcept { return options.kind != SocketKind::udp; }
  bool allows(const sockaddr_storage& peer) const noexcept;

  SocketOptions options;
  SourceId id;
  Router router;
  SocketAddress address;
  std::vector<Cidr> allow;
  Descriptor socket;
  bool paused = false;  // no peer can be taken just now
  Seldom pause_notice;
  std::size_t connections = 0;
  std::size_t surplus_peers = 0;  // closed since the last notice
  Seldom surplus_notice;
  std::uint32_t kernel_drops = 0;  // datagrams, as the kernel last said
  std::uint32_t noticed_drops = 0;
  Seldom drop_notice;
};

}  // namespace edgetide
