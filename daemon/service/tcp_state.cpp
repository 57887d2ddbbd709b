// Apart, because linux/tcp.h and netinet/tcp.h cannot be included together, and only the former has all fields.
#include "daemon/service/tcp_state.h"

#include <algorithm>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace edgetide {

std::optional<TcpState> tcp_state(int descriptor) {
  tcp_info info{};
  socklen_t length = sizeof info;
  int unread = 0;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  if (ioctl(descriptor, FIONREAD, &unread) != 0) return std::nullopt;
  const auto waiting = static_cast<std::uint64_t>(std::max(unread, 0));
  const std::uint64_t received = info.tcpi_bytes_received;
  return TcpState{Duration::milliseconds(info.tcpi_last_data_recv), waiting, received - std::min(received, waiting)};
}

}  // namespace edgetide
