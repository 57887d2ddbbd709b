#include "sinks/postgres_trial.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "daemon/service/mutex.h"
#include "pipeline/time_text.h"
#include "sinks/postgres_answer.h"
#include "sinks/postgres_connection.h"
#include "sinks/postgres_conninfo.h"
#include "sinks/postgres_schema.h"
#include "sinks/postgres_shapes.h"
#include "sinks/pqxx_versions.h"

namespace edgetide {

namespace {

constexpr Duration longest_connect = Duration::seconds(10);  // of each address: the trial cannot end it

// Ends what the server is asked once the time is over.
class TrialTime {
 public:
  TrialTime(PostgresConnection& connection, Duration time)
      : connection_(connection), ends_at_(std::chrono::steady_clock::now() + std::chrono::microseconds(time.count())) {
    thread_ = std::thread([this] { watch(); });
  }
  ~TrialTime() {
    {
      const MutexLock lock(mutex_);
      is_needed_ = false;
    }
    changed_.notify_all();
    thread_.join();
  }
  TrialTime(const TrialTime&) = delete;
  TrialTime& operator=(const TrialTime&) = delete;

  bool is_over() noexcept {
    const MutexLock lock(mutex_);
    return is_over_;
  }

 private:
  void watch() {
    MutexLock lock(mutex_);
    while (is_needed_) {
      connection_.end_silence();
      if (std::chrono::steady_clock::now() >= ends_at_) {
        is_over_ = true;
        connection_.interrupt();
        return;
      }
      changed_.wait_until(lock, std::min(ends_at_, std::chrono::steady_clock::now() + look_each));
    }
  }

  static constexpr std::chrono::milliseconds look_each{200};
  PostgresConnection& connection_;
  const std::chrono::steady_clock::time_point ends_at_;
  Mutex mutex_;
  Condition changed_;
  bool is_needed_ GUARDED_BY(mutex_) = true;
  bool is_over_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

bool is_true(pqxx::transaction_base& session, const std::string& condition, const std::vector<std::string>& parameters,
             const char* what) {
  const PostgresAnswer answer(execute(session, "SELECT (" + condition + ")::int", parameters), what,
                              {.columns = 1, .least_rows = 1, .most_rows = 1});
  return answer.number(0, 0, 0, 1) == 1;
}

std::string fault_of_missing(pqxx::transaction_base& session, const PostgresOptions& options,
                             const std::vector<std::string>& missing) {
  if (!options.create_tables) {
    return "schema " + options.schema + " lacks " + joined(missing) + ask_for_schema;
  }
  const bool has_schema =
      !execute(session, "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", {options.schema}).empty();
  const bool may_create = has_schema
                              ? is_true(session, "has_schema_privilege($1, 'CREATE')", {options.schema}, "rights")
                              : is_true(session, "has_database_privilege(current_database(), 'CREATE')", {}, "rights");
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
      const std::string has = "has_table_privilege(format('%I.%I', $1::text, $2::text), '" + right + "')";
      if (!is_true(session, has, {options.schema, table}, "rights")) missing.push_back(right + " on " + table);
    }
  }
  if (missing.empty()) return {};
  return "user " + options.user + " lacks rights in schema " + options.schema + ": " + joined(missing);
}

std::string fault_of_tables(pqxx::connection& connection, const PostgresOptions& options,
                            const std::vector<WindowSchema>& inputs) {
  pqxx::nontransaction session(connection);
  session.exec("SET statement_timeout = " + std::to_string(options.statement_timeout.count() / 1'000));
  if (is_true(session, "pg_is_in_recovery()", {}, "its recovery")) {
    return "the server is a standby: nothing can be written";
  }
  const TableShapes needed = postgres_shapes(inputs);
  const TableShapes found = read_postgres_shapes(session, options.schema, needed, postgres_shapes_query());
  const std::vector<std::string> missing = missing_from(found, needed);
  return missing.empty() ? fault_of_rights(session, options, found) : fault_of_missing(session, options, missing);
}

}  // namespace

std::string fault_of_postgres(const PostgresOptions& options, const std::vector<WindowSchema>& inputs, Duration time) {
  const auto hosts = postgres_hosts(options, longest_connect);
  if (const auto* error = std::get_if<ConninfoError>(&hosts)) return "connection: " + error->reason;
  PostgresConnection connection(inputs, options.statement_timeout + options.statement_timeout);
  TrialTime trial(connection, time);
  const PostgresConnection::Call call(connection);
  std::string fault;
  try {
    if (connection.open(std::get<PostgresHosts>(hosts))) return fault_of_tables(*connection, options, inputs);
  } catch (const std::exception& error) {
    fault = reason_of(error);
  }
  if (trial.is_over()) return "the server has not answered all that was asked within " + to_text(time);
  if (const std::string excess = call.reason_of_excess(); !excess.empty()) return excess;
  const std::string silence = call.reason_of_silence();
  return silence.empty() ? fault : silence;
}

}  // namespace edgetide
