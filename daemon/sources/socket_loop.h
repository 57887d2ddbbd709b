// The one epoll thread of all sockets of the daemon: peers and datagrams in, lines decoded, batches to the host.
//
// In:      bytes of the listeners that were added, and of peers they let in.
// Out:     one batch for all complete lines of a turn; to stream peers with `ack` "ack N\n".
// Thread:  "sockets", while there is a listener. `add` and `remove` from one other thread: they end the loop's thread,
//          change what it works on, and begin it again, so that nothing here is ever shared. Connections stay.
// Blocks:  `add` and `remove` as long as the host lets a batch wait.
// Owns:    connections. Listeners are their sources'.
// Fails:   `add` by std::runtime_error when the kernel gives no descriptors.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/sources/line_buffer.h"
#include "daemon/sources/socket_listener.h"
#include "daemon/sources/source.h"

namespace edgetide {

class SocketLoop {
 public:
  explicit SocketLoop(SourceHost& host);
  ~SocketLoop() { end_thread(); }
  SocketLoop(const SocketLoop&) = delete;
  SocketLoop& operator=(const SocketLoop&) = delete;

  // Requires: the listener is bound.
  void add(Listener& listener);
  // And its connections.
  void remove(Listener& listener);

  SourceHost& host() noexcept { return host_; }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Connection {
    Connection(Listener& from, Descriptor descriptor, std::string name)
        : listener(from), socket(std::move(descriptor)), peer(std::move(name)), lines(from.options.max_line_bytes) {}

    Listener& listener;
    Descriptor socket;
    std::string peer;
    LineBuffer lines;
    std::uint64_t lines_taken = 0;
    std::string acks;  // not written yet
    SteadyTime heard_at = std::chrono::steady_clock::now();
    std::optional<SteadyTime> line_began_at;
  };

  void end_thread() noexcept;
  void begin_thread();
  bool watch(int fd, int operation, std::uint32_t events) noexcept;
  void run() noexcept;
  bool is_idle() const noexcept;
  void serve(int fd);
  void accept_peer(Listener& listener);
  void accept_failed(Listener& listener);
  void pause(Listener& listener);
  void resume_listeners() noexcept;
  void note_surplus(Listener& listener);
  void refuse_peer(Listener& listener, const std::string& name);
  bool serve_stream(Connection& connection);
  static void note_line_start(Connection& connection, bool was_partial, bool line_ended);
  bool acknowledge(Connection& connection);
  void serve_datagrams(Listener& listener);
  void take_datagram(Listener& listener, const sockaddr_storage& peer, std::string_view datagram);
  void note_kernel_drops(Listener& listener, msghdr& message);
  void close_overdue(SteadyTime now);
  void drop(int fd);

  SourceHost& host_;
  const Descriptor epoll_;
  const Descriptor wake_;
  std::atomic<bool> stopping_ = false;

  // The thread only, while there is one.
  std::vector<Listener*> listeners_;
  std::map<int, Connection> connections_;
  SteadyTime check_at_{};  // of deadlines and paused listeners
  std::string buffer_;
  DecodedBatch batch_;

  std::thread thread_;
};

}  // namespace edgetide
