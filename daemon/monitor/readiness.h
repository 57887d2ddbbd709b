// Is the gateway doing its work? /readyz: sources are connected, readings can be journaled, no outbox is full, no sink
// is away or waits for a person, no row waits longer than its sink's max_lag, [http] and [metrics] listen. /healthz:
// triggers run.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

// The reason, one line; empty: it is.
std::string why_not_ready(const GatewayStatus& status);
std::string why_not_alive(const GatewayStatus& status);

}  // namespace edgetide
