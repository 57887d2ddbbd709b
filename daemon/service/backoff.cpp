#include "daemon/service/backoff.h"

#include <algorithm>
#include <cstdint>

namespace edgetide {

namespace {

constexpr unsigned max_doublings = 5;  // 2^5 seconds is over the most
constexpr Duration max_delay = Duration::seconds(30);

}  // namespace

Duration backoff_delay(unsigned failures, double random) noexcept {
  const Duration bound = std::min(max_delay, Duration::seconds(1 << std::min(failures, max_doublings)));
  return Duration::microseconds(static_cast<std::int64_t>(static_cast<double>(bound.count()) * random));
}

}  // namespace edgetide
