// What the kernel knows of a TCP connection that a library reads.
//
// Thread: any. Fails: nothing, where the descriptor is not a TCP connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "pipeline/time.h"

namespace edgetide {

struct TcpState {
  Duration silent_for;      // since the last bytes came
  Duration unanswered_for;  // since the other end's kernel last acknowledged something
  std::uint64_t unread_bytes = 0;
  bool is_reset = false;  // nothing more can be sent either, unlike where the other end has closed its stream
};

std::optional<TcpState> tcp_state(int descriptor);

// The kernel asks the other end's for an acknowledgement when nothing came for so long; `probes` without one end the
// connection.
void ask_for_life(int descriptor, std::chrono::seconds every, int probes);

}  // namespace edgetide
