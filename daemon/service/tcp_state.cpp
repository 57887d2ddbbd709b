// Apart, because linux/tcp.h and netinet/tcp.h cannot be included together, and only the former has all fields.
#include "daemon/service/tcp_state.h"

#include <algorithm>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace edgetide {

namespace {
constexpr unsigned char tcp_close = 7;  // TCP_CLOSE of netinet/tcp.h
}

std::optional<TcpState> tcp_state(int descriptor) {
  tcp_info info{};
  socklen_t length = sizeof info;
  int unread = 0;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  if (ioctl(descriptor, FIONREAD, &unread) != 0) return std::nullopt;
  return TcpState{.silent_for = Duration::milliseconds(info.tcpi_last_data_recv),
                  .unanswered_for = Duration::milliseconds(info.tcpi_last_ack_recv),
                  .unread_bytes = static_cast<std::uint64_t>(std::max(unread, 0)),
                  .is_reset = info.tcpi_state == tcp_close};
}

void ask_for_life(int descriptor, std::chrono::seconds every, int probes) {
  constexpr int on = 1;
  const int seconds = static_cast<int>(every.count());
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

}  // namespace edgetide
