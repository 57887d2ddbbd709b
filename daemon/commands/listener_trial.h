// Whether the listeners of [http] and [metrics] could start here and now, for `edgetide check`: certificate and key are
// read, and the address is taken for a moment, unless a gateway with this state directory runs and has it.
//
// Thread: main. Fails: never.
#pragma once

#include <string>
#include <vector>

#include "daemon/monitor/monitor_options.h"

namespace edgetide {

// Why not, each begins with the name of its section; files are read and ports taken with the rights of this user.
std::vector<std::string> faults_of_listeners(const MonitorOptions& options, const std::string& state_directory);

}  // namespace edgetide
