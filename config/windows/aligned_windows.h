// What [windows.NAME] of tumbling and sliding windows have in common: windows of one size on a grid.
//
// Thread: main. Fails: into the report of the section.
#pragma once

#include "config/parts.h"

namespace edgetide {

inline constexpr Duration shortest_window = Duration::microseconds(1);

const KeyGroup& aligned_window_keys();

// `step_key` is what the distance between two starts is called. Requires: kind and lengths are read.
void read_aligned_window(const Section& section, const std::string& step_key, WindowOptions& window);

}  // namespace edgetide
