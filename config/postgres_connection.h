// What a libpq connection string says, as far as the configuration must know: its user, and whether it holds a
// password. Both forms: keywords ("host=db user='a b'") and URI ("postgresql://user@host/db?user=x").
//
// Thread: pure. Source: PostgreSQL manual, 34.1.1 "Connection Strings".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

struct PostgresConnection {
  std::string user;
  bool has_password = false;
};

// Nothing when the text is neither form.
std::optional<PostgresConnection> parse_postgres_connection(std::string_view text);

}  // namespace edgetide
