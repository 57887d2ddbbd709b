// All clients of Paho in a process share its receive thread and its lock. A callback that waits, for room or for the
// disk, holds up every other client. That is meant where the others are sources, which would wait for the same; a sink
// is what the room may depend on. While one of these lives, no callback may wait for longer than a moment.
//
// Thread: any. Fails: never.
#pragma once

#include <atomic>

namespace edgetide {

class PahoShare {
 public:
  PahoShare() noexcept { ++count_; }
  ~PahoShare() { --count_; }
  PahoShare(const PahoShare&) = delete;
  PahoShare& operator=(const PahoShare&) = delete;

  static bool is_needed() noexcept { return count_ > 0; }

 private:
  inline static std::atomic<int> count_ = 0;
};

}  // namespace edgetide
