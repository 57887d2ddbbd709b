// The other end of a connection to a server that the target drives itself, without a thread.
//
// Owns: the socket. Thread: one.
#pragma once

#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz_target.h"

namespace edgetide {

class SocketPeer {
 public:
  SocketPeer(int family, const sockaddr* address, socklen_t length)
      : socket_(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    // A connection that is reset leaves no port behind that could not be used for a minute.
    const linger reset{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    connect(socket_, address, length);
  }
  ~SocketPeer() { close(socket_); }
  SocketPeer(const SocketPeer&) = delete;
  SocketPeer& operator=(const SocketPeer&) = delete;

  // In two parts; the answer so far. `serve` is called after each.
  template <typename Serve>
  std::string ask(std::string_view bytes, Serve serve) {
    std::string answer;
    serve();
    for (const std::string_view part : {bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2)}) {
      static_cast<void>(send(socket_, part.data(), part.size(), MSG_NOSIGNAL));
      serve();
      read(answer);
    }
    shutdown(socket_, SHUT_WR);
    for (int i = 0; i < 3; ++i) {
      serve();
      read(answer);
    }
    return answer;
  }

 private:
  void read(std::string& answer) {
    char bytes[65536];
    for (ssize_t got; (got = recv(socket_, bytes, sizeof bytes, 0)) > 0;)
      answer.append(bytes, static_cast<std::size_t>(got));
  }

  const int socket_;
};

}  // namespace edgetide
