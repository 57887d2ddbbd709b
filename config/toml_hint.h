// What is probably meant by a line that is not TOML.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>
#include <string_view>

namespace edgetide {

// `may_quote`: the hint may repeat words of the line. Empty: nothing is known.
std::string toml_hint(std::string_view line, bool may_quote);

}  // namespace edgetide
