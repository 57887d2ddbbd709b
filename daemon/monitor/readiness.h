// Is the gateway doing its work? /readyz: the clock is set, sources are connected, readings can be journaled, no outbox
// is full, no sink is away or waits for a person, no row waits longer than its sink's max_lag, none was dropped or
// rejected in the last minutes, the last reload was applied, [http] and [metrics] listen. /healthz: triggers run.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

// The reasons, one line: first why no reading is taken, then the first source and the first sink that fail, then the
// others; empty: it is.
std::string why_not_ready(const GatewayStatus& status);
std::string why_not_alive(const GatewayStatus& status);

// "the clock is not set: 5 readings wait for it, 270 s at most".
std::string clock_hold_text(Duration at_most, std::size_t readings);

}  // namespace edgetide
