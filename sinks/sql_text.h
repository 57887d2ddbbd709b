// Text that PostgreSQL and SQLite read alike.
//
// Pure; any thread; never fails.
#pragma once

#include <string>
#include <string_view>

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

}  // namespace edgetide
