// A UDP socket: each datagram is one message, or one message a line, as its framing says. All datagrams of a turn are
// one batch.
//
// While the host holds readings back the socket is not read: the kernel drops what its buffer has no room for, and that
// is noticed.
//
// Thread: the loop's. Fails: construction, by std::system_error.
// Limit:  256 datagrams or 64 KiB a turn.
#pragma once

#include <cstdint>
#include <string_view>
#include <sys/socket.h>

#include "daemon/service/event_loop.h"
#include "daemon/service/rare_notice.h"
#include "daemon/sources/bound_socket.h"
#include "daemon/sources/served_socket.h"
#include "daemon/sources/socket_intake.h"
#include "daemon/sources/source.h"

namespace edgetide {

class DatagramSocket final : public ServedSocket {
 public:
  DatagramSocket(BoundSocket& socket, EventLoop& loop, SocketIntake& intake, SourceHost& host);

  void set_reading(bool reading) override;
  void durable(std::uint64_t /*through*/) override {}  // nothing is acknowledged

 private:
  void read();
  void take(const sockaddr_storage& peer, std::string_view datagram, DecodedBatch& batch);
  void decode_lines(std::string_view peer, std::string_view lines, DecodedBatch& batch);
  void note_kernel_drops(msghdr& message);

  BoundSocket& socket_;
  SocketIntake& intake_;
  SourceHost& host_;
  std::uint32_t kernel_drops_ = 0;  // datagrams, as the kernel last said
  std::uint32_t noticed_drops_ = 0;
  RareNotice drop_notice_;
  EventLoop::Watch watch_;
  EventLoop::Timer retry_;
};

}  // namespace edgetide
