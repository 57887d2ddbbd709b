// Asks a running gateway through its control socket.
//
// Thread: one at a time. Blocks: as long as the gateway takes to answer.
// Fails:  std::runtime_error, which says what to do.
#pragma once

#include <string>
#include <vector>

#include "daemon/service/descriptor.h"

namespace edgetide {

class ControlClient {
 public:
  // The first of these sockets that somebody serves. `words` are the request; none may hold a tab or newline.
  ControlClient(const std::vector<std::string>& sockets, const std::vector<std::string>& words);

  int descriptor() const noexcept { return socket_.get(); }
  // Waits for more of the answer; empty: that was all. Throws the reason, where the answer is an error.
  std::string more();

 private:
  Descriptor socket_;
  bool begun_ = false;
};

}  // namespace edgetide
