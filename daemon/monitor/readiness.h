// Is the gateway doing its work? /readyz: sources are connected, what is taken can be kept, no sink holds intake back.
// /healthz: triggers run.
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
