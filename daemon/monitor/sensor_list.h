// Sensors, one line each, as `edgetide sensors` prints them.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>
#include <vector>

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

std::string sensors_text(const std::vector<SensorStatus>& sensors, Timestamp now);
// Fewer columns, for a terminal of 80.
std::string narrow_sensors_text(const std::vector<SensorStatus>& sensors, Timestamp now);
std::string sensors_json(const std::vector<SensorStatus>& sensors);  // a line each

}  // namespace edgetide
