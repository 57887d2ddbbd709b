#include "sinks/postgres_sink.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <unordered_map>
#include <utility>

#include "sinks/pg_array.h"
#include "sinks/postgres_conninfo.h"
#include "sinks/postgres_schema.h"
#include "sinks/pqxx_versions.h"
#include "sinks/row_json.h"
#include "sinks/sql_error.h"

namespace edgetide {

namespace {

constexpr std::size_t rows_per_statement_max = 5'000;  // bounds the memory of a statement, ours and the server's
constexpr std::size_t known_series_max = 100'000;      // more than the pipeline's own limit; then looked up anew
constexpr Duration until_somebody_acts = Duration::seconds(30);
constexpr std::size_t reason_length_max = 500;

// One key for all of Edgetide: gateways that start together create the tables one after the other.
constexpr std::string_view lock_for_ddl = "SELECT pg_advisory_xact_lock(7306078180944208997)";

using SeriesPointer = std::shared_ptr<const Series>;
using SeriesIds = std::unordered_map<SeriesPointer, std::int64_t>;

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  text.resize(std::min(text.find_last_not_of(' ') + 1, reason_length_max));
  return text;
}

RetryAfter retry_for(const pqxx::sql_error& error) {
  const bool passes = classify_sql_error(sqlstate_of(error)) == SqlErrorClass::retry;
  return {passes ? Duration() : until_somebody_acts, one_line(error.what())};
}

bool is_bad_row(const pqxx::sql_error& error) {
  return classify_sql_error(sqlstate_of(error)) == SqlErrorClass::bad_row;
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

// The statements of one sink, made once.
struct Statements {
  std::string state;
  std::string epoch;
  std::string find_series;
  std::string add_series;
  std::vector<std::string> insert;  // by input
};

// What all parts of a session share.
struct Names {
  std::string schema;
  std::string gateway;
  std::string sink;
  std::vector<WindowSchema> inputs;
};

Stopped fenced(const Names& names) {
  return {"another instance has taken over gateway " + names.gateway + ", sink " + names.sink};
}

enum class Care {
  none,        // a row that the store refuses fails the whole transaction
  row_by_row,  // halves what fails until the bad rows stand alone
};

// One batch on its way into one transaction.
class Delivery {
 public:
  Delivery(pqxx::work& transaction, const Names& names, const Statements& statements, SeriesIds& ids, Care care)
      : transaction_(transaction), names_(names), statements_(statements), ids_(ids), care_(care) {}

  void store(const RowBatch& batch);
  std::vector<RejectedRow> take_rejected() { return std::move(rejected_); }

 private:
  void resolve(const RowBatch& batch);
  void find(std::span<const SeriesPointer> wanted);
  void add(std::span<const SeriesPointer> unknown);
  void store(const WindowRows& window, std::uint64_t epoch);
  void insert(const WindowRows& window, std::span<const std::size_t> rows, std::uint64_t epoch);
  void reject(const WindowRows& window, std::size_t row, const std::string& reason);

  // Runs `statement(first, last)`; with care, in halves where it fails. `refused(i, reason)` gets the single ones.
  template <typename Statement, typename Refused>
  void apply(std::size_t first, std::size_t last, const Statement& statement, const Refused& refused);

  pqxx::work& transaction_;
  const Names& names_;
  const Statements& statements_;
  SeriesIds& ids_;
  const Care care_;
  std::unordered_map<SeriesPointer, std::string> refused_series_;
  std::vector<RejectedRow> rejected_;
};

template <typename Statement, typename Refused>
void Delivery::apply(std::size_t first, std::size_t last, const Statement& statement, const Refused& refused) {
  if (first == last) return;
  if (care_ == Care::none) return statement(first, last);
  transaction_.exec("SAVEPOINT part");
  try {
    statement(first, last);
    transaction_.exec("RELEASE SAVEPOINT part");
    return;
  } catch (const pqxx::sql_error& error) {
    if (!is_bad_row(error)) throw;
    transaction_.exec("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part");
    if (last - first == 1) return refused(first, one_line(error.what()));
  }
  const std::size_t middle = first + (last - first) / 2;
  apply(first, middle, statement, refused);
  apply(middle, last, statement, refused);
}

void Delivery::store(const RowBatch& batch) {
  resolve(batch);
  for (const WindowRows& window : batch.windows) store(window, batch.epoch);
}

void Delivery::resolve(const RowBatch& batch) {
  std::vector<SeriesPointer> unknown;
  for (const WindowRows& window : batch.windows) {
    for (const SinkRow& row : window.rows) {
      if (!ids_.contains(row.series)) unknown.push_back(row.series);
    }
  }
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());

  const auto refuse = [&](std::size_t i, const std::string& reason) { refused_series_[unknown[i]] = reason; };
  const auto find_part = [&](std::size_t first, std::size_t last) {
    find(std::span(unknown).subspan(first, last - first));
  };
  const auto add_part = [&](std::size_t first, std::size_t last) {
    add(std::span(unknown).subspan(first, last - first));
  };
  const auto keep_unknown = [&] {
    std::erase_if(unknown, [&](const SeriesPointer& s) { return ids_.contains(s) || refused_series_.contains(s); });
  };
  apply(0, unknown.size(), find_part, refuse);
  keep_unknown();
  apply(0, unknown.size(), add_part, refuse);
  keep_unknown();
  apply(0, unknown.size(), find_part, refuse);
}

void Delivery::find(std::span<const SeriesPointer> wanted) {
  PgArray sensors;
  PgArray metrics;
  for (const SeriesPointer& series : wanted) {
    sensors.add_text(series->sensor);
    metrics.add_text(series->metric);
  }
  const pqxx::result found =
      execute(transaction_, statements_.find_series, {names_.gateway, sensors.take(), metrics.take()});
  for (const auto& row : found) ids_[wanted[row[0].as<std::size_t>() - 1]] = row[1].as<std::int64_t>();
}

void Delivery::add(std::span<const SeriesPointer> unknown) {
  PgArray sensors;
  PgArray metrics;
  PgArray units;
  PgArray labels;
  for (const SeriesPointer& series : unknown) {
    sensors.add_text(series->sensor);
    metrics.add_text(series->metric);
    units.add_text(series->unit);
    std::string json;
    append_json_labels(json, series->labels);
    labels.add_text(json);
  }
  execute(transaction_, statements_.add_series,
          {names_.gateway, sensors.take(), metrics.take(), units.take(), labels.take()});
}

void Delivery::store(const WindowRows& window, std::uint64_t epoch) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < window.rows.size(); ++row) {
    const auto refused = refused_series_.find(window.rows[row].series);
    refused == refused_series_.end() ? rows.push_back(row) : reject(window, row, refused->second);
  }
  for (std::size_t first = 0; first < rows.size(); first += rows_per_statement_max) {
    apply(
        first, std::min(first + rows_per_statement_max, rows.size()),
        [&](std::size_t from, std::size_t to) { insert(window, std::span(rows).subspan(from, to - from), epoch); },
        [&](std::size_t i, const std::string& reason) { reject(window, rows[i], reason); });
  }
}

