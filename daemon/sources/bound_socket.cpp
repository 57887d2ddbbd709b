#include "daemon/sources/bound_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>

namespace edgetide {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

// A socket file without a listener is left over from a run that was killed.
void remove_stale(const BoundSocket& socket) {
  struct stat status {};
  if (lstat(socket.options.listen.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) throw std::runtime_error(socket.options.listen + " exists and is not a socket");
  // Without waiting for a listener that does not accept.
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), socket.address.get(), socket.address.length) == 0 || errno != ECONNREFUSED) {
    throw std::runtime_error(socket.options.listen + ": another process listens there");
  }
  unlink(socket.options.listen.c_str());
}

}  // namespace

// Finds errors of the configuration before any socket exists.
BoundSocket::BoundSocket(const SocketInput& input)
    : options(input.options), id(input.id), router(std::vector<RouteOptions>{input.options.route}) {
  for (const std::string& text : options.allow) {
    const std::optional<Cidr> range = Cidr::parse(text);
    if (!range) throw std::invalid_argument("allow: '" + text + "' is not an address range; write 10.20.0.0/16");
    allow.push_back(*range);
  }
  if (options.kind == SocketKind::unix_stream) {
    address = parse_unix(options.listen);
    return;
  }
  address = parse_inet(options.listen);
  if (!is_loopback(address.storage) && allow.empty()) {
    throw std::invalid_argument("'" + options.listen + "' is not loopback: `allow` must say who may send");
  }
}

bool BoundSocket::allows(const sockaddr_storage& peer) const noexcept {
  if (options.kind == SocketKind::unix_stream || is_loopback(peer)) return true;
  return std::any_of(allow.begin(), allow.end(), [&](const Cidr& range) { return range.contains(peer); });
}

void BoundSocket::bind() {
  const int type = (is_stream() ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  descriptor = Descriptor(::socket(address.storage.ss_family, type, 0));
  const int fd = descriptor.get();
  if (fd < 0) fail("socket");
  constexpr int on = 1;
  if (options.kind == SocketKind::tcp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.kind == SocketKind::udp) {
    const int bytes = static_cast<int>(options.receive_buffer_bytes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  }
  if (options.kind == SocketKind::unix_stream) remove_stale(*this);
  if (::bind(fd, address.get(), address.length) != 0) {
    fail("cannot listen on " + options.listen);
  }
  if (options.kind == SocketKind::unix_stream) chmod(options.listen.c_str(), 0660);
  if (is_stream() && listen(fd, SOMAXCONN) != 0) fail("cannot listen on " + options.listen);
}

void BoundSocket::close() {
  descriptor = Descriptor();
  if (options.kind == SocketKind::unix_stream) unlink(options.listen.c_str());
}

}  // namespace edgetide
