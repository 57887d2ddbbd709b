// The routes of a source whose configuration is given as TOML; what commands try that make configurations.
// Thread: main. Fails: ConfigErrors; std::runtime_error if there is no memory for the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/route.h"

namespace edgetide {

// A string as TOML writes it.
std::string in_toml(std::string_view text);

// Of the first source.
std::vector<RouteOptions> routes_of_toml(const std::string& toml);

}  // namespace edgetide
