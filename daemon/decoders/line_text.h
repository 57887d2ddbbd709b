// Lines of a text payload, for formats with one record per line.
//
// Thread: pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "daemon/decoders/payload_text.h"
#include "pipeline/characters.h"

namespace edgetide {

// The place behind the line that `at` is in.
inline std::size_t next_line(std::string_view text, std::size_t at) noexcept {
  const std::size_t newline = text.find('\n', at);
  return newline == std::string_view::npos ? text.size() : newline + 1;
}

// True at the end of the text or of a line ("\n" or "\r\n"), also with the NUL in front that ends a string of C.
inline bool at_line_end(std::string_view text, std::size_t at) noexcept {
  if (at < text.size() && static_cast<unsigned char>(text[at]) > '\r') return false;
  if (at < text.size() && text[at] == '\0') ++at;
  return at >= text.size() || text[at] == '\n' || (text[at] == '\r' && (at + 1 == text.size() || text[at + 1] == '\n'));
}

// Calls visit(line, offset) for every line that is not blank, without its end and the blanks around it.
template <typename Visit>
void for_each_line(std::string_view payload, Visit&& visit) {
  const std::string_view text = text_of_payload(payload);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = next_line(text, at);
    std::string_view line = text.substr(at, end - at);
    at = end;
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    while (!line.empty() && (is_blank(line.back()) || line.back() == '\0')) line.remove_suffix(1);
    if (!line.empty()) visit(line, static_cast<std::size_t>(line.data() - payload.data()));
  }
}

}  // namespace edgetide
