#include "tests/tools/connection.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace edgetide::simulation {
namespace {

constexpr int patience_ms = 30'000;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

bool wait_for(int descriptor, short events, int timeout_ms) {
  pollfd waiting{descriptor, events, 0};
  return ::poll(&waiting, 1, timeout_ms) == 1;
}

}  // namespace

Connection Connection::internet(const std::string& host, const std::string& port, int type) {
  addrinfo hints{};
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    throw std::runtime_error(host + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Connection connection(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
    if (connection.descriptor_ < 0) continue;
    if (::connect(connection.descriptor_, at->ai_addr, at->ai_addrlen) == 0) return connection;
  }
  fail("cannot connect to " + host + ":" + port);
}

Connection Connection::tcp(const std::string& host, const std::string& port) {
  Connection connection = internet(host, port, SOCK_STREAM);
  const int on = 1;
  ::setsockopt(connection.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return connection;
}

Connection Connection::udp(const std::string& host, const std::string& port) {
  return internet(host, port, SOCK_DGRAM);
}

Connection Connection::unix_stream(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error(path + ": too long for a Unix socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  Connection connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(connection.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("cannot connect to " + path);
  }
  return connection;
}

Connection::Connection(Connection&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot send");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::size_t Connection::read(std::span<char> into) {
  if (!wait_for(descriptor_, POLLIN, patience_ms)) throw std::runtime_error("the peer has been silent for 30 s");
  const ssize_t got = ::recv(descriptor_, into.data(), into.size(), 0);
  if (got < 0) fail("cannot receive");
  return static_cast<std::size_t>(got);
}

bool Connection::readable() const {
  return wait_for(descriptor_, POLLIN, 0);
}

void Connection::end_of_writing() noexcept {
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace edgetide::simulation
