#include "sinks/retry.h"

#include <algorithm>
#include <cstdint>

namespace edgetide {

namespace {

constexpr unsigned doublings_max = 6;  // 2^6 seconds is over a minute
constexpr Duration delay_max = Duration::minutes(1);

}  // namespace

Duration backoff_delay(unsigned failures, double random) noexcept {
  const Duration bound = std::min(delay_max, Duration::seconds(1 << std::min(failures, doublings_max)));
  return Duration::microseconds(static_cast<std::int64_t>(static_cast<double>(bound.count()) * random));
}

}  // namespace edgetide
