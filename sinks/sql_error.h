// What a failed statement asks for, from its SQLSTATE.
//
// See: PostgreSQL documentation, appendix A "Error Codes".
// Pure; any thread; never fails: a code that is not known is for a person.
#pragma once

#include <string_view>

namespace edgetide {

enum class SqlErrorClass {
  retry,         // the server, the link or another transaction is in the way; it passes
  bad_row,       // a row's content; split the batch and reject that row
  needs_person,  // permissions, tables of another shape, settings; the same statement fails until somebody acts
};

SqlErrorClass classify_sql_error(std::string_view sqlstate) noexcept;

}  // namespace edgetide
