#include "daemon/service/backoff.h"

#include <algorithm>
#include <cstdint>

namespace edgetide {

namespace {

constexpr unsigned max_doublings = 6;  // 2^6 seconds is over a minute
constexpr Duration max_delay = Duration::minutes(1);

}  // namespace

Duration backoff_delay(unsigned failures, double random) noexcept {
  const Duration bound = std::min(max_delay, Duration::seconds(1 << std::min(failures, max_doublings)));
  return Duration::microseconds(static_cast<std::int64_t>(static_cast<double>(bound.count()) * random));
}

}  // namespace edgetide
