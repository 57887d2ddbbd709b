// [sources.NAME] with type = "tcp", "udp" or "unix".
//
// Thread: main. Fails: into the report.
#pragma once

#include <string>
#include <vector>

#include "config/section.h"
#include "daemon/gateway_options.h"

namespace edgetide {

SocketOptions read_socket(const Section& section, const std::string& name, SocketKind kind);

// Two sources cannot have one address.
void check_listeners(const Node& sources, const std::vector<SocketInput>& inputs, Report& report);

}  // namespace edgetide
