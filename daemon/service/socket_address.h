// Addresses of sockets: text to sockaddr, and back for logs. Numeric only; names are not looked up.
//
// Thread: pure. Fails: std::invalid_argument with a reason a user can act on.
#pragma once

#include <optional>
#include <string>
#include <sys/socket.h>

namespace edgetide {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress parse_inet(const std::string& text);     // "127.0.0.1:8094", "[::1]:8094"; port 0 takes a free one
SocketAddress parse_unix(const std::string& path);     // absolute, at most 107 bytes
std::string to_text(const sockaddr_storage& address);  // "127.0.0.1:8094", "unix"

std::string host_text(const sockaddr_storage& address);  // without the port: "127.0.0.1", "::1", "unix"

// As parse_inet; nothing for what it refuses, and for port 0.
std::optional<SocketAddress> parse_listen(const std::string& text);

}  // namespace edgetide
