// Names, paths and addresses of a configuration reach terminals, logs and other programs as they are, so they have no
// control characters. What only messages are compared with may have them: payloads, patterns, delimiters, states.
//
// Thread: main. Fails: into the report.
#pragma once

#include "config/node.h"
#include "config/report.h"

namespace edgetide {

// Requires: references are resolved.
void refuse_control_characters(const Node& root, Report& report);

}  // namespace edgetide
