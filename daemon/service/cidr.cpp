#include "daemon/service/cidr.h"

#include <algorithm>
#include <arpa/inet.h>
#include <string>

#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr unsigned mapped_bits = 96;  // of ::ffff:0:0/96, where IPv4 addresses are kept

Bytes mapped(const in_addr& v4) noexcept {
  Bytes bytes{};
  bytes[10] = bytes[11] = 0xff;
  const auto* const raw = reinterpret_cast<const std::uint8_t*>(&v4.s_addr);
  std::copy_n(raw, 4, bytes.begin() + 12);
  return bytes;
}

std::optional<Bytes> bytes_of(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) return mapped(reinterpret_cast<const sockaddr_in&>(address).sin_addr);
  if (address.ss_family != AF_INET6) return std::nullopt;
  Bytes bytes{};
  std::copy_n(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr.s6_addr, 16, bytes.begin());
  return bytes;
}

bool same_prefix(const Bytes& a, const Bytes& b, unsigned bits) noexcept {
  if (!std::equal(a.begin(), a.begin() + bits / 8, b.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

}  // namespace

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  Cidr range;
  unsigned max_bits = 128;
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    range.address_ = mapped(v4);
    max_bits = 32;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    std::copy_n(v6.s6_addr, 16, range.address_.begin());
  } else {
    return std::nullopt;
  }
  unsigned bits = max_bits;
  if (slash != std::string_view::npos) {
    const auto written = whole_number<unsigned>(text.substr(slash + 1));
    if (!written || *written > max_bits) return std::nullopt;
    bits = *written;
  }
  range.bits_ = max_bits == 32 ? mapped_bits + bits : bits;
  return range;
}

bool Cidr::contains(const sockaddr_storage& peer) const noexcept {
  const std::optional<Bytes> bytes = bytes_of(peer);
  return bytes && same_prefix(*bytes, address_, bits_);
}

bool is_loopback(const sockaddr_storage& address) noexcept {
  static const Cidr v4 = *Cidr::parse("127.0.0.0/8");
  static const Cidr v6 = *Cidr::parse("::1");
  return v4.contains(address) || v6.contains(address);
}

}  // namespace edgetide
