// Text for manual pages: what `man` would take for its own is escaped, and `code` is set bold.
//
// Thread: pure.
#pragma once

#include <string>
#include <string_view>

namespace edgetide {

std::string roff(std::string_view text);
std::string roff_bold(std::string_view text);

// The first line of a page: ".TH".
std::string roff_title(std::string_view page, std::string_view section, std::string_view about);

}  // namespace edgetide
