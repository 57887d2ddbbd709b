// TOML text to a tree of nodes. The only user of toml++, in its compiled form: the header-only form aborts on some
// broken files unless NDEBUG is defined.
//
// Thread: pure.
// Fails:  a text that is not TOML is one message in the report, and nothing is returned.
#pragma once

#include <optional>

#include "config/node.h"
#include "config/report.h"

namespace edgetide {

std::optional<Node> parse_toml(const SourceFile& file, Report& report);

}  // namespace edgetide
