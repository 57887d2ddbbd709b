#include "daemon/monitor/control_client.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/sources/socket_address.h"

namespace edgetide {

namespace {

constexpr std::string_view error_mark = "error: ";

std::string request_of(const std::vector<std::string>& words) {
  std::string request;
  for (const std::string& word : words) {
    if (word.find_first_of("\t\n") != word.npos) throw std::runtime_error("names have no tabs or line ends");
    request += (request.empty() ? "" : "\t") + word;
  }
  return request + '\n';
}

int connect_to(const std::string& path) {
  const SocketAddress address = parse_unix(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, address.get(), address.length) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

ControlClient::ControlClient(const std::vector<std::string>& sockets, const std::vector<std::string>& words) {
  const std::string request = request_of(words);
  std::string tried;
  for (const std::string& path : sockets) {
    socket_ = connect_to(path);
    if (socket_ >= 0) break;
    tried += "\n  " + path + ": " + std::strerror(errno);
  }
  if (socket_ < 0) throw std::runtime_error("no running gateway answers:" + tried);
  if (send(socket_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) return;
  close(socket_);
  throw std::runtime_error("the gateway has too many who ask; try again");
}

ControlClient::~ControlClient() {
  close(socket_);
}

std::string ControlClient::more() {
  std::array<char, 16 * 1024> bytes{};
  ssize_t got = 0;
  do {
    got = recv(socket_, bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw std::runtime_error("the gateway went away");
  std::string text(bytes.data(), static_cast<std::size_t>(got));
  if (!begun_ && text.empty()) throw std::runtime_error("the gateway has too many who ask; try again");
  if (!begun_ && text.starts_with(error_mark)) {
    throw std::runtime_error(text.substr(error_mark.size(), text.find('\n') - error_mark.size()));
  }
  begun_ = true;
  return text;
}

}  // namespace edgetide
