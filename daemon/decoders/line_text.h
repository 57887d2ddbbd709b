// Lines of a text payload, for formats with one record per line.
//
// Thread: pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace edgetide {

// The place behind the line that `at` is in.
inline std::size_t next_line(std::string_view text, std::size_t at) noexcept {
  const std::size_t newline = text.find('\n', at);
  return newline == std::string_view::npos ? text.size() : newline + 1;
}

// True at the end of the text or of a line ("\n" or "\r\n").
inline bool at_line_end(std::string_view text, std::size_t at) noexcept {
  return at >= text.size() || text[at] == '\n' || (text[at] == '\r' && (at + 1 == text.size() || text[at + 1] == '\n'));
}

}  // namespace edgetide
