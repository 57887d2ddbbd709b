#include "daemon/monitor/control_server.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "daemon/service/socket_address.h"

namespace edgetide {

namespace {

constexpr std::size_t max_peers = 8;
constexpr std::size_t max_line_bytes = 1024;
constexpr std::string_view turned_away = "error: the gateway has too many who ask; try again\n";
constexpr std::size_t max_unsent_bytes = 64 * 1024;  // of a stream, before it is asked for more
constexpr std::chrono::seconds request_within{5};
constexpr std::chrono::seconds read_within{30};
constexpr std::chrono::seconds reads_at_least{1};  // since then, where others need its place
constexpr Duration stream_every = Duration::milliseconds(200);
constexpr Duration deadlines_every = Duration::seconds(1);

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t tab = line.find('\t');
    words.emplace_back(line.substr(0, tab));
    if (tab == line.npos) return words;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace

ControlServer::ControlServer(std::string path, ControlCommands commands)
    : path_(std::move(path)),
      commands_(std::move(commands)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      rest_("control socket", epoll_.get(), listener_.get()) {
  const SocketAddress address = parse_unix(path_);
  unlink(path_.c_str());
  const int fd = listener_.get();
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_.get() >= 0 && fd >= 0 && bind(fd, address.get(), address.length) == 0 && chmod(path_.c_str(), 0660) == 0 &&
      listen(fd, max_peers) == 0 && epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) {
    return;
  }
  throw std::runtime_error("control socket " + path_ + ": " + std::strerror(errno));
}

ControlServer::~ControlServer() {
  unlink(path_.c_str());
}

std::optional<Duration> ControlServer::due_in() const noexcept {
  const auto resting = rest_.due_in(std::chrono::steady_clock::now());
  if (resting || connections_.empty()) return resting;
  for (const auto& [fd, connection] : connections_) {
    if (connection.stream) return stream_every;
  }
  return deadlines_every;
}

void ControlServer::serve() {
  rest_.end_if_over(std::chrono::steady_clock::now());
  std::array<epoll_event, max_peers + 1> events{};
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    event.data.fd == listener_.get() ? accept_peers() : serve_peer(event.data.fd, event.events);
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  std::vector<int> ended;
  for (auto& [fd, connection] : connections_) {
    const bool overdue = now - connection.moved_at > (connection.answered ? read_within : request_within);
    if (overdue && (!connection.answered || !connection.unsent.empty())) {
      ended.push_back(fd);
    } else if (connection.stream && !(feed_stream(connection) && send_unsent(fd, connection))) {
      ended.push_back(fd);
    }
  }
  for (const int fd : ended) connections_.erase(fd);
}

void ControlServer::accept_peers() {
  while (true) {
    Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int fd = socket.get();
    if (fd < 0) return static_cast<void>(rest_.begin(errno, std::chrono::steady_clock::now()));
    epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = fd}};
    if (connections_.size() >= max_peers && !make_room()) {
      turn_away(fd);
      continue;
    }
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) continue;
    Connection& connection = connections_[fd];
    connection.socket = std::move(socket);
    connection.moved_at = std::chrono::steady_clock::now();
  }
}

void ControlServer::turn_away(int fd) {
  static_cast<void>(send(fd, turned_away.data(), turned_away.size(), MSG_NOSIGNAL));
}

// Of those who have not sent a request, or do not read the answer, the one that has done nothing for longest goes.
// False: there is none.
bool ControlServer::make_room() {
  const SteadyTime now = std::chrono::steady_clock::now();
  while (true) {
    auto idle = connections_.end();
    for (auto one = connections_.begin(); one != connections_.end(); ++one) {
      const Connection& connection = one->second;
      const bool is_stuck = !connection.unsent.empty() && now - connection.moved_at > reads_at_least;
      if (connection.answered && !is_stuck) continue;
      if (idle == connections_.end() || connection.moved_at < idle->second.moved_at) idle = one;
    }
    if (idle == connections_.end()) return false;
    auto& [fd, connection] = *idle;
    if (!connection.answered && read_request(fd, connection) && connection.answered) {  // it is only about to be served
      if (send_unsent(fd, connection)) continue;
    } else if (!connection.answered) {
      turn_away(fd);
    }
    connections_.erase(idle);
    return true;
  }
}

void ControlServer::serve_peer(int fd, std::uint32_t events) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return;  // it has made room
  Connection& connection = found->second;
  if (!connection.answered) {
    if (!read_request(fd, connection)) return void(connections_.erase(fd));
    if (!connection.answered) return;
  } else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    return void(connections_.erase(fd));
  }
  if (!send_unsent(fd, connection)) connections_.erase(fd);
}

// False: there will be no request.
bool ControlServer::read_request(int fd, Connection& connection) {
  std::array<char, max_line_bytes> bytes{};
  const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  connection.request.append(bytes.data(), static_cast<std::size_t>(got));
  const std::size_t newline = connection.request.find('\n');
  if (newline == std::string::npos) return got > 0 && connection.request.size() < max_line_bytes;
  connection.request.resize(newline);
  answer(connection);
  return true;
}

void ControlServer::answer(Connection& connection) {
  connection.answered = true;
  connection.moved_at = std::chrono::steady_clock::now();
  ControlAnswer answer = commands_(words_of(connection.request));
  if (auto* const text = std::get_if<std::string>(&answer)) {
    connection.unsent = std::move(*text);
  } else {
    connection.stream = std::get<ControlStream>(std::move(answer));
  }
}

// False: the stream has ended.
bool ControlServer::feed_stream(Connection& connection) {
  if (connection.unsent.size() > max_unsent_bytes) return true;
  const std::optional<std::string> more = connection.stream();
  if (!more) return false;
  if (!more->empty() && connection.unsent.empty()) connection.moved_at = std::chrono::steady_clock::now();
  connection.unsent += *more;
  return true;
}

// False: all is sent, or the peer is gone.
bool ControlServer::send_unsent(int fd, Connection& connection) {
  while (!connection.unsent.empty()) {
    const ssize_t sent = send(fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) return false;
      epoll_event event{.events = EPOLLOUT | EPOLLRDHUP, .data = {.fd = fd}};
      return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
    }
    connection.moved_at = std::chrono::steady_clock::now();
    connection.unsent.erase(0, static_cast<std::size_t>(sent));
  }
  if (!connection.stream) return false;
  epoll_event event{.events = EPOLLRDHUP, .data = {.fd = fd}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

}  // namespace edgetide
