// Makes a GatewayStatus of the running parts: takes the intake lock briefly, and copies numbers.
//
// Thread: any, while nobody replaces the parts.
// Blocks: as long as the intake lock is held by others; holds it itself for about 0.1 ms at 10,000 series, 1 ms with
//         `detail`.
// Fails:  never.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core.h"
#include "daemon/gateway_options.h"
#include "daemon/monitor/gateway_status.h"
#include "daemon/monitor/window_explanation.h"

namespace edgetide {

// All but what the gateway itself knows: reload, the time since a tick, the process.
GatewayStatus gather_status(const Core& core, const GatewayOptions& options, Timestamp now, StatusDetail detail);

// By sensor and metric; of `late` and `skewed` those with the most first.
std::vector<SensorStatus> gather_sensors(const Core& core, const GatewayOptions& options, Timestamp now,
                                         SensorChoice choice);

// `sensor` is "sensor", "sensor/metric", or a group as it is written in rows. The reason if there is none.
WindowExplanation explain_window(const Core& core, const GatewayOptions& options, std::string_view window,
                                 std::string_view sensor);

}  // namespace edgetide
