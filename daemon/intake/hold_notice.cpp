#include "daemon/intake/hold_notice.h"

#include <utility>

#include "daemon/service/log.h"

namespace edgetide {

void HoldNotice::look(Duration now, const std::string& reason) {
  if (!reason.empty()) {
    begin(now);
    if (is_seen(now) && !std::exchange(is_logged_, true)) log(LogLevel::warning, "intake is held back: " + reason);
    return;
  }
  if (!since_) return;
  const Duration held = now - *std::exchange(since_, std::nullopt);
  if (std::exchange(is_logged_, false)) {
    log(LogLevel::info, "intake goes on after " + std::to_string(held.count() / 1'000) + " ms");
  }
}

}  // namespace edgetide
