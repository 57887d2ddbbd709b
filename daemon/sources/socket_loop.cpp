#include "daemon/sources/socket_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <pthread.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <tuple>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t max_unread_acks_bytes = 4096;
constexpr int datagrams_per_turn = 256;
constexpr std::chrono::milliseconds deadline_check_every{500};

std::chrono::microseconds to_chrono(Duration duration) {
  return std::chrono::microseconds(duration.count());
}

}  // namespace

SocketLoop::SocketLoop(SourceHost& host)
    : host_(host),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      buffer_(read_bytes, '\0') {}

void SocketLoop::add(Listener& listener) {
  end_thread();
  const bool watched = watch(wake_.get(), EPOLL_CTL_ADD, EPOLLIN) || errno == EEXIST;
  if (watched && watch(listener.socket.get(), EPOLL_CTL_ADD, EPOLLIN)) {
    listeners_.push_back(&listener);
    return begin_thread();
  }
  const std::string reason = std::strerror(errno);
  begin_thread();
  throw std::runtime_error("source " + listener.options.name + ": " + reason);
}

void SocketLoop::remove(Listener& listener) {
  end_thread();
  std::erase_if(connections_, [&](const auto& one) { return &one.second.listener == &listener; });
  std::erase(listeners_, &listener);
  listener.close();
  begin_thread();
}

void SocketLoop::begin_thread() {
  if (listeners_.empty()) return;
  std::uint64_t woken = 0;
  [[maybe_unused]] const ssize_t drained = read(wake_.get(), &woken, sizeof woken);
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "sockets");
}

void SocketLoop::end_thread() noexcept {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
  thread_.join();
}

bool SocketLoop::watch(int fd, int operation, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void SocketLoop::run() noexcept {
  std::array<epoll_event, 64> events{};
  while (!stopping_) {
    const int timeout = is_idle() ? -1 : static_cast<int>(deadline_check_every.count());
    const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < ready && !stopping_; ++i) serve(events[static_cast<std::size_t>(i)].data.fd);
    if (const SteadyTime now = std::chrono::steady_clock::now(); now >= check_at_) {
      check_at_ = now + deadline_check_every;
      close_overdue(now);
      resume_listeners();
    }
  }
}

bool SocketLoop::is_idle() const noexcept {
  return connections_.empty() &&
         std::none_of(listeners_.begin(), listeners_.end(), [](const Listener* listener) { return listener->paused; });
}

void SocketLoop::serve(int fd) {
  if (const auto connection = connections_.find(fd); connection != connections_.end()) {
    if (!serve_stream(connection->second)) drop(fd);
    return;
  }
  for (Listener* const listener : listeners_) {
    if (listener->socket.get() == fd) listener->is_stream() ? accept_peer(*listener) : serve_datagrams(*listener);
  }
}

// One peer per turn; the rest stay in the kernel's queue for the next.
void SocketLoop::accept_peer(Listener& listener) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  Descriptor socket(
      accept4(listener.socket.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.get() < 0) return accept_failed(listener);
  std::string name = to_text(peer);
  if (!listener.allows(peer)) return refuse_peer(listener, name);
  if (listener.connections >= listener.options.max_connections) return note_surplus(listener);
  const int fd = socket.get();
  if (!watch(fd, EPOLL_CTL_ADD, EPOLLIN)) return pause(listener);
  ++listener.connections;
  connections_.emplace(std::piecewise_construct, std::forward_as_tuple(fd),
                       std::forward_as_tuple(listener, std::move(socket), std::move(name)));
}

void SocketLoop::accept_failed(Listener& listener) {
  const bool of_the_peer = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED || errno == EPERM;
  if (!of_the_peer) pause(listener);
}

// Out of descriptors or kernel memory: the peers we have are served, new ones wait in the kernel's queue. Asked at
// once, epoll would say the same again without end.
void SocketLoop::pause(Listener& listener) {
  const std::string reason = std::strerror(errno);
  listener.paused = watch(listener.socket.get(), EPOLL_CTL_MOD, 0);
  if (listener.pause_notice.due(std::chrono::steady_clock::now())) {
    host_.notice(listener.id, "new connections have to wait: " + reason);
  }
}

void SocketLoop::resume_listeners() noexcept {
  for (Listener* const listener : listeners_) {
    if (listener->paused) listener->paused = !watch(listener->socket.get(), EPOLL_CTL_MOD, EPOLLIN);
  }
}

void SocketLoop::note_surplus(Listener& listener) {
  ++listener.surplus_peers;
  if (!listener.surplus_notice.due(std::chrono::steady_clock::now())) return;
  host_.notice(listener.id,
               "max_connections is reached, closed at once: " + std::to_string(listener.surplus_peers) + " peers");
  listener.surplus_peers = 0;
}

void SocketLoop::refuse_peer(Listener& listener, const std::string& name) {
  batch_.clear();
  batch_.refusals.push_back({Refusal::unauthorised, name, 0});
  host_.accept(listener.id, batch_);
}

