// Whether a PostgreSQL sink could work here and now, for `edgetide check`: connects, and looks at tables and rights.
// Changes nothing and claims nothing.
//
// Thread: any; blocks as connecting does, and as a statement within `statement_timeout`. Fails: never.
#pragma once

#include <string>
#include <vector>

#include "sinks/postgres_sink.h"

namespace edgetide {

// What stands in the way, one line without secrets; empty: nothing.
std::string fault_of_postgres(const PostgresOptions& options, const std::vector<WindowSchema>& inputs);

}  // namespace edgetide
