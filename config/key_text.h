// A key in words, with Markdown's backticks around what is code: for the reference and the manual page.
//
// Thread: pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/key_table.h"
#include "sinks/sink_traits.h"

namespace edgetide {

std::string type_text(const KeySpec& key);
std::string default_text(const KeySpec& key);  // "none", "required", or the default as it would be written
std::string bounds_text(const KeySpec& key);   // "from 1 to 10"; empty: none
std::string reload_text(const KeySpec& key);

// The traits of a sink, by name: {"rows_go_to", "table"}, ..., {"max_delivery_bytes", "4MiB"}.
std::vector<std::pair<std::string_view, std::string>> shown_traits(const SinkTraits& traits);

}  // namespace edgetide
