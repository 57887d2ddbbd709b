// Readings from TCP, UDP and Unix stream sockets: messages of any format, one a line, or as `framing` says.
// All socket sources of the daemon run on the event loop of the sources (SocketLoop).
//
// In:      bytes; complete messages of one turn are decoded into one batch and accepted together.
// Ack:     with `ack`, stream peers get "ack N\n" after each turn, N being the messages taken since they connected.
// Thread:  the loop's; `start` and `stop` of all sources from the gateway's main thread.
// Back-pressure: while the host holds intake back, stream peers are not read; datagrams are lost and counted by the
//          kernel.
// Fails:   `start` throws std::runtime_error when an address cannot be bound.
// Limit:   message 64 KiB, datagram 8 KiB, connections 64 per source, 16 of one peer (StreamListener says what happens
//          to further ones), 5 min without a byte or 30 s for one message closes a connection; a message that its peer
//          had not completed is discarded and counted.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "daemon/decoders/framing.h"
#include "daemon/decoders/route.h"
#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

enum class SocketKind { tcp, udp, unix_stream };

struct SocketOptions {
  std::string name;
  SocketKind kind = SocketKind::tcp;
  std::string listen;              // "127.0.0.1:8094", "[::1]:8094", or an absolute path for unix
  std::vector<std::string> allow;  // CIDR; required when not bound to loopback
  bool ack = false;                // streams only
  Framing framing = Framing::newline;
  RouteOptions route;                      // no topic
  std::size_t max_line_bytes = 64 * 1024;  // of a message of a stream
  std::size_t max_datagram_bytes = 8 * 1024;
  std::size_t max_connections = 64;
  std::size_t max_connections_per_peer = 16;
  Duration idle_timeout = Duration::minutes(5);
  Duration line_timeout = Duration::seconds(30);
  std::size_t receive_buffer_bytes = 4 * 1024 * 1024;  // udp; the kernel may give less
  bool operator==(const SocketOptions&) const = default;
};

struct SocketInput {
  SocketOptions options;
  SourceId id;
};

class SocketLoop;

// The loop outlives the source.
std::unique_ptr<Source> make_socket_source(const SocketInput& input, SocketLoop& loop);

}  // namespace edgetide
