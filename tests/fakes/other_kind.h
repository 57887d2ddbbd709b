// What may be at a path where a regular file is expected.
//
// Thread: one. Fails: std::runtime_error, which fails the test.
#pragma once

#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace edgetide::test {

enum class OtherKind { folder, fifo, socket, link_to_nothing, link_to_itself };

inline constexpr OtherKind other_kinds[] = {OtherKind::folder, OtherKind::fifo, OtherKind::socket,
                                            OtherKind::link_to_nothing, OtherKind::link_to_itself};

inline void make_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error("the path is too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool made = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(descriptor);
  if (!made) throw std::runtime_error("the socket cannot be made");
}

inline void make_other_kind(const std::string& path, OtherKind kind) {
  switch (kind) {
    case OtherKind::folder:
      std::filesystem::create_directories(path + "/more");
      return;
    case OtherKind::fifo:
      if (::mkfifo(path.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
      return;
    case OtherKind::socket:
      return make_socket(path);
    case OtherKind::link_to_nothing:
      return std::filesystem::create_symlink(path + "-none", path);
    case OtherKind::link_to_itself:
      return std::filesystem::create_symlink(path, path);
  }
}

}  // namespace edgetide::test
