// What Paho reads of a connection, checked before it parses it (broker_packets.h).
//
// The reads come by daemon/service/library_reads.h. What belongs to a connection that is known here is checked, and the
// library sees the end of the connection where it must not go on; all else passes as it is. A WebSocket is read here in
// the place of the library, which gets whole packets (web_socket_frames.h).
//
// The library keeps a packet until it is whole. The large ones that all connections read at a time are bounded
// together by what one of them may be. A connection whose packet finds no room ends, and the broker sends the packet
// again in the next one; one that holds the room for long while another waits for it ends too.
//
// Thread: the owner's, and `connect_sent` and the reads on Paho's.
// Owns:   nothing of the connection.
// Requires: lives longer than the client of the library.
// Fails:  never; `is_checked` says whether the library's reads came by at all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "daemon/broker/broker_packets.h"
#include "daemon/broker/web_socket_frames.h"
#include "daemon/service/library_reads.h"
#include "daemon/service/mutex.h"

namespace edgetide {

class PahoReads {
 public:
  PahoReads(std::string client_id, BrokerPackets::Limits limits);
  ~PahoReads();
  PahoReads(const PahoReads&) = delete;
  PahoReads& operator=(const PahoReads&) = delete;

  // Of the next client with this id and protocol: before its first read.
  static void connect_sent(int socket, std::string_view client_id, int protocol);

  bool has_sent_connect() const;
  bool is_checked() const;
  // What the broker sent that ended the connection; empty: nothing.
  std::string error() const;
  // The broker has ended the stream in order, as it does with a connection that it does not want any more.
  bool is_ended_by_broker() const;
  // It was too large for the memory.
  bool is_too_large() const;
  // It is not, but others have that memory, or had to wait for it for too long.
  bool is_crowded() const;
  // The client of the library is gone, with all that it had read.
  void release() noexcept;
  bool is_older() const;

  // A ReadCheck: how many bytes of those that were read it may see.
  static long checked(int socket, const void* bytes, long count);
  // A ReadFilter, of WebSockets.
  static std::optional<long> filtered(int socket, void* into, std::size_t size, const SocketRead& read);

 private:
  using All = std::vector<PahoReads*>;

  static PahoReads* find(const All& all, int socket) noexcept;
  static bool awaits_web_socket(const All& all) noexcept;
  void note_end(int socket) noexcept;
  long read_frames(const All& all, void* into, std::size_t size, const SocketRead& read);
  std::string check(const All& all, std::string_view read);
  std::string hold_packet(const All& all);
  bool make_room(const All& all, std::uint64_t bytes);

  const std::string client_id_;
  const int protocol_;
  int socket_ = -1;
  ino_t inode_ = 0;  // of the socket: its number may be given again before we know
  const bool over_web_socket_;
  WebSocketFrames frames_;
  BrokerPackets packets_;
  std::string error_;
  std::optional<bool> ended_by_broker_;  // once the stream has ended
  // Of a large packet that is being read, or has just been:
  std::uint64_t held_bytes_ = 0;
  bool is_whole_ = false;
  bool is_crowded_ = false, has_to_end_ = false, has_no_memory_ = false;
  std::chrono::steady_clock::time_point since_;
};

}  // namespace edgetide
