// What libraries read from their sockets, looked at before they see it.
//
// Libraries offer no place for that. They read with recv(2) and OpenSSL's SSL_read: the program has functions of these
// two names, which all its libraries call. Where a library must not go on, it sees the end of the connection.
//
// Thread: any. Fails: never; a library that reads in another way is not looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edgetide {

// How many of the bytes that were read from a socket the library may see: `count`, or 0. Plain text, where it is TLS
// of OpenSSL. 0 bytes: the peer has ended its stream in order, not by a reset.
using ReadCheck = long (*)(int socket, const void* bytes, long count);

// One for the program; from then on.
void check_reads_with(ReadCheck check) noexcept;

// Reads from the socket of a library as the library would; plain text, where it is TLS of OpenSSL. Returns the number
// of bytes, 0 where the peer has ended its stream in order, or below 0, with errno for recv.
struct SocketRead {
  long (*function)(void* connection, void* into, std::size_t size);
  void* connection;
  long operator()(void* into, std::size_t size) const { return function(connection, into, size); }
};
// Reads in the place of a library, which gets what it returns, and is not looked at otherwise. Nothing: the library
// reads by itself. It returns a number below 0 only if the last read of the socket did.
using ReadFilter = std::optional<long> (*)(int socket, void* into, std::size_t size, const SocketRead& read);

// One for the program; from then on.
void filter_reads_with(ReadFilter filter) noexcept;

// Bounds what the calling thread reads from sockets with recv for as long as it lives, of each answer and in all: a
// library that reads an answer whole, or keeps a part of each, may otherwise be sent as much as the memory. One at a
// time on a thread.
class ReadBudget {
 public:
  ReadBudget(std::uint64_t max_answer_bytes, std::uint64_t max_bytes) noexcept;
  ~ReadBudget();
  ReadBudget(const ReadBudget&) = delete;
  ReadBudget& operator=(const ReadBudget&) = delete;

  bool is_exceeded() const noexcept { return is_exceeded_; }
  std::uint64_t read_bytes() const noexcept { return read_bytes_; }

  // The next answer begins.
  static void restart() noexcept;
  // Of the functions that libraries call.
  static long spend(long count) noexcept;

 private:
  const std::uint64_t max_answer_bytes_, max_bytes_;
  std::uint64_t answer_bytes_ = 0, read_bytes_ = 0;
  bool is_exceeded_ = false;
};

// Looks at what the calling thread reads for as long as it lives, in the order of the bytes; the plain text, where it
// is TLS of OpenSSL. One at a time on a thread.
class ReadInspection {
 public:
  ReadInspection() noexcept;
  virtual ~ReadInspection();
  ReadInspection(const ReadInspection&) = delete;
  ReadInspection& operator=(const ReadInspection&) = delete;

  // False: the library sees the end of the connection instead.
  virtual bool accepts(int socket, std::string_view bytes) noexcept = 0;

  // Of the functions that libraries call.
  static long look(int socket, const void* bytes, long count) noexcept;
};

}  // namespace edgetide
