// For what may happen at any rate and is worth a line a minute. Thread: one. Fails: never.
#pragma once

#include <chrono>
#include <optional>

namespace edgetide {

class RareNotice {
 public:
  bool due(std::chrono::steady_clock::time_point now) noexcept {
    if (last_ && now - *last_ < std::chrono::minutes(1)) return false;
    last_ = now;
    return true;
  }

 private:
  std::optional<std::chrono::steady_clock::time_point> last_;
};

}  // namespace edgetide
