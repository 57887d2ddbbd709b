#include "daemon/service/host_port.h"

#include <arpa/inet.h>

#include "pipeline/whole_number.h"

namespace edgetide {

std::optional<HostPort> split_host_port(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string host(text.substr(1, close - 1));
    const std::string_view rest = text.substr(close + 1);
    if (!is_ipv6(host)) return std::nullopt;
    if (rest.empty()) return HostPort{host, {}};
    if (rest[0] != ':' || rest.size() == 1) return std::nullopt;
    return HostPort{host, std::string(rest.substr(1))};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return HostPort{std::string(text), {}};
  if (colon + 1 == text.size()) return std::nullopt;
  return HostPort{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  return whole_number<std::uint16_t>(text);
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_ipv4(host));
}

}  // namespace edgetide
