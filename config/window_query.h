// The keys of a window that say which readings it takes and how its rows are grouped, chosen and derived.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include "config/section.h"
#include "pipeline/options.h"

namespace edgetide {

// Requires: the window's kind and aggregates have been read.
void read_window_query(const Section& section, WindowOptions& window);

}  // namespace edgetide
