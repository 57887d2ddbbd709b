// Says that intake is held back, once for each hold that is longer than a moment: in the log, and to who asks.
//
// Units:  running time. Thread: one owner at a time (the intake lock). Fails: never.
#pragma once

#include <optional>
#include <string>

#include "pipeline/time.h"

namespace edgetide {

class HoldNotice {
 public:
  static constexpr Duration seen_after = Duration::milliseconds(500);  // shorter holds are no news

  // A batch was held back.
  void begin(Duration now) noexcept {
    if (!since_) since_ = now;
  }
  // `reason`: the present one, which may change while intake waits; empty: it waits no longer.
  void look(Duration now, const std::string& reason);
  bool is_seen(Duration now) const noexcept { return since_ && now - *since_ >= seen_after; }

 private:
  std::optional<Duration> since_;
  bool is_logged_ = false;
};

}  // namespace edgetide
