// [sources.NAME] with type = "mqtt".
//
// Thread: main. Fails: into the report.
#pragma once

#include <string>
#include <vector>

#include "config/section.h"
#include "daemon/gateway_options.h"

namespace edgetide {

MqttOptions read_mqtt(const Section& section, const std::string& name, const std::string& gateway);

// Two sources must not share a session: brokers would disconnect one for the other without end.
void check_sessions(const Node& sources, const std::vector<MqttInput>& inputs, Report& report);

}  // namespace edgetide
