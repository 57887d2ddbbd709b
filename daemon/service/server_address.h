// Addresses of MQTT servers as configurations write them, taken apart without asking any resolver.
//
// Thread: pure. Fails: nothing is returned for a text of another form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

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
