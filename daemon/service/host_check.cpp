#include "daemon/service/host_check.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <optional>

#include "daemon/service/host_port.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

bool is_address_of(const std::string& host, const SocketAddress& listen) {
  if (listen.storage.ss_family == AF_INET) {
    in_addr address{};
    if (inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
    const in_addr& own = reinterpret_cast<const sockaddr_in&>(listen.storage).sin_addr;
    return own.s_addr == htonl(INADDR_ANY) || own.s_addr == address.s_addr;
  }
  const in6_addr& own = reinterpret_cast<const sockaddr_in6&>(listen.storage).sin6_addr;
  const bool any = std::memcmp(&own, &in6addr_any, sizeof own) == 0;
  if (any && is_ipv4(host)) return true;  // a socket of both kinds
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1 && (any || std::memcmp(&own, &address, sizeof own) == 0);
}

}  // namespace

bool answers_to_host(std::string_view header, const SocketAddress& listen, const std::vector<std::string>& names) {
  const std::optional<HostPort> parts = split_host_port(header);
  if (!parts || (!parts->port.empty() && !parse_port(parts->port))) return false;
  const std::string host = in_lower_case(parts->host);
  return is_loopback_host(host) || is_address_of(host, listen) ||
         std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return equal_but_for_case(name, parts->host); });
}

}  // namespace edgetide
