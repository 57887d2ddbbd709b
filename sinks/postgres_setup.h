// What the administrator of a PostgreSQL server runs before the first start, as a script for psql: the role and the
// database of a gateway, its schema, and a role for dashboards that may only read. `edgetide schema --setup` prints it.
//
// It may run again: what is there stays, and no password is set or changed. Where the sink makes its tables itself it
// owns its schema; else its role may write what the administrator makes (`edgetide schema`).
//
// Pure but for the environment that libpq reads; any thread; never fails.
#pragma once

#include <string>

#include "sinks/postgres_sink.h"

namespace edgetide {

std::string postgres_setup(const PostgresOptions& options);

}  // namespace edgetide
