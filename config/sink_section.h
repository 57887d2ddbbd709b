// [sinks.NAME].
//
// Thread: main. Fails: into the report.
#pragma once

#include "config/names.h"
#include "config/parts.h"
#include "config/report.h"
#include "daemon/gateway_options.h"

namespace edgetide {

// Windows that say no trigger fire as often as the sinks that take their rows want it at most.
void settle_triggers(const Node& windows, const PartList<SinkPart>& parts, GatewayOptions& options);

// Every table below `sinks`, into options.sinks.
void read_sinks(const Node& sinks, const PartList<SinkPart>& parts, const PartContext& context, const Names& windows,
                GatewayOptions& options, Report& report);

}  // namespace edgetide
