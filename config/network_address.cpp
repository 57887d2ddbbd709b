#include "config/network_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <utility>

#include "pipeline/characters.h"

namespace edgetide {

namespace {

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const std::optional<unsigned> port = parse_number(text, 65'535);
  return port && *port > 0 ? std::optional(static_cast<std::uint16_t>(*port)) : std::nullopt;
}

// "host:port", "[v6]:port", "host"; the port stays empty when there is none.
std::optional<std::pair<std::string, std::string>> split_host_port(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string host(text.substr(1, close - 1));
    const std::string_view rest = text.substr(close + 1);
    if (!is_ipv6(host) || (!rest.empty() && rest.size() < 2) || (!rest.empty() && rest[0] != ':')) return std::nullopt;
    return std::pair(host, std::string(rest.empty() ? rest : rest.substr(1)));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::pair(std::string(text), std::string());
  if (colon + 1 == text.size()) return std::nullopt;
  return std::pair(std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)));
}

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

bool is_loopback(std::string_view host) {
  const std::string text(host);
  return text == "localhost" || text == "::1" || (text.starts_with("127.") && is_ipv4(text));
}

std::optional<ListenAddress> parse_listen(std::string_view text) {
  const auto parts = split_host_port(text);
  if (!parts || (!is_ipv4(parts->first) && !is_ipv6(parts->first))) return std::nullopt;
  const std::optional<std::uint16_t> port = parse_port(parts->second);
  if (!port) return std::nullopt;
  return ListenAddress{parts->first, *port};
}

bool is_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const unsigned max_bits = is_ipv4(address) ? 32 : is_ipv6(address) ? 128 : 0;
  if (max_bits == 0) return false;
  return slash == std::string_view::npos || parse_number(text.substr(slash + 1), max_bits).has_value();
}

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
  const auto parts = split_host_port(rest.substr(0, slash));
  if (!parts || !(is_host_name(parts->first) || is_ipv6(parts->first))) return std::nullopt;
  const bool takes_path = name == "ws" || name == "wss";
  std::string path(rest.substr(slash));
  if (path == "/" && !takes_path) path.clear();
  if (!path.empty() && !takes_path) return std::nullopt;
  ServerAddress address{std::string(name), parts->first, scheme->port, path};
  if (!parts->second.empty()) {
    const std::optional<std::uint16_t> port = parse_port(parts->second);
    if (!port) return std::nullopt;
    address.port = *port;
  }
  return address;
}

}  // namespace edgetide