void Delivery::insert(const WindowRows& window, std::span<const std::size_t> rows, std::uint64_t epoch) {
  std::vector<std::int64_t> ids;
  ids.reserve(rows.size());
  for (const std::size_t row : rows) ids.push_back(ids_.at(window.rows[row].series));
  execute(transaction_, statements_.insert[window.input],
          postgres_insert_parameters(names_.inputs[window.input], window, rows, ids, epoch));
}

void Delivery::reject(const WindowRows& window, std::size_t row, const std::string& reason) {
  const SinkRow& refused = window.rows[row];
  rejected_.push_back(
      {names_.inputs[window.input].name, refused.series->sensor, refused.series->metric, refused.start, reason});
}

class PostgresSink final : public Sink {
 public:
  PostgresSink(PostgresOptions options, Names names);

  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  std::variant<std::optional<std::uint64_t>, RetryAfter> last_epoch() override;
  void close() noexcept override;
  void interrupt() noexcept override;

 private:
  struct State {
    std::int64_t incarnation = 0;
    std::uint64_t epoch = 0;
  };

  template <typename Step>
  Outcome guarded(const Step& step);
  void drop_connection() noexcept;
  bool connect(const std::string& conninfo);
  void apply_session_settings();
  std::optional<RetryAfter> check_tables();
  TableShapes read_shapes(pqxx::work& transaction, const TableShapes& needed);
  void create_tables(pqxx::work& transaction);
  Outcome claim();
  std::optional<State> read_state(pqxx::work& transaction);
  Outcome store(const RowBatch& batch, Care care);

  const PostgresOptions options_;
  const Names names_;
  const Statements statements_;
  std::optional<std::int64_t> incarnation_;  // ours, since the first open
  SeriesIds series_ids_;                     // committed ones, since the last open

  std::mutex mutex_;  // guards the life of the connection against `interrupt`, and the flag
  std::unique_ptr<Connection> connection_;
  bool interrupted_ = false;
};

Statements make_statements(const Names& names) {
  Statements statements{postgres_state_query(names.schema),
                        postgres_epoch_statement(names.schema),
                        postgres_find_series_query(names.schema),
                        postgres_add_series_statement(names.schema),
                        {}};
  for (const WindowSchema& window : names.inputs) {
    statements.insert.push_back(postgres_insert_statement(names.schema, window));
  }
  return statements;
}

