// Text that PostgreSQL and SQLite read alike.
//
// Pure; any thread; never fails.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace edgetide {

// A name of any content as an identifier: "a ""b""".
inline std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

// A text as a literal of PostgreSQL, or of SQLite: 'it''s'.
inline std::string quote_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + '\'';
}

// Each "$name" in a text becomes its value; pairs that come first are replaced first.
inline std::string filled(std::string text, std::initializer_list<std::pair<std::string_view, std::string>> values) {
  for (const auto& [name, value] : values) {
    for (auto at = text.find(name); at != text.npos; at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

}  // namespace edgetide
