// What only Paho's protocol trace says of a connect: its socket, and why it fails.
//
// The library does not tell the socket of a client, but its protocol trace does: in the line "-> CONNECT", before the
// first read, whose bytes must be checked (paho_reads.h), and in "<- CONNACK", on the receive thread right before the
// connected callback. It also has the reason of a connect that fails, on the thread that calls the failure's listener
// next. (The library's handler for TLS errors would be called through options that Paho C++ 1.2 has destroyed by then.)
//
// Thread: TracedConnect any; the others, that of the callback which asks. Fails: never.
#pragma once

#include <string>

namespace edgetide {

// The trace is on while any of these lives; else the library formats no line at all.
class TracedConnect {
 public:
  TracedConnect();
  ~TracedConnect();
  TracedConnect(const TracedConnect&) = delete;
  TracedConnect& operator=(const TracedConnect&) = delete;
};

inline constexpr int no_socket = -1;
// In a connected callback: that of the connection.
int traced_socket() noexcept;
// In the listener of a connect that fails: why, in words; empty: the trace does not say.
std::string take_traced_failure();

}  // namespace edgetide
