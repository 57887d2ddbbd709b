// [windows.NAME].
//
// Thread: main. Fails: into the report.
#pragma once

#include "config/names.h"
#include "config/parts.h"
#include "config/report.h"
#include "pipeline/options.h"

namespace edgetide {

// Every table below `windows`, into options.windows.
void read_windows(const Node& windows, const PartList<WindowPart>& parts, const Names& sources,
                  PipelineOptions& options, Names& names, Report& report);

}  // namespace edgetide
