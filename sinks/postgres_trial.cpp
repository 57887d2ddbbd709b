#include "sinks/postgres_trial.h"

#include "sinks/postgres_conninfo.h"
#include "sinks/postgres_schema.h"
#include "sinks/postgres_shapes.h"
#include "sinks/pqxx_versions.h"

namespace edgetide {

namespace {

bool is_true(const pqxx::result& answer) {
  return !answer.empty() && answer[0][0].c_str() == std::string("t");
}

std::string fault_of_missing(pqxx::transaction_base& session, const PostgresOptions& options,
                             const std::vector<std::string>& missing) {
  if (!options.create_tables) {
    return "schema " + options.schema + " lacks " + joined(missing) + ask_for_schema;
  }
  const bool has_schema =
      !execute(session, "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", {options.schema}).empty();
  const bool may_create =
      has_schema ? is_true(execute(session, "SELECT has_schema_privilege($1, 'CREATE')", {options.schema}))
                 : is_true(execute(session, "SELECT has_database_privilege(current_database(), 'CREATE')", {}));
  if (may_create) return {};
  return "user " + options.user + " may not create " +
         (has_schema ? "tables in schema " + options.schema : "schema " + options.schema) +
         ", and there are none yet: run the output of `edgetide schema` as a user who may";
}

std::string fault_of_rights(pqxx::transaction_base& session, const PostgresOptions& options,
                            const TableShapes& tables) {
  std::vector<std::string> missing;
  for (const auto& [table, columns] : tables) {
    const bool is_changed = table.ends_with("_data") || table == "sink_state";
    if (!is_changed && table != "series") continue;
    std::vector<std::string> rights = {"SELECT", "INSERT"};
    if (is_changed) rights.insert(rights.end(), {"UPDATE", "DELETE"});
    for (const std::string& right : rights) {
      const std::string sql = "SELECT has_table_privilege(format('%I.%I', $1::text, $2::text), '" + right + "')";
      if (!is_true(execute(session, sql, {options.schema, table}))) missing.push_back(right + " on " + table);
    }
  }
  if (missing.empty()) return {};
  return "user " + options.user + " lacks rights in schema " + options.schema + ": " + joined(missing);
}

std::string fault_of_tables(pqxx::connection& connection, const PostgresOptions& options,
                            const std::vector<WindowSchema>& inputs) {
  pqxx::nontransaction session(connection);
  session.exec("SET statement_timeout = " + std::to_string(options.statement_timeout.count() / 1'000));
  if (is_true(session.exec("SELECT pg_is_in_recovery()"))) return "the server is a standby: nothing can be written";
  const TableShapes needed = postgres_shapes(inputs);
  const TableShapes found = read_postgres_shapes(session, options.schema, needed, postgres_shapes_query());
  const std::vector<std::string> missing = missing_from(found, needed);
  return missing.empty() ? fault_of_rights(session, options, found) : fault_of_missing(session, options, missing);
}

}  // namespace

std::string fault_of_postgres(const PostgresOptions& options, const std::vector<WindowSchema>& inputs) {
  const auto conninfo = postgres_conninfo(options);
  if (const auto* error = std::get_if<ConninfoError>(&conninfo)) return "connection: " + error->reason;
  try {
    pqxx::connection connection(std::get<std::string>(conninfo));
    const SilentNotices silent(connection);
    return fault_of_tables(connection, options, inputs);
  } catch (const std::exception& error) {
    return reason_of(error);
  }
}

}  // namespace edgetide
