// edgetide.toml(5), from the key table.
//
// Thread: pure.
#pragma once

#include <string>

#include "config/parts.h"

namespace edgetide {

std::string configuration_manual(const Parts& parts = built_in_parts());

}  // namespace edgetide
