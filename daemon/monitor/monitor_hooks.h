// What the monitor asks the gateway for. It asks again for every request, so parts may be replaced in between.
//
// Thread: the monitor's. Blocks: as long as the intake lock is held. Fails: never; a name that is unknown is said so in
// the answer.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "daemon/intake/tap.h"
#include "daemon/monitor/gateway_status.h"
#include "daemon/monitor/window_explanation.h"

namespace edgetide {

struct MonitorHooks {
  std::function<GatewayStatus(StatusDetail)> status;
  std::function<std::vector<SensorStatus>(SensorChoice)> sensors;
  std::function<WindowExplanation(std::string_view window, std::string_view sensor)> explain;
  std::function<std::shared_ptr<Tap>(std::string_view name)> tap;  // of a source or window; null: there is none
};

}  // namespace edgetide
