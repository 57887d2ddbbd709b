// How long to wait before the next try: exponential from one second to 30 seconds, with full jitter, so that a
// hundred gateways that lost the same database or broker do not come back at the same moment.
//
// Pure; any thread; never fails.
#pragma once

#include "pipeline/time.h"

namespace edgetide {

// Between tries, where only a person can mend what failed.
constexpr Duration until_somebody_acts = Duration::seconds(30);

// `failures` in a row before this one (0 after the first), `random` in [0, 1).
Duration backoff_delay(unsigned failures, double random) noexcept;

}  // namespace edgetide
