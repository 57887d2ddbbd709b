#include "sinks/sql_error.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

TEST(SqlError, state_decides_what_happens_to_the_batch) {
  const struct {
    const char* sqlstate;
    SqlErrorClass error_class;
  } cases[] = {
      {"", SqlErrorClass::retry},              // the link
      {"08006", SqlErrorClass::retry},         // connection_failure
      {"40001", SqlErrorClass::retry},         // serialization_failure
      {"40P01", SqlErrorClass::retry},         // deadlock_detected
      {"53100", SqlErrorClass::retry},         // disk_full
      {"53300", SqlErrorClass::retry},         // too_many_connections
      {"55P03", SqlErrorClass::retry},         // lock_not_available
      {"57014", SqlErrorClass::retry},         // query_canceled
      {"57P01", SqlErrorClass::retry},         // admin_shutdown
      {"57P03", SqlErrorClass::retry},         // cannot_connect_now
      {"58030", SqlErrorClass::retry},         // io_error
      {"25006", SqlErrorClass::retry},         // read_only_sql_transaction
      {"25P03", SqlErrorClass::retry},         // idle_in_transaction_session_timeout
      {"21000", SqlErrorClass::bad_row},       // the same row twice in a statement
      {"22003", SqlErrorClass::bad_row},       // numeric_value_out_of_range
      {"22021", SqlErrorClass::bad_row},       // character_not_in_repertoire
      {"23502", SqlErrorClass::bad_row},       // not_null_violation
      {"23514", SqlErrorClass::bad_row},       // check_violation
      {"44000", SqlErrorClass::bad_row},       // with_check_option_violation
      {"P0001", SqlErrorClass::bad_row},       // raise_exception
      {"25P02", SqlErrorClass::needs_person},  // in_failed_sql_transaction: a mistake of ours
      {"28P01", SqlErrorClass::needs_person},  // invalid_password
      {"3D000", SqlErrorClass::needs_person},  // no such database
      {"3F000", SqlErrorClass::needs_person},  // no such schema
      {"42501", SqlErrorClass::needs_person},  // insufficient_privilege
      {"42703", SqlErrorClass::needs_person},  // undefined_column
      {"42P01", SqlErrorClass::needs_person},  // undefined_table
      {"55000", SqlErrorClass::needs_person},  // a view without a rule
      {"XX000", SqlErrorClass::needs_person},  // internal_error
      {"?", SqlErrorClass::needs_person},
  };
  for (const auto& c : cases) EXPECT_EQ(classify_sql_error(c.sqlstate), c.error_class) << c.sqlstate;
}

}  // namespace
}  // namespace edgetide::test
