// Reads which tables, views and columns a PostgreSQL schema has.
//
// Thread: that of the session. Blocks as its statements do. Fails: what libpqxx throws; WrongAnswer.
#pragma once

#include <string>

#include "sinks/pqxx_versions.h"
#include "sinks/table_shape.h"

namespace edgetide {

constexpr std::size_t max_postgres_name_bytes = 63 * 4;

// Of those that are needed. `query` with the schema and the names of tables gives pairs of table and column.
TableShapes read_postgres_shapes(pqxx::transaction_base& session, const std::string& schema, const TableShapes& needed,
                                 const std::string& query);

}  // namespace edgetide
