// Which strings may name a sensor, a metric, a unit or a label: 1 to 128 bytes of printable UTF-8,
// or up to 512 where a route allows it.
//
// Refused: control characters (C0, DEL, C1), line and paragraph separators, the controls of bidirectional text, and
// invalid UTF-8 (overlong forms, surrogates, beyond U+10FFFF). So an id can be logged and shown as it is.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace edgetide {

inline constexpr std::size_t max_id_bytes = 128;   // of a name, unless its route allows more
inline constexpr std::size_t most_id_bytes = 512;  // that a route may allow

bool is_printable_text(std::string_view text) noexcept;

// One comparison says that it is neither empty nor too long.
inline bool is_id(std::string_view text, std::size_t max_bytes = max_id_bytes) noexcept {
  return text.size() - 1 < max_bytes && is_printable_text(text);
}

// Units and label values may be empty.
inline bool is_id_or_empty(std::string_view text, std::size_t max_bytes = max_id_bytes) noexcept {
  return text.size() <= max_bytes && is_printable_text(text);
}

// Bytes of the character at the front; 0 if it is not UTF-8. Requires: the text is not empty.
std::size_t utf8_length(std::string_view text) noexcept;

// The same with every byte that an id must not have as \xNN, so that any text can be shown.
std::string escaped(std::string_view text);

}  // namespace edgetide
