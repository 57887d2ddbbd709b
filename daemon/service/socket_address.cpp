#include "daemon/service/socket_address.h"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/un.h>

namespace edgetide {

namespace {

in_port_t port_of(const std::string& text, const std::string& digits) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port > 65'535) {
    throw std::invalid_argument("'" + text + "' has no port from 0 to 65535");
  }
  return htons(static_cast<in_port_t>(port));
}

}  // namespace

SocketAddress parse_inet(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument("'" + text + "' has no port; write 127.0.0.1:8094");
  std::string host = text.substr(0, colon);
  const in_port_t port = port_of(text, text.substr(colon + 1));
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    address.length = sizeof v4;
    return address;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) {
    throw std::invalid_argument("'" + text + "' is not a numeric address; write 127.0.0.1:8094 or [::1]:8094");
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = port;
  address.length = sizeof v6;
  return address;
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

std::string to_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
    return std::string(host.data()) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
    return "[" + std::string(host.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "unix";
}

}  // namespace edgetide
