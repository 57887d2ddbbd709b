// Is the gateway doing its work? /readyz: sources are connected, readings can be journaled, no outbox is full, no sink
// waits for a person, [http] and [metrics] listen. A store that is away for a while is normal life. /healthz: triggers
// run.
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
