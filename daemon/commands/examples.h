// What a user types, for `--help` of each command and for the manual page.
//
// Thread: pure.
#pragma once

#include <string>
#include <string_view>

namespace edgetide {

// Lines, each indented by two blanks and ended; empty: a command without any.
std::string examples_of(std::string_view path);

}  // namespace edgetide
