// A key in words, with Markdown's backticks around what is code: for the reference and the manual page.
//
// Thread: pure.
#pragma once

#include <string>

#include "config/key_table.h"

namespace edgetide {

std::string type_text(const KeySpec& key);
std::string default_text(const KeySpec& key);  // "none", "required", or the default as it would be written
std::string bounds_text(const KeySpec& key);
std::string reload_text(const KeySpec& key);  // "from 1 to 10"; empty: none

}  // namespace edgetide
