// What the HTTP servers show: / /status.json /metrics /healthz /readyz, or only /metrics and /healthz.
//
// Thread: the monitor's. Fails: never; what goes wrong is an answer with status 500.
#pragma once

#include "daemon/monitor/http_server.h"
#include "daemon/monitor/monitor_hooks.h"

namespace edgetide {

// /status.json, which shows sensors, is made at most once a second; requests in between get the same.
HttpRoutes web_routes(MonitorHooks hooks);
// Without any name of a sensor. Each answer is made at most once a second.
HttpRoutes metrics_routes(MonitorHooks hooks);

}  // namespace edgetide
