#include "daemon/sources/socket_source.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <optional>
#include <pthread.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "daemon/sources/cidr.h"
#include "daemon/sources/line_buffer.h"
#include "daemon/sources/socket_address.h"

namespace edgetide {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t unread_acks_bytes_max = 4096;
constexpr int datagrams_per_turn = 256;
constexpr std::chrono::seconds notice_every{60};
constexpr std::chrono::milliseconds deadline_check_every{500};

class Descriptor {
 public:
  explicit Descriptor(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::chrono::microseconds to_chrono(Duration duration) {
  return std::chrono::microseconds(duration.count());
}

// For what may happen at any rate and is worth a line a minute.
class Seldom {
 public:
  bool due(SteadyTime now) noexcept {
    if (last_ && now - *last_ < notice_every) return false;
    last_ = now;
    return true;
  }

 private:
  std::optional<SteadyTime> last_;
};

struct Listener {
  explicit Listener(const SocketInput& input)
      : options(input.options), id(input.id), router(std::vector<RouteOptions>{input.options.route}) {}

  bool is_stream() const noexcept { return options.kind != SocketKind::udp; }
  bool allows(const sockaddr_storage& peer) const noexcept {
    if (options.kind == SocketKind::unix_stream || is_loopback(peer)) return true;
    return std::any_of(allow.begin(), allow.end(), [&](const Cidr& range) { return range.contains(peer); });
  }

  SocketOptions options;
  SourceId id;
  Router router;
  SocketAddress address;
  std::vector<Cidr> allow;
  Descriptor socket;
  bool paused = false;  // no peer can be taken just now
  Seldom pause_notice;
  std::size_t connections = 0;
  std::size_t surplus_peers = 0;  // closed since the last notice
  Seldom surplus_notice;
  std::uint32_t kernel_drops = 0;  // datagrams, as the kernel last said
  std::uint32_t noticed_drops = 0;
  Seldom drop_notice;
};

struct Connection {
  Connection(Listener& from, Descriptor descriptor, std::string name)
      : listener(from), socket(std::move(descriptor)), peer(std::move(name)), lines(from.options.line_bytes_max) {}

  Listener& listener;
  Descriptor socket;
  std::string peer;
  LineBuffer lines;
  std::uint64_t lines_taken = 0;
  std::string acks;  // not written yet
  SteadyTime heard_at = std::chrono::steady_clock::now();
  std::optional<SteadyTime> line_began_at;
};

// Finds what a user can get wrong, before any socket exists.
void prepare(Listener& listener) {
  SocketOptions& options = listener.options;
  for (const std::string& text : options.allow) {
    const std::optional<Cidr> range = Cidr::parse(text);
    if (!range) throw std::invalid_argument("allow: '" + text + "' is no address range; write 10.20.0.0/16");
    listener.allow.push_back(*range);
  }
  if (options.kind == SocketKind::unix_stream) {
    listener.address = parse_unix(options.listen);
    return;
  }
  listener.address = parse_inet(options.listen);
  if (!is_loopback(listener.address.storage) && listener.allow.empty()) {
    throw std::invalid_argument("'" + options.listen + "' is not loopback: `allow` must say who may send");
  }
}

// A socket file that nobody listens on is left over from a run that was killed.
void remove_stale(const Listener& listener) {
  struct stat status {};
  if (lstat(listener.options.listen.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) throw std::runtime_error(listener.options.listen + " exists and is no socket");
  const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), listener.address.get(), listener.address.length) == 0 || errno != ECONNREFUSED) {
    throw std::runtime_error(listener.options.listen + ": another process listens there");
  }
  unlink(listener.options.listen.c_str());
}

void bind_socket(Listener& listener) {
  const SocketOptions& options = listener.options;
  const int type = (listener.is_stream() ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  listener.socket = Descriptor(socket(listener.address.storage.ss_family, type, 0));
  const int fd = listener.socket.get();
  if (fd < 0) fail("source " + options.name);
  constexpr int on = 1;
  if (options.kind == SocketKind::tcp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.kind == SocketKind::udp) {
    const int bytes = static_cast<int>(options.receive_buffer_bytes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  }
  if (options.kind == SocketKind::unix_stream) remove_stale(listener);
  if (bind(fd, listener.address.get(), listener.address.length) != 0) {
    fail("source " + options.name + ": cannot listen on " + options.listen);
  }
  if (options.kind == SocketKind::unix_stream) chmod(options.listen.c_str(), 0660);
  if (listener.is_stream() && listen(fd, SOMAXCONN) != 0) fail("source " + options.name + ": listen");
}

class SocketSource final : public Source {
 public:
  SocketSource(const std::vector<SocketInput>& inputs, SourceHost& host) : host_(host), buffer_(read_bytes, '\0') {
    for (const SocketInput& input : inputs) {
      listeners_.push_back(std::make_unique<Listener>(input));
      prepare(*listeners_.back());
    }
  }
  ~SocketSource() override { stop(); }

  void start() override {
    epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
    wake_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (epoll_.get() < 0 || wake_.get() < 0) fail("sockets");
    if (!watch(wake_.get(), EPOLL_CTL_ADD, EPOLLIN)) fail("sockets");
    for (const auto& listener : listeners_) {
      bind_socket(*listener);
      if (!watch(listener->socket.get(), EPOLL_CTL_ADD, EPOLLIN)) fail("source " + listener->options.name);
      host_.connected(listener->id, listener->options.listen);
    }
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "sockets");
  }

  void stop() noexcept override {
    if (!thread_.joinable()) return;
    stopping_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
    thread_.join();
    connections_.clear();
    for (const auto& listener : listeners_) {
      listener->socket = Descriptor();
      if (listener->options.kind == SocketKind::unix_stream) unlink(listener->options.listen.c_str());
      host_.disconnected(listener->id, "stopped");
    }
  }

 private:
  bool watch(int fd, int operation, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
  }

  void run() noexcept {
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

  bool is_idle() const noexcept {
    return connections_.empty() &&
           std::none_of(listeners_.begin(), listeners_.end(), [](const auto& listener) { return listener->paused; });
  }

  void serve(int fd) {
    if (const auto connection = connections_.find(fd); connection != connections_.end()) {
      if (!serve_stream(connection->second)) drop(fd);
      return;
    }
    for (const auto& listener : listeners_) {
      if (listener->socket.get() == fd) listener->is_stream() ? accept_peer(*listener) : serve_datagrams(*listener);
    }
  }

  // One peer per turn; the rest stay in the kernel's queue for the next.
  void accept_peer(Listener& listener) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    Descriptor socket(
        accept4(listener.socket.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() < 0) return accept_failed(listener);
    std::string name = to_text(peer);
    if (!listener.allows(peer)) return refuse_peer(listener, name);
    if (listener.connections >= listener.options.connections_max) return note_surplus(listener);
    const int fd = socket.get();
    if (!watch(fd, EPOLL_CTL_ADD, EPOLLIN)) return pause(listener);
    ++listener.connections;
    connections_.emplace(std::piecewise_construct, std::forward_as_tuple(fd),
                         std::forward_as_tuple(listener, std::move(socket), std::move(name)));
  }

  void accept_failed(Listener& listener) {
    const bool of_the_peer = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED || errno == EPERM;
    if (!of_the_peer) pause(listener);
  }

  // Out of descriptors or kernel memory: the peers we have are served, new ones wait in the kernel's queue. Asked at
  // once, epoll would say the same again without end.
  void pause(Listener& listener) {
    const std::string reason = std::strerror(errno);
    listener.paused = watch(listener.socket.get(), EPOLL_CTL_MOD, 0);
    if (listener.pause_notice.due(std::chrono::steady_clock::now())) {
      host_.notice(listener.id, "new connections have to wait: " + reason);
    }
  }

  void resume_listeners() noexcept {
    for (const auto& listener : listeners_) {
      if (listener->paused) listener->paused = !watch(listener->socket.get(), EPOLL_CTL_MOD, EPOLLIN);
    }
  }

  void note_surplus(Listener& listener) {
    ++listener.surplus_peers;
    if (!listener.surplus_notice.due(std::chrono::steady_clock::now())) return;
    host_.notice(listener.id,
                 "connections_max is reached, closed at once: " + std::to_string(listener.surplus_peers) + " peers");
    listener.surplus_peers = 0;
  }

  void refuse_peer(Listener& listener, const std::string& name) {
    batch_.clear();
    batch_.refusals.push_back({Refusal::unauthorised, name, 0});
    host_.accept(listener.id, batch_);
  }

  // False: the connection is to be closed.
  bool serve_stream(Connection& connection) {
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

  static void note_line_start(Connection& connection, bool was_partial, bool line_ended) {
    if (!connection.lines.partial()) {
      connection.line_began_at.reset();
    } else if (!was_partial || line_ended) {
      connection.line_began_at = connection.heard_at;
    }
  }

  bool acknowledge(Connection& connection) {
    if (!connection.listener.options.ack) return true;
    connection.acks += "ack " + std::to_string(connection.lines_taken) + "\n";
    const ssize_t sent = send(connection.socket.get(), connection.acks.data(), connection.acks.size(), MSG_NOSIGNAL);
    if (sent > 0) connection.acks.erase(0, static_cast<std::size_t>(sent));
    return connection.acks.size() <= unread_acks_bytes_max;
  }

  void serve_datagrams(Listener& listener) {
    for (int i = 0; i < datagrams_per_turn && !stopping_; ++i) {
      sockaddr_storage peer{};
      iovec bytes{buffer_.data(), listener.options.datagram_bytes_max + 1};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint32_t))> control{};
      msghdr message{&peer, sizeof peer, &bytes, 1, control.data(), control.size(), 0};
      const ssize_t got = recvmsg(listener.socket.get(), &message, 0);
      if (got < 0) break;
      note_kernel_drops(listener, message);
      take_datagram(listener, peer, std::string_view(buffer_.data(), static_cast<std::size_t>(got)));
    }
  }

  void take_datagram(Listener& listener, const sockaddr_storage& peer, std::string_view datagram) {
    const std::string name = to_text(peer);
    if (!listener.allows(peer)) return refuse_peer(listener, name);
    batch_.clear();
    if (datagram.size() > listener.options.datagram_bytes_max) {
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

  void note_kernel_drops(Listener& listener, msghdr& message) {
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

  void close_overdue(SteadyTime now) {
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

  void drop(int fd) {
    const auto connection = connections_.find(fd);
    --connection->second.listener.connections;
    connections_.erase(connection);  // closing takes it out of epoll
  }

  SourceHost& host_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  Descriptor epoll_;
  Descriptor wake_;
  std::atomic<bool> stopping_ = false;

  // The epoll thread only.
  std::map<int, Connection> connections_;
  SteadyTime check_at_{};  // of deadlines and paused listeners
  std::string buffer_;
  DecodedBatch batch_;

  std::thread thread_;
};

}  // namespace

std::unique_ptr<Source> make_socket_source(std::vector<SocketInput> inputs, SourceHost& host) {
  return std::make_unique<SocketSource>(inputs, host);
}

}  // namespace edgetide
