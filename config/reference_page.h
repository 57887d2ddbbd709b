// REFERENCE.md, printed from the key table. A test compares the file with it.
//
// Thread: pure.
#pragma once

#include <string>

namespace edgetide {

std::string reference_page();

}  // namespace edgetide
