// Presets: the mapping of a device family, written as configuration keys. `format = "NAME"` on a route reads them
// first; the keys of the route go before those of the preset. They are the files presets/NAME.toml, compiled in.
//
// Thread: immutable values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/node.h"

namespace edgetide {

struct KeyTable;

struct Preset {
  std::string_view name;
  std::string_view text;  // TOML; the comment that it begins with says what it is for
};

// Those of presets/, in the order of CMakeLists.txt.
std::span<const Preset> built_in_presets();

// The comment at the begin of its text, as one line.
std::string meaning_of(const Preset& preset);

// The mapping keys of `table`, and those of the preset that it does not have, with its format in any case; of `states`,
// the words of both. Everything of the preset stands, for messages, at the location of the table's `format`. Nothing if
// its text is not TOML.
// Requires: the table has a `format`.
std::optional<Node> with_preset(const Node& table, const Preset& preset, const KeyTable& keys);

}  // namespace edgetide
