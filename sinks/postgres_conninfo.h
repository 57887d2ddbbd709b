// The connection string that libpq gets: the user's, keywords or URI, with the password, the user and our time limits
// added as properly quoted keywords. What the user wrote wins over our defaults. The only user of libpq itself.
//
// Thread: pure, but for libpq's own reading of the text. Fails: the reason is in the result; no secret is in it.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "sinks/postgres_sink.h"

namespace edgetide {

struct ConninfoError {
  std::string reason;
};

// What a connection string says, in either form, by keyword; without defaults.
using ConninfoKeywords = std::map<std::string, std::string>;
std::variant<ConninfoKeywords, ConninfoError> parse_conninfo(const std::string& text);

std::variant<std::string, ConninfoError> postgres_conninfo(const PostgresOptions& options);

}  // namespace edgetide
