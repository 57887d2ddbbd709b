// Rows into PostgreSQL: a series table, one table and one view per window, `latest` views, and an epoch row that is
// updated in the same transaction as the rows. The only user of libpqxx; works with 6.4 and 7.x.
//
// Contract, thread, failure: sinks/sink.h. Tables and SQL: sinks/postgres_schema.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

struct PostgresOptions {
  std::string connection;  // libpq keywords or URI; never holds the password
  std::string password;    // secret: passed to libpq only, never logged
  std::string user;        // always passed explicitly; config fills it from the connection string or `user`
  std::string schema = "edgetide";
  bool create_tables = true;
  Duration connect_timeout = Duration::seconds(10);
  Duration statement_timeout = Duration::seconds(20);  // also lock and TCP user timeout
};

std::unique_ptr<Sink> make_postgres_sink(PostgresOptions options, std::string gateway, std::string sink_name,
                                         std::vector<WindowSchema> inputs);

// The DDL as `edgetide schema` prints it and `open` runs it; every statement may be run again.
std::string postgres_ddl(const std::string& schema, const std::vector<WindowSchema>& inputs);

}  // namespace edgetide
