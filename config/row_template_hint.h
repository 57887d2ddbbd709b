// What to write instead of a name that a template of rows (sinks/row_template.h) does not have.
//
// Pure; any thread; never fails.
#pragma once

#include <string>
#include <string_view>

namespace edgetide {

// Empty for no name.
std::string row_template_hint(std::string_view unknown);

}  // namespace edgetide
