#include "daemon/service/reachability.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include "daemon/service/descriptor.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto slice = 20ms;

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// `error`: as of getaddrinfo.
Addresses addresses_of(const std::string& host, std::uint16_t port, int& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  return {error == 0 ? found : nullptr, freeaddrinfo};
}

Descriptor socket_for(const addrinfo& to) {
  return Descriptor(socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// 0, or an error number; ETIMEDOUT where none came in time.
int connect_error(const Descriptor& probe, const addrinfo& to, Clock::time_point until,
                  const std::function<bool()>& stopping) {
  if (probe.get() < 0) return errno;
  if (connect(probe.get(), to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd one{probe.get(), POLLOUT, 0};
  while (poll(&one, 1, static_cast<int>(slice.count())) <= 0) {
    if (stopping() || Clock::now() >= until) return ETIMEDOUT;
  }
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(probe.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

std::string why_unreachable(const std::string& host, std::uint16_t port, std::chrono::milliseconds most,
                            const std::function<bool()>& stopping) {
  int unresolved = 0;
  const Addresses all = addresses_of(host, port, unresolved);
  if (unresolved != 0) return "unknown host " + host + " (" + gai_strerror(unresolved) + ")";
  const auto until = Clock::now() + most;
  int error = 0;
  for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) {
    error = connect_error(socket_for(*one), *one, until, stopping);
    if (error == 0) return {};
  }
  return error == ETIMEDOUT ? "no answer" : std::strerror(error);
}

// Neither side speaks first without us: whatever can be read is the connection's end.
bool keeps_connections(const std::string& host, std::uint16_t port, std::chrono::milliseconds most,
                       std::chrono::milliseconds hold, const std::function<bool()>& stopping) {
  int unresolved = 0;
  const Addresses all = addresses_of(host, port, unresolved);
  const auto until = Clock::now() + most;
  for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) {
    const Descriptor probe = socket_for(*one);
    if (connect_error(probe, *one, until, stopping) != 0) continue;
    const auto held = Clock::now() + hold;
    pollfd end{probe.get(), POLLIN | POLLRDHUP, 0};
    while (Clock::now() < held && !stopping()) {
      if (poll(&end, 1, static_cast<int>(slice.count())) > 0) return false;
    }
    return true;
  }
  return false;
}

}  // namespace edgetide
