// How deep a TOML text nests, before a parser that recurses sees it: dotted keys make a table per dot, without any
// limit in the parser.
//
// Thread: pure. Fails: never; a text that is not TOML has some answer.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace edgetide {

inline constexpr std::size_t max_toml_depth = 64;  // of a header, and again of what stands below it

struct TextPosition {
  std::size_t line = 1;    // from 1
  std::size_t column = 1;  // in code points, from 1
};

// Where the text nests deeper than that: the bracket or the dot.
std::optional<TextPosition> find_too_deep(std::string_view toml);

}  // namespace edgetide
