// Whether a PostgreSQL sink could work here and now, for `edgetide check`: connects, and looks at tables and rights.
// Changes nothing and claims nothing.
//
// Thread: any. Fails: never.
// Blocks: for `time` in all; then, where no host has said anything yet, 10 s at most for each address of the one that
//         is asked. The server is bounded as it is by the sink (sinks/postgres_connection.h).
#pragma once

#include <string>
#include <vector>

#include "sinks/postgres_sink.h"

namespace edgetide {

constexpr Duration postgres_trial_time = Duration::seconds(20);

// What stands in the way, one line without secrets; empty: nothing.
std::string fault_of_postgres(const PostgresOptions& options, const std::vector<WindowSchema>& inputs,
                              Duration time = postgres_trial_time);

}  // namespace edgetide
