// The host and the port of an address that a person wrote, taken apart without asking any resolver.
//
// Thread: pure. Fails: nothing is returned for a text of another form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

struct HostPort {
  std::string host;  // the brackets of an IPv6 address left out
  std::string port;  // empty: none was given
};
// "host:port", "host", "[::1]:port", "[::1]". An IPv6 address needs its brackets.
std::optional<HostPort> split_host_port(std::string_view text);

// 0 to 65535.
std::optional<std::uint16_t> parse_port(std::string_view text);

bool is_ipv4(const std::string& text);
bool is_ipv6(const std::string& text);

// localhost, 127.0.0.0/8, ::1.
bool is_loopback_host(const std::string& host);

}  // namespace edgetide