PostgresSink::PostgresSink(PostgresOptions options, Names names)
    : options_(std::move(options)), names_(std::move(names)), statements_(make_statements(names_)) {}

// Every exception of libpqxx ends here as an outcome, and the connection with it.
template <typename Step>
Outcome PostgresSink::guarded(const Step& step) {
  Outcome outcome = RetryAfter{};
  try {
    outcome = step();
  } catch (const pqxx::in_doubt_error& error) {
    outcome = InDoubt{one_line(error.what())};
  } catch (const pqxx::sql_error& error) {
    outcome = retry_for(error);
  } catch (const std::bad_alloc&) {
    drop_connection();
    throw;
  } catch (const std::exception& error) {
    outcome = RetryAfter{Duration(), one_line(error.what())};
  }
  if (!std::holds_alternative<Delivered>(outcome)) drop_connection();
  return outcome;
}

Outcome PostgresSink::open() {
  drop_connection();
  const auto conninfo = postgres_conninfo(options_);
  if (const auto* error = std::get_if<ConninfoError>(&conninfo)) {
    return Stopped{"connection: " + one_line(error->reason)};
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
  if (!incarnation_) {
    const pqxx::result claimed =
        execute(transaction, postgres_claim_statement(names_.schema), {names_.gateway, names_.sink});
    const auto incarnation = claimed[0][0].as<std::int64_t>();
    transaction.commit();
    incarnation_ = incarnation;
    return Delivered{};
  }
  const std::optional<State> state = read_state(transaction);
  if (state && state->incarnation > *incarnation_) return fenced(names_);
  if (!state || state->incarnation < *incarnation_) {
    // The store is older than our claim: restored from a backup, or emptied. It is still ours.
    execute(transaction, postgres_reclaim_statement(names_.schema),
            {names_.gateway, names_.sink, std::to_string(*incarnation_)});
    transaction.commit();
  }
  return Delivered{};
}

// Locks the row: waits for an older transaction of ours that the server has not yet ended.
std::optional<PostgresSink::State> PostgresSink::read_state(pqxx::work& transaction) {
  const pqxx::result rows = execute(transaction, statements_.state, {names_.gateway, names_.sink});
  if (rows.empty()) return std::nullopt;
  return State{rows[0][0].as<std::int64_t>(), rows[0][1].as<std::uint64_t>()};
}

Outcome PostgresSink::deliver(const RowBatch& batch) {
  return guarded([&]() -> Outcome {
    try {
      return store(batch, Care::none);
    } catch (const pqxx::sql_error& error) {
      if (!is_bad_row(error)) throw;
    }
    series_ids_.clear();  // a series that somebody deleted is no bad row
    return store(batch, Care::row_by_row);
  });
}

Outcome PostgresSink::store(const RowBatch& batch, Care care) {
  pqxx::work transaction(**connection_);
  const std::optional<State> state = read_state(transaction);
  if (!state || state->incarnation < *incarnation_) {
    return RetryAfter{Duration(), "the claim is gone from " + names_.schema + ".sink_state"};
  }
  if (state->incarnation > *incarnation_) return fenced(names_);
  if (state->epoch >= batch.epoch) return Delivered{};

  if (series_ids_.size() > known_series_max) series_ids_.clear();
  Delivery delivery(transaction, names_, statements_, series_ids_, care);
  delivery.store(batch);
  execute(transaction, statements_.epoch, {names_.gateway, names_.sink, std::to_string(batch.epoch)});
  transaction.commit();
  return Delivered{delivery.take_rejected()};
}

std::variant<std::optional<std::uint64_t>, RetryAfter> PostgresSink::last_epoch() {
  std::optional<State> state;
  const Outcome outcome = guarded([&]() -> Outcome {
    pqxx::work transaction(**connection_);
    state = read_state(transaction);
    return Delivered{};
  });
  if (const auto* later = std::get_if<RetryAfter>(&outcome)) return *later;
  if (!state || state->incarnation != *incarnation_ || state->epoch == 0) return std::nullopt;
  return state->epoch;
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

std::unique_ptr<Sink> make_postgres_sink(PostgresOptions options, std::string gateway, std::string sink_name,
                                         std::vector<WindowSchema> inputs) {
  Names names{options.schema, std::move(gateway), std::move(sink_name), std::move(inputs)};
  return std::make_unique<PostgresSink>(std::move(options), std::move(names));
}

std::string postgres_ddl(const std::string& schema, const std::vector<WindowSchema>& inputs) {
  return postgres_schema_ddl(schema) + postgres_tables_ddl(schema, inputs);
}

}  // namespace edgetide
