// What the HTTP server shows: / /status.json /metrics /healthz /readyz.
//
// Thread: the monitor's. Fails: never; what goes wrong is an answer with status 500.
#pragma once

#include "daemon/monitor/http_server.h"
#include "daemon/monitor/monitor_hooks.h"

namespace edgetide {

HttpRoutes web_routes(MonitorHooks hooks);

}  // namespace edgetide
