// A status as JSON: what the status page is drawn from, and what `edgetide status --format json` prints. One line.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>
#include <vector>

#include "daemon/monitor/gateway_status.h"
#include "daemon/monitor/json_writer.h"

namespace edgetide {

std::string status_json(const GatewayStatus& status);

// "on_time":7,...,"refused":{"too_old":1}
void write_counters(JsonWriter& out, const Counters& counters);
// The members of one sensor.
void write_sensor(JsonWriter& out, const SensorStatus& sensor);

}  // namespace edgetide
