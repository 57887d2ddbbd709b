// Rows into one SQLite file: the same tables as PostgreSQL, WAL mode. The embedded default; the only user of sqlite3.
//
// Contract, thread, failure: sinks/sink.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

struct SqliteOptions {
  std::string path;  // absolute; config resolves it below the state directory
};

std::unique_ptr<Sink> make_sqlite_sink(SqliteOptions options, std::string gateway, std::string sink_name,
                                       std::vector<WindowSchema> inputs);

std::string sqlite_ddl(const std::vector<WindowSchema>& inputs);

}  // namespace edgetide
