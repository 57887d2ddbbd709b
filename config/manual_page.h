// edgetide.toml(5), from the key table.
//
// Thread: pure.
#pragma once

#include <string>

namespace edgetide {

std::string configuration_manual();

}  // namespace edgetide
