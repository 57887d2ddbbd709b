#include "sinks/postgres_sink.h"

#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include "sinks/pg_array.h"
#include "sinks/postgres_conninfo.h"
#include "sinks/postgres_delivery.h"
#include "sinks/postgres_schema.h"
#include "sinks/pqxx_versions.h"
#include "sinks/retry.h"

#ifdef __SANITIZE_ADDRESS__
// libpqxx 6.4 forgets one result, about 2 KiB, when a connection is lost during a statement.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:PQmakeEmptyPGresult\n";
}
#endif

namespace edgetide {

namespace {

constexpr std::size_t max_known_series = 100'000;  // more than the pipeline's own limit; then they are looked up again

// One key for all of Edgetide: gateways that start together create the tables one after the other.
constexpr std::string_view lock_for_ddl = "SELECT pg_advisory_xact_lock(7306078180944208997)";

RetryAfter retry_for(const pqxx::sql_error& error) {
  const bool passes = classify(error) == SqlErrorClass::retry;
  return {passes ? Duration() : until_somebody_acts, reason_of(error)};
}

// The connection of a session, with its end reachable from another thread.
class Connection {
 public:
  explicit Connection(const std::string& conninfo) : connection_(conninfo), silence_(connection_) {
    forbid_reactivation(connection_);
  }

  pqxx::connection& operator*() noexcept { return connection_; }

  // Whatever waits for the server sees the end of the stream at once, even on a dead link, where a cancel request
  // would hang as well. The server drops the statement when its own time limit ends it.
  void shut_down() const noexcept { ::shutdown(connection_.sock(), SHUT_RDWR); }

 private:
  pqxx::connection connection_;
  SilentNotices silence_;
};

Stopped fenced(const SinkIdentity& identity) {
  return {"another instance has taken over gateway " + identity.gateway + ", sink " + identity.sink};
}

class PostgresSink final : public Sink {
 public:
  PostgresSink(PostgresOptions options, PostgresNames names);

  SinkTraits traits() const noexcept override { return postgres_traits(); }
  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override;
  void close() noexcept override;
  void interrupt() noexcept override;

 private:
  struct State {
    std::int64_t incarnation = 0;
    EpochId newest;
  };

  template <typename Step>
  Outcome guarded(const Step& step);
  void drop_connection() noexcept;
  bool connect(const std::string& conninfo);  // false when interrupted
  void apply_session_settings();
  std::optional<RetryAfter> check_tables();
  TableShapes read_shapes(pqxx::work& transaction, const TableShapes& needed);
  void create_tables(pqxx::work& transaction);
  Outcome claim();
  std::optional<State> read_state(pqxx::work& transaction);
  Outcome store(const RowBatch& batch, PostgresCare care);

  const PostgresOptions options_;
  const PostgresNames names_;
  const PostgresStatements statements_;
  std::optional<std::int64_t> incarnation_;  // ours, since the first open
  PostgresSeriesIds series_ids_;             // committed ones, since the last open

