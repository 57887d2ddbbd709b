#include "daemon/monitor/control_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <grp.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon/service/socket_address.h"

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

// False: errno says why not.
bool connect_to(const std::string& path, Descriptor& connected) {
  const SocketAddress address = parse_unix(path);
  connected = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connected.get() >= 0 && connect(connected.get(), address.get(), address.length) == 0;
}

// The group of the socket, or of the folder that hides it, and how to get into it.
std::string who_may_ask(std::string path) {
  struct stat status {};
  std::array<char, 4096> names{};
  group entry{};
  group* found = nullptr;
  while (stat(path.c_str(), &status) != 0 && path.rfind('/') != path.npos) path.erase(path.rfind('/'));
  if (status.st_gid == 0) return "; ask as root, with sudo";
  const bool known = getgrgid_r(status.st_gid, &entry, names.data(), names.size(), &found) == 0 && found != nullptr;
  if (!known) return "; ask as root, with sudo";
  const std::string name = entry.gr_name;
  return "; members of the group " + name + " may ask: sudo usermod -aG " + name +
         " \"$USER\", then log in again; or use sudo";
}

}  // namespace

ControlClient::ControlClient(const std::vector<std::string>& sockets, const std::vector<std::string>& words) {
  const std::string request = request_of(words);
  std::string tried;
  const auto answers = [&](const std::string& path) {
    if (connect_to(path, socket_)) return true;
    const int reason = errno;
    tried += "\n  " + path + ": " + std::strerror(reason) + (reason == EACCES ? who_may_ask(path) : "");
    return false;
  };
  if (std::none_of(sockets.begin(), sockets.end(), answers)) {
    throw std::runtime_error("no running gateway answers:" + tried);
  }
  if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) return;
  throw std::runtime_error("the gateway has too many who ask; try again");
}

std::string ControlClient::more() {
  std::array<char, 16 * 1024> bytes{};
  ssize_t got = 0;
  do {
    got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw std::runtime_error("the gateway went away");
  std::string text(bytes.data(), static_cast<std::size_t>(got));
  if (!begun_ && text.starts_with(error_mark)) {
    throw std::runtime_error(text.substr(error_mark.size(), text.find('\n') - error_mark.size()));
  }
  begun_ = true;
  return text;
}

}  // namespace edgetide
