// A status as text for a terminal: `edgetide status`, and a frame of `edgetide top`.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

std::string status_text(const GatewayStatus& status);

// With what happened per second since `before`. No line is longer than `columns`, there are no more than `lines`.
std::string live_text(const GatewayStatus& before, const GatewayStatus& status, std::size_t columns, std::size_t lines);

}  // namespace edgetide
