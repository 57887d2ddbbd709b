// A status as text for a terminal: `edgetide status`, and a frame of `edgetide top`.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

std::string status_text(const GatewayStatus& status);

// Also shows the rates since `before`. At most `lines` lines of at most `columns` characters.
std::string live_text(const GatewayStatus& before, const GatewayStatus& status, std::size_t columns, std::size_t lines);

}  // namespace edgetide
