#include "sinks/http_url.h"

#include <algorithm>

#include "daemon/service/host_port.h"

namespace edgetide {

namespace {

// The rest is written as %XX.
bool may_stand_in_url(char c) noexcept {
  return c > ' ' && c < 0x7F && std::string_view("\"<>\\^`{|}#").find(c) == std::string_view::npos;
}

std::string_view take_until(std::string_view& rest, std::string_view ends) {
  const std::string_view taken = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(taken.size());
  return taken;
}

}  // namespace

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), may_stand_in_url)) return std::nullopt;
  HttpUrl url;
  url.encrypted = text.starts_with("https://");
  if (!url.encrypted && !text.starts_with("http://")) return std::nullopt;
  std::string_view rest = text.substr(url.encrypted ? 8 : 7);
  const std::string_view authority = take_until(rest, "/?");
  if (authority.find('@') != std::string_view::npos) return std::nullopt;
  const std::optional<HostPort> address = split_host_port(authority);
  if (!address || address->host.empty()) return std::nullopt;
  if (!address->port.empty() && parse_port(address->port).value_or(0) == 0) return std::nullopt;
  url.host = address->host;
  url.port = address->port;
  url.path = take_until(rest, "?");
  if (!rest.empty()) url.query = rest.substr(1);
  return url;
}

std::string HttpUrl::server() const {
  const bool has_colons = host.find(':') != std::string::npos;
  const std::string name = has_colons ? '[' + host + ']' : host;
  return (encrypted ? "https://" : "http://") + name + (port.empty() ? std::string() : ':' + port);
}

std::optional<std::string_view> HttpUrl::parameter(std::string_view name) const {
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view one = take_until(rest, "&");
    if (!rest.empty()) rest.remove_prefix(1);
    const std::size_t equals = std::min(one.find('='), one.size());
    if (one.substr(0, equals) == name) return one.substr(std::min(equals + 1, one.size()));
  }
  return std::nullopt;
}

}  // namespace edgetide
