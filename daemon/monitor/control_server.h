// Answers commands of this machine's users on a Unix socket: one request line, words separated by tabs; an answer, or a
// stream of it; then the connection is closed. An answer that begins with "error: " is one.
//
// Who may connect is who may write to the socket: its owner, its group, root.
//
// Thread: one at a time.
// Blocks: `serve` as the commands do.
// Fails:  construction throws std::runtime_error when the socket cannot be made.
// Limit:  8 connections: the one that has sent no request, or not read on, for longest makes room for another; 1 KiB of
//         request within 5 s; a peer that reads nothing for 30 s is closed; a stream is asked for more only while its
//         peer has read all but 64 KiB.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/service/accept_rest.h"
#include "daemon/service/descriptor.h"
#include "pipeline/time.h"

namespace edgetide {

// What to send since the last call; nothing: the stream ends.
using ControlStream = std::function<std::optional<std::string>()>;
using ControlAnswer = std::variant<std::string, ControlStream>;
// Must not throw.
using ControlCommands = std::function<ControlAnswer(const std::vector<std::string>& words)>;

class ControlServer {
 public:
  // Replaces a left-over socket. Requires: no other process serves that path.
  ControlServer(std::string path, ControlCommands commands);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Readable when `serve` has something to do; and it is to be called after `due_in`, if that is given.
  int descriptor() const noexcept { return epoll_.get(); }
  std::optional<Duration> due_in() const noexcept;
  void serve();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Connection {
    Descriptor socket;
    std::string request;
    std::string unsent;
    bool answered = false;
    ControlStream stream;  // null: `unsent` is all there will be
    SteadyTime moved_at;   // the last byte went in or out
  };

  void accept_peers();
  static void turn_away(int fd);
  bool make_room();
  void serve_peer(int fd, std::uint32_t events);
  bool read_request(int fd, Connection& connection);
  void answer(Connection& connection);
  bool feed_stream(Connection& connection);
  bool send_unsent(int fd, Connection& connection);

  const std::string path_;
  const ControlCommands commands_;
  const Descriptor epoll_, listener_;
  AcceptRest rest_;
  std::map<int, Connection> connections_;
};

}  // namespace edgetide
