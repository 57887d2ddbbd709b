// Addresses as configurations write them, taken apart without asking any resolver.
//
// Thread: pure. Fails: nothing is returned for a text of another form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

// localhost, 127.0.0.0/8, ::1.
bool is_loopback(std::string_view host);

// "127.0.0.1:8094", "[::1]:8094": a numeric address and a port.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};
std::optional<ListenAddress> parse_listen(std::string_view text);

// "10.20.0.0/16", "fd00::/8", "10.1.2.3".
bool is_network(std::string_view text);

// "mqtts://broker:8883"; the port defaults by scheme; `path` (ws, wss) with its slash.
struct ServerAddress {
  std::string scheme;
  std::string host;  // brackets of an IPv6 address left out
  std::uint16_t port = 0;
  std::string path;

  bool encrypted() const { return scheme == "mqtts" || scheme == "wss"; }
  std::string text() const;  // with its port
};
std::optional<ServerAddress> parse_server(std::string_view text);

}  // namespace edgetide
