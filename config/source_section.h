// [sources.NAME], and how their event times are judged.
//
// Thread: main. Fails: into the report.
#pragma once

#include "config/names.h"
#include "config/parts.h"
#include "config/report.h"
#include "daemon/gateway_options.h"

namespace edgetide {

// The keys of [time], in [time] or in a source.
void read_time_keys(const Section& section, TimeOptions& time);

// Every table below `sources`, with `time` as what they may override.
void read_sources(const Node& sources, const PartList<SourcePart>& parts, const PartContext& context,
                  const TimeOptions& time, GatewayOptions& options, Names& names, Report& report);

}  // namespace edgetide
