#include "sinks/sql_error.h"

#include <algorithm>
#include <array>

namespace edgetide {

namespace {

struct Rule {
  std::string_view prefix;
  SqlErrorClass error_class;
};

// The first rule whose prefix fits decides.
constexpr std::array rules = {
    Rule{"08", SqlErrorClass::retry},       // connection exceptions
    Rule{"40", SqlErrorClass::retry},       // serialization failure, deadlock
    Rule{"53", SqlErrorClass::retry},       // disk full, out of memory, too many connections
    Rule{"57", SqlErrorClass::retry},       // shutdown, starting up, statement cancelled or timed out
    Rule{"58", SqlErrorClass::retry},       // I/O error on the server
    Rule{"55P03", SqlErrorClass::retry},    // lock_timeout
    Rule{"55006", SqlErrorClass::retry},    // object in use
    Rule{"25006", SqlErrorClass::retry},    // read-only transaction: a standby, or a switched server
    Rule{"25P03", SqlErrorClass::retry},    // idle_in_transaction_session_timeout
    Rule{"21", SqlErrorClass::bad_row},     // the same window twice in one statement; apart both are stored
    Rule{"22", SqlErrorClass::bad_row},     // out of range, not representable, bad encoding
    Rule{"23", SqlErrorClass::bad_row},     // constraints
    Rule{"44", SqlErrorClass::bad_row},     // WITH CHECK OPTION
    Rule{"P0001", SqlErrorClass::bad_row},  // RAISE in a user's validation trigger
};

}  // namespace

SqlErrorClass classify_sql_error(std::string_view sqlstate) noexcept {
  if (sqlstate.empty()) return SqlErrorClass::retry;  // libpq's own errors carry none: the link is gone
  const auto* const rule =
      std::find_if(rules.begin(), rules.end(), [&](const Rule& r) { return sqlstate.starts_with(r.prefix); });
  return rule == rules.end() ? SqlErrorClass::needs_person : rule->error_class;
}

}  // namespace edgetide