// False: the connection is to be closed.
bool SocketLoop::serve_stream(Connection& connection) {
  const ssize_t got = recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  batch_.clear();
  if (got == 0) {
    if (connection.lines.unreported()) batch_.refusals.push_back({Refusal::bad_syntax, connection.peer, 0});
    if (!batch_.refusals.empty()) host_.accept(connection.listener.id, batch_);
    return false;
  }
  connection.heard_at = std::chrono::steady_clock::now();
  const bool was_partial = connection.lines.partial();
  std::uint64_t lines = 0;
  connection.lines.append(
      std::string_view(buffer_.data(), static_cast<std::size_t>(got)),
      [&](std::string_view line) {
        ++lines;
        // Kept: the batch refers to the line's texts, and the buffer under them is reused.
        connection.listener.router.decode(connection.peer, batch_.keep(line), batch_);
      },
      [&] {
        batch_.refusals.push_back({Refusal::too_large, connection.peer, 0});
      });
  note_line_start(connection, was_partial, lines > 0);
  if (batch_.readings.empty() && batch_.refusals.empty() && lines == 0) return true;
  if (!host_.accept(connection.listener.id, batch_)) return false;
  connection.lines_taken += lines;
  return lines == 0 || acknowledge(connection);
}

void SocketLoop::note_line_start(Connection& connection, bool was_partial, bool line_ended) {
  if (!connection.lines.partial()) {
    connection.line_began_at.reset();
  } else if (!was_partial || line_ended) {
    connection.line_began_at = connection.heard_at;
  }
}

bool SocketLoop::acknowledge(Connection& connection) {
  if (!connection.listener.options.ack) return true;
  connection.acks += "ack " + std::to_string(connection.lines_taken) + "\n";
  const ssize_t sent = send(connection.socket.get(), connection.acks.data(), connection.acks.size(), MSG_NOSIGNAL);
  if (sent > 0) connection.acks.erase(0, static_cast<std::size_t>(sent));
  return connection.acks.size() <= max_unread_acks_bytes;
}

void SocketLoop::serve_datagrams(Listener& listener) {
  for (int i = 0; i < datagrams_per_turn && !stopping_; ++i) {
    sockaddr_storage peer{};
    iovec bytes{buffer_.data(), listener.options.max_datagram_bytes + 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint32_t))> control{};
    msghdr message{&peer, sizeof peer, &bytes, 1, control.data(), control.size(), 0};
    const ssize_t got = recvmsg(listener.socket.get(), &message, 0);
    if (got < 0) break;
    note_kernel_drops(listener, message);
    take_datagram(listener, peer, std::string_view(buffer_.data(), static_cast<std::size_t>(got)));
  }
}

void SocketLoop::take_datagram(Listener& listener, const sockaddr_storage& peer, std::string_view datagram) {
  const std::string name = to_text(peer);
  if (!listener.allows(peer)) return refuse_peer(listener, name);
  batch_.clear();
  if (datagram.size() > listener.options.max_datagram_bytes) {
    batch_.refusals.push_back({Refusal::too_large, name, 0});
  } else {
    while (!datagram.empty()) {
      const std::size_t newline = datagram.find('\n');
      const std::string_view line = datagram.substr(0, newline);
      if (!line.empty()) listener.router.decode(name, batch_.keep(line), batch_);
      datagram.remove_prefix(newline == std::string_view::npos ? datagram.size() : newline + 1);
    }
  }
  if (!batch_.readings.empty() || !batch_.refusals.empty()) host_.accept(listener.id, batch_);
}

void SocketLoop::note_kernel_drops(Listener& listener, msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_RXQ_OVFL) continue;
    std::memcpy(&listener.kernel_drops, CMSG_DATA(part), sizeof listener.kernel_drops);
  }
  if (listener.kernel_drops == listener.noticed_drops) return;
  if (!listener.drop_notice.due(std::chrono::steady_clock::now())) return;
  host_.notice(listener.id, "the kernel dropped " + std::to_string(listener.kernel_drops - listener.noticed_drops) +
                                " datagrams: they come faster than they are read");
  listener.noticed_drops = listener.kernel_drops;
}

void SocketLoop::close_overdue(SteadyTime now) {
  std::vector<int> overdue;
  for (const auto& [fd, connection] : connections_) {
    const SocketOptions& options = connection.listener.options;
    const bool silent = now - connection.heard_at > to_chrono(options.idle_timeout);
    const bool slow = connection.line_began_at && now - *connection.line_began_at > to_chrono(options.line_timeout);
    if (silent || slow) overdue.push_back(fd);
  }
  for (const int fd : overdue) {
    const Connection& connection = connections_.at(fd);
    batch_.clear();
    if (connection.lines.unreported()) batch_.refusals.push_back({Refusal::bad_syntax, connection.peer, 0});
    if (!batch_.refusals.empty()) host_.accept(connection.listener.id, batch_);
    drop(fd);
  }
}

void SocketLoop::drop(int fd) {
  const auto connection = connections_.find(fd);
  --connection->second.listener.connections;
  connections_.erase(connection);  // closing takes it out of epoll
}

}  // namespace edgetide
