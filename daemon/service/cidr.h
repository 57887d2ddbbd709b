// Address ranges in CIDR form, "10.20.0.0/16" or "fd00::/8", and whether a peer is in one. IPv4 peers of an IPv6 socket
// (::ffff:a.b.c.d) are matched as IPv4.
//
// Thread: immutable after construction. Fails: `parse` gives nothing for any other string.
#pragma once

#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>

namespace edgetide {

class Cidr {
 public:
  // Without "/bits": one address.
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const sockaddr_storage& peer) const noexcept;

 private:
  std::array<std::uint8_t, 16> address_{};  // IPv4 as ::ffff:a.b.c.d
  unsigned bits_ = 128;
};

bool is_loopback(const sockaddr_storage& address) noexcept;

}  // namespace edgetide
