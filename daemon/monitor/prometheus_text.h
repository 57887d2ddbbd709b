// A status as Prometheus reads it: text format 0.0.4. Base units, `_total` on counters; labels are names of the
// configuration only, never those of sensors, so that what is scraped stays small.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

std::string prometheus_text(const GatewayStatus& status);

}  // namespace edgetide
