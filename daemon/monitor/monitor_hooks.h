// What the monitor asks the gateway for. It asks again for every request, so parts may be replaced in between.
//
// Thread: the monitor's. Blocks: as long as the intake lock is held. Fails: never; a name that is unknown is said so in
// the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/intake/late_addition.h"
#include "daemon/intake/tap.h"
#include "daemon/monitor/gateway_status.h"
#include "daemon/monitor/window_explanation.h"

namespace edgetide {

// Which late readings of the quarantine.
struct LateChoice {
  std::string sensor;              // a glob; empty: all
  std::optional<Timestamp> since;  // event time
};

struct MonitorHooks {
  std::function<GatewayStatus(StatusDetail)> status;
  std::function<std::vector<SensorStatus>(SensorChoice)> sensors;
  std::function<WindowExplanation(std::string_view window, std::string_view sensor)> explain;
  std::function<std::shared_ptr<Tap>(std::string_view name)> tap;  // of a source or window; null: there is none
  // Takes a sink back from the instance that has taken it over. How many rows wait for it, or why it cannot.
  std::function<std::variant<std::size_t, std::string>(std::string_view name)> take_sink;
  // Adds the next of them to rows, from record `next` on; `next` is then 0 if there are no more.
  std::function<LateAddition(const LateChoice& choice, std::uint64_t& next)> add_late;
};

}  // namespace edgetide
