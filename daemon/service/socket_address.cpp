#include "daemon/service/socket_address.h"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/un.h>

#include "daemon/service/host_port.h"

namespace edgetide {

namespace {

in_port_t port_of(const std::string& text, const std::string& digits) {
  if (digits.empty()) throw std::invalid_argument("'" + text + "' has no port; write 127.0.0.1:8094");
  const std::optional<std::uint16_t> port = parse_port(digits);
  if (!port) throw std::invalid_argument("'" + text + "' has no port from 0 to 65535");
  return htons(*port);
}

}  // namespace

SocketAddress parse_inet(const std::string& text) {
  const HostPort parts = split_host_port(text).value_or(HostPort());
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET, parts.host.c_str(), &v4.sin_addr) == 1 && !text.starts_with('[')) {
    v4.sin_family = AF_INET;
    v4.sin_port = port_of(text, parts.port);
    address.length = sizeof v4;
  } else if (inet_pton(AF_INET6, parts.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = port_of(text, parts.port);
    address.length = sizeof v6;
  } else {
    throw std::invalid_argument("'" + text +
                                "' is not a numeric address with a port; write 127.0.0.1:8094 or [::1]:8094");
  }
  return address;
}

std::optional<SocketAddress> parse_listen(const std::string& text) {
  try {
    const SocketAddress address = parse_inet(text);
    if (reinterpret_cast<const sockaddr_in&>(address.storage).sin_port == 0) return std::nullopt;  // also IPv6's
    return address;
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

SocketAddress parse_unix(const std::string& path) {
  SocketAddress address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.empty() || path.front() != '/') throw std::invalid_argument("'" + path + "' is not an absolute path");
  if (path.size() >= sizeof local.sun_path) {
    throw std::invalid_argument("'" + path + "' is longer than a Unix socket's path may be (107 bytes)");
  }
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
  address.length = sizeof local;
  return address;
}

std::string host_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  const void* const bytes = address.ss_family == AF_INET
                                ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr)
                                : &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return "unix";
  inet_ntop(address.ss_family, bytes, host.data(), host.size());
  return host.data();
}

std::string to_text(const sockaddr_storage& address) {
  const std::string host = host_text(address);
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return host;
  const std::string port = std::to_string(ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port));  // IPv6's too
  return address.ss_family == AF_INET ? host + ':' + port : '[' + host + "]:" + port;
}

}  // namespace edgetide