  std::mutex mutex_;  // guards the life of the connection against `interrupt`, and the flag
  std::unique_ptr<Connection> connection_;
  bool interrupted_ = false;
};

PostgresSink::PostgresSink(PostgresOptions options, PostgresNames names)
    : options_(std::move(options)), names_(std::move(names)), statements_(postgres_statements(names_)) {}

// Every exception of libpqxx ends here as an outcome, and the connection with it.
template <typename Step>
Outcome PostgresSink::guarded(const Step& step) {
  Outcome outcome = RetryAfter{};
  try {
    outcome = step();
  } catch (const pqxx::in_doubt_error& error) {
    outcome = InDoubt{reason_of(error)};
  } catch (const pqxx::sql_error& error) {
    outcome = retry_for(error);
  } catch (const std::bad_alloc&) {
    drop_connection();
    throw;
  } catch (const std::exception& error) {
    outcome = RetryAfter{Duration(), reason_of(error)};
  }
  if (!std::holds_alternative<Delivered>(outcome)) drop_connection();
  return outcome;
}

Outcome PostgresSink::open() {
  drop_connection();
  const auto conninfo = postgres_conninfo(options_);
  if (const auto* error = std::get_if<ConninfoError>(&conninfo)) {
    return Stopped{"connection: " + error->reason};
  }
  Outcome outcome = guarded([&]() -> Outcome {
    if (!connect(std::get<std::string>(conninfo))) return RetryAfter{Duration(), "interrupted"};
    apply_session_settings();
    if (auto later = check_tables()) return *std::move(later);
    return claim();
  });
  // A claim in doubt is simply made again.
  if (auto* const doubt = std::get_if<InDoubt>(&outcome)) return RetryAfter{Duration(), std::move(doubt->reason)};
  return outcome;
}

bool PostgresSink::connect(const std::string& conninfo) {
  {
    const std::lock_guard lock(mutex_);
    if (interrupted_) return false;
  }
  auto connection = std::make_unique<Connection>(conninfo);
  const std::lock_guard lock(mutex_);
  if (interrupted_) return false;
  connection_ = std::move(connection);
  return true;
}

void PostgresSink::apply_session_settings() {
  const std::string limit = std::to_string(options_.statement_timeout.count() / 1'000);
  pqxx::nontransaction session(**connection_);
  session.exec("SET statement_timeout = " + limit);
  session.exec("SET lock_timeout = " + limit);
  session.exec("SET idle_in_transaction_session_timeout = " + limit);
  session.exec("SET client_min_messages = warning");
  session.exec("SET timezone = 'UTC'");
  session.exec("SET default_transaction_isolation = 'read committed'");  // a series another gateway adds must be seen
  // With `off` an epoch that we have forgotten could be gone after a crash of the server.
  session.exec(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'");
}

std::optional<RetryAfter> PostgresSink::check_tables() {
  const TableShapes needed = postgres_shapes(names_.inputs);
  pqxx::work transaction(**connection_);
  std::vector<std::string> missing = missing_from(read_shapes(transaction, needed), needed);
  if (missing.empty()) return std::nullopt;
  if (!options_.create_tables) {
    return RetryAfter{until_somebody_acts, "schema " + names_.schema + " lacks " + joined(missing) +
                                               ": create_tables is off, so run the output of `edgetide schema`"};
  }
  create_tables(transaction);
  missing = missing_from(read_shapes(transaction, needed), needed);
  if (!missing.empty()) {
    return RetryAfter{until_somebody_acts,
                      "schema " + names_.schema + " lacks " + joined(missing) + " although its tables were created"};
  }
  transaction.commit();
  return std::nullopt;
}

TableShapes PostgresSink::read_shapes(pqxx::work& transaction, const TableShapes& needed) {
  PgArray tables;
  for (const auto& [table, columns] : needed) tables.add_text(table);
  TableShapes found;
  for (const auto& row : execute(transaction, postgres_shapes_query(), {names_.schema, tables.take()})) {
    found[row[0].as<std::string>()].insert(row[1].as<std::string>());
  }
  return found;
}

void PostgresSink::create_tables(pqxx::work& transaction) {
  transaction.exec(std::string(lock_for_ddl));
  // Asked first: CREATE SCHEMA IF NOT EXISTS needs a right on the database even when there is nothing to create.
  if (execute(transaction, "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", {names_.schema}).empty()) {
    transaction.exec(postgres_schema_ddl(names_.schema));
  }
  transaction.exec(postgres_tables_ddl(names_.schema, names_.inputs));
}

Outcome PostgresSink::claim() {
  pqxx::work transaction(**connection_);
  if (incarnation_) {
    const std::optional<State> state = read_state(transaction);
    if (state && state->incarnation > *incarnation_) return fenced(names_.identity);
    if (state && state->incarnation == *incarnation_) return Delivered{};
    // The store is older than our claim: restored from a backup, or emptied. It is still ours.
  }
  const SinkIdentity& identity = names_.identity;
  const pqxx::result claimed = execute(
      transaction, postgres_claim_statement(names_.schema),
      {identity.gateway, identity.sink, std::to_string(identity.state_id), std::to_string(incarnation_.value_or(1))});
  const auto incarnation = claimed[0][0].as<std::int64_t>();
  transaction.commit();
  incarnation_ = incarnation;
  return Delivered{};
}

// Locks the row: waits for an older transaction of ours that the server has not yet ended.
std::optional<PostgresSink::State> PostgresSink::read_state(pqxx::work& transaction) {
  const pqxx::result rows = execute(transaction, statements_.state, {names_.identity.gateway, names_.identity.sink});
  if (rows.empty()) return std::nullopt;
  return State{rows[0][0].as<std::int64_t>(), {rows[0][1].as<std::uint64_t>(), rows[0][2].as<std::uint64_t>()}};
}

Outcome PostgresSink::deliver(const RowBatch& batch) {
  return guarded([&]() -> Outcome {
    try {
      return store(batch, PostgresCare::none);
    } catch (const pqxx::sql_error& error) {
      if (classify(error) != SqlErrorClass::bad_row) throw;
    }
    series_ids_.clear();  // a deleted series does not make its rows bad
    return store(batch, PostgresCare::row_by_row);
  });
}

Outcome PostgresSink::store(const RowBatch& batch, PostgresCare care) {
  pqxx::work transaction(**connection_);
  const std::optional<State> state = read_state(transaction);
  if (!state || state->incarnation < *incarnation_) {
    return RetryAfter{Duration(), "the claim is gone from " + names_.schema + ".sink_state"};
  }
  if (state->incarnation > *incarnation_) return fenced(names_.identity);
  if (state->newest >= batch.id) return Delivered{};

  if (series_ids_.size() > max_known_series) series_ids_.clear();
  PostgresDelivery delivery(transaction, names_, statements_, series_ids_, care);
  delivery.store(batch);
  execute(
      transaction, statements_.epoch,
      {names_.identity.gateway, names_.identity.sink, std::to_string(batch.id.run), std::to_string(batch.id.epoch)});
  transaction.commit();
  return Delivered{delivery.take_rejected()};
}

LastEpoch PostgresSink::last_epoch() {
  std::optional<State> state;
  const Outcome outcome = guarded([&]() -> Outcome {
    pqxx::work transaction(**connection_);
    state = read_state(transaction);
    return Delivered{};
  });
  if (const auto* later = std::get_if<RetryAfter>(&outcome)) return *later;
  if (const auto* doubt = std::get_if<InDoubt>(&outcome)) return RetryAfter{Duration(), doubt->reason};
  if (!state || state->incarnation != *incarnation_ || state->newest == EpochId{}) return std::nullopt;
  return state->newest;
}

void PostgresSink::drop_connection() noexcept {
  series_ids_.clear();
  std::unique_ptr<Connection> ending;  // outlives the lock: its last words to the server may block
  const std::lock_guard lock(mutex_);
  ending = std::move(connection_);
}

void PostgresSink::close() noexcept {
  drop_connection();
  const std::lock_guard lock(mutex_);
  interrupted_ = false;
}

void PostgresSink::interrupt() noexcept {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  if (connection_) connection_->shut_down();
}

}  // namespace

std::unique_ptr<Sink> make_postgres_sink(PostgresOptions options, SinkIdentity identity,
                                         std::vector<WindowSchema> inputs) {
  PostgresNames names{options.schema, std::move(identity), std::move(inputs)};
  return std::make_unique<PostgresSink>(std::move(options), std::move(names));
}

std::string postgres_ddl(const std::string& schema, const std::vector<WindowSchema>& inputs) {
  return postgres_schema_ddl(schema) + postgres_tables_ddl(schema, inputs);
}

}  // namespace edgetide
