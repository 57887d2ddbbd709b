// What the kernel knows of a TCP connection that a library reads.
//
// Thread: any. Fails: nothing, where the descriptor is not a TCP connection.
#pragma once

#include <cstdint>
#include <optional>

#include "pipeline/time.h"

namespace edgetide {

struct TcpState {
  Duration silent_for;  // since the last bytes came
  std::uint64_t unread_bytes = 0;
  std::uint64_t read_bytes = 0;  // by the process, since the connection began
};

std::optional<TcpState> tcp_state(int descriptor);

}  // namespace edgetide
