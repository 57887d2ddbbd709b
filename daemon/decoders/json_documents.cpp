#include "daemon/decoders/json_documents.h"

#include <algorithm>
#include <cstddef>

#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr char record_separator = '\x1e';  // RFC 7464

std::size_t end_of_text(std::string_view text, std::size_t at) noexcept {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

// Of an object or array: behind the bracket that closes it.
std::size_t end_of_document(std::string_view text) noexcept {
  std::size_t open = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_text(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++open;
    if ((c == '}' || c == ']') && --open == 0) return at;
  }
  return text.size();
}

}  // namespace

std::string_view take_json_document(std::string_view& text) noexcept {
  while (!text.empty() && (is_blank(text.front()) || text.front() == record_separator)) text.remove_prefix(1);
  if (text.empty()) return {};
  const bool is_open = text.front() == '{' || text.front() == '[';
  const std::size_t end = is_open ? end_of_document(text) : std::min(text.find('\n'), text.size());
  const std::string_view document = text.substr(0, end);
  text.remove_prefix(end);
  return document;
}

}  // namespace edgetide
