#include "daemon/sources/datagram_socket.h"

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <sys/epoll.h>
#include <sys/uio.h>

namespace edgetide {

namespace {

constexpr int max_datagrams = 256;            // of a turn
constexpr std::size_t max_bytes = 64 * 1024;  // of a turn; the last datagram may go beyond
constexpr std::chrono::milliseconds retry_after{500};

}  // namespace

DatagramSocket::DatagramSocket(BoundSocket& socket, EventLoop& loop, SocketIntake& intake, SourceHost& host)
    : socket_(socket),
      intake_(intake),
      host_(host),
      watch_(loop, socket.descriptor.get(), EPOLLIN, [this](std::uint32_t) { read(); }),
      retry_(loop, [this] { set_reading(true); }) {}

void DatagramSocket::set_reading(bool reading) {
  retry_.cancel();
  if (!watch_.set_events(reading ? std::uint32_t{EPOLLIN} : 0))
    retry_.set(std::chrono::steady_clock::now() + retry_after);
}

void DatagramSocket::read() {
  DecodedBatch& batch = intake_.begin_batch();
  std::string& buffer = intake_.buffer();
  std::size_t bytes = 0;
  for (int i = 0; i < max_datagrams && bytes < max_bytes; ++i) {
    sockaddr_storage peer{};
    iovec part{buffer.data(), socket_.options.max_datagram_bytes + 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint32_t))> control{};
    msghdr message{&peer, sizeof peer, &part, 1, control.data(), control.size(), 0};
    const ssize_t got = recvmsg(socket_.descriptor.get(), &message, 0);
    if (got < 0) break;
    note_kernel_drops(message);
    take(peer, std::string_view(buffer.data(), static_cast<std::size_t>(got)), batch);
    bytes += static_cast<std::size_t>(got);
  }
  if (batch.empty()) return host_.nothing_decoded(socket_.id, batch);
  intake_.offer(socket_, [](const Acceptance&) {});
}

// Peer and datagram are kept: the batch refers to them, and the buffer is reused.
void DatagramSocket::take(const sockaddr_storage& peer, std::string_view datagram, DecodedBatch& batch) {
  const std::string_view name = batch.keep(to_text(peer));
  if (!socket_.allows(peer)) {
    batch.refuse_unseen(Refusal::unauthorised, name);
  } else if (datagram.size() > socket_.options.max_datagram_bytes) {
    batch.refuse_unseen(Refusal::too_large, name);
  } else if (socket_.options.framing == Framing::whole) {
    socket_.router.decode(name, batch.keep(datagram), batch);
  } else {
    decode_lines(name, batch.keep(datagram), batch);
  }
}

void DatagramSocket::decode_lines(std::string_view peer, std::string_view lines, DecodedBatch& batch) {
  while (!lines.empty()) {
    const std::size_t newline = lines.find('\n');
    const std::string_view line = lines.substr(0, newline);
    if (!line.empty()) socket_.router.decode(peer, line, batch);
    lines.remove_prefix(newline == std::string_view::npos ? lines.size() : newline + 1);
  }
}

void DatagramSocket::note_kernel_drops(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_RXQ_OVFL) continue;
    std::memcpy(&kernel_drops_, CMSG_DATA(part), sizeof kernel_drops_);
  }
  if (kernel_drops_ == noticed_drops_) return;
  if (!drop_notice_.due(std::chrono::steady_clock::now())) return;
  host_.notice(socket_.id, "the kernel dropped " + std::to_string(kernel_drops_ - noticed_drops_) +
                               " datagrams: they come faster than they are read");
  noticed_drops_ = kernel_drops_;
}

}  // namespace edgetide
