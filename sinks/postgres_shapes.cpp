#include "sinks/postgres_shapes.h"

#include "sinks/pg_array.h"
#include "sinks/postgres_answer.h"

namespace edgetide {

namespace {
constexpr std::size_t max_columns = 1600;  // of a table, in PostgreSQL
}

TableShapes read_postgres_shapes(pqxx::transaction_base& session, const std::string& schema, const TableShapes& needed,
                                 const std::string& query) {
  PgArray tables;
  for (const auto& [table, columns] : needed) tables.add_text(table);
  const PostgresAnswer answer(execute(session, query, {schema, tables.take()}), "tables",
                              {.columns = 2, .most_rows = needed.size() * max_columns});
  TableShapes found;
  for (std::size_t row = 0; row < answer.rows(); ++row) {
    found[answer.text(row, 0, max_postgres_name_bytes)].insert(answer.text(row, 1, max_postgres_name_bytes));
  }
  return found;
}

}  // namespace edgetide
