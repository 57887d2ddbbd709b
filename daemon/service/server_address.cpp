#include "daemon/service/server_address.h"

#include <algorithm>
#include <array>

#include "daemon/service/host_port.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

bool is_host_name(std::string_view text) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; };
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), fits);
}

struct Scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array<Scheme, 4> broker_schemes = {{{"mqtt", 1883}, {"mqtts", 8883}, {"ws", 80}, {"wss", 443}}};

}  // namespace

std::string ServerAddress::text() const {
  const std::string authority = host.find(':') == std::string::npos ? host : '[' + host + ']';
  return scheme + "://" + authority + ':' + std::to_string(port) + path;
}

std::optional<ServerAddress> parse_server(std::string_view text) {
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(0, separator);
  const auto scheme =
      std::find_if(broker_schemes.begin(), broker_schemes.end(), [&](const Scheme& s) { return s.name == name; });
  if (scheme == broker_schemes.end()) return std::nullopt;
  std::string_view rest = text.substr(separator + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::optional<HostPort> parts = split_host_port(rest.substr(0, slash));
  if (!parts || !(is_host_name(parts->host) || is_ipv6(parts->host))) return std::nullopt;
  const bool takes_path = name == "ws" || name == "wss";
  std::string path(rest.substr(slash));
  if (path == "/" && !takes_path) path.clear();
  if (!path.empty() && !takes_path) return std::nullopt;
  ServerAddress address{std::string(name), parts->host, scheme->port, path};
  if (!parts->port.empty()) {
    const std::optional<std::uint16_t> port = parse_port(parts->port);
    if (!port || *port == 0) return std::nullopt;
    address.port = *port;
  }
  return address;
}

}  // namespace edgetide
