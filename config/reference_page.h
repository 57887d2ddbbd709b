// REFERENCE.md, printed from the key table. A test compares the file with it.
//
// Thread: pure.
#pragma once

#include <string>

#include "config/parts.h"

namespace edgetide {

std::string reference_page(const Parts& parts = built_in_parts());

}  // namespace edgetide
