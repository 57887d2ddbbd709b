#include "sinks/postgres_sink.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "daemon/service/backoff.h"
#include "daemon/service/log.h"
#include "sinks/kept_tables.h"
#include "sinks/pg_array.h"
#include "sinks/postgres_answer.h"
#include "sinks/postgres_connection.h"
#include "sinks/postgres_conninfo.h"
#include "sinks/postgres_delivery.h"
#include "sinks/postgres_schema.h"
#include "sinks/postgres_shapes.h"
#include "sinks/postgres_upkeep.h"
#include "sinks/pqxx_versions.h"
#include "sinks/refused_tables.h"
#include "sinks/schema_version.h"
#include "sinks/store_claim.h"

namespace edgetide {

namespace {

constexpr std::int64_t max_bigint = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t max_incarnation = max_bigint / 2;         // far from where counting on would fail
constexpr std::int64_t latest_us = 253'402'300'799 * 1'000'000;  // the year 9999
constexpr std::size_t max_text_bytes = 4096;                     // of who claimed

constexpr std::size_t max_parts = 10'000;          // of the schema: windows of all gateways
constexpr std::size_t max_known_series = 100'000;  // more than the pipeline's own limit; then they are looked up again

// One key for all of Edgetide: gateways that start together create the tables one after the other.
constexpr std::string_view lock_for_ddl = "SELECT pg_advisory_xact_lock(7306078180944208997)";

RetryAfter retry_because(const std::exception& error, bool passes, Duration at_least = until_somebody_acts) {
  std::string reason = reason_of(error);
  return passes ? RetryAfter{Duration(), std::move(reason)} : once_somebody_acts(std::move(reason), at_least);
}

constexpr const char* use_sessions =
    "pgbouncer is in statement mode, where no transaction lasts: set pool_mode = session for this database";
constexpr Duration check_pooler_each = Duration::seconds(5);

// PgBouncer's text for that, which it does not translate.
bool is_statement_pooling(std::string_view reason) {
  return reason.find("statement pooling") != reason.npos;
}

// What libpqxx says where the server, or a pooler, has closed the connection with its answer, and forgets the answer.
bool is_disconnected(std::string_view reason) {
  return reason.find("not connected") != reason.npos || is_statement_pooling(reason);
}

class PostgresClaim final : public ClaimTransaction {
 public:
  PostgresClaim(pqxx::connection& connection, const PostgresNames& names, const PostgresStatements& statements)
      : work_(connection), names_(names), statements_(statements) {}

  pqxx::work& work() noexcept { return work_; }

  std::optional<ClaimState> read_state() override {
    const PostgresAnswer state(execute(work_, statements_.state, {names_.identity.gateway, names_.identity.sink}),
                               "sink_state", {.columns = 7, .most_rows = 1});
    if (state.rows() == 0) return std::nullopt;
    const auto count = [&](std::size_t column) {
      return static_cast<std::uint64_t>(state.number(0, column, 0, max_bigint));
    };
    const auto time = [&](std::size_t column) {
      return Timestamp::microseconds(state.number(0, column, -latest_us, latest_us));
    };
    return ClaimState{.incarnation = state.number(0, 0, 0, max_incarnation),
                      .newest = {count(1), count(2)},
                      .state_id = count(3),
                      .updated_at = time(4),
                      .claimed_by = printable(state.text(0, 5, max_text_bytes)),
                      .claimed_at = time(6)};
  }
  std::int64_t write_claim(const ClaimWish& wish) override {
    const SinkIdentity& identity = names_.identity;
    const PostgresAnswer claimed(execute(work_, postgres_claim_statement(names_.schema),
                                         {identity.gateway, identity.sink, std::to_string(wish.state_id),
                                          std::to_string(wish.lowest), identity.process}),
                                 "the claim", {.columns = 1, .least_rows = 1, .most_rows = 1});
    return claimed.number(0, 0, wish.lowest, max_incarnation);
  }
  void write_epoch(EpochId id) override {
    const std::string run = std::to_string(id.run), epoch = std::to_string(id.epoch);
    check_changed(execute(work_, statements_.epoch, {names_.identity.gateway, names_.identity.sink, run, epoch}),
                  "sink_state", 1, 1);
  }
  void commit() override { work_.commit(); }

 private:
  pqxx::work work_;
  const PostgresNames& names_;
  const PostgresStatements& statements_;
};

class PostgresSink final : public Sink {
 public:
  PostgresSink(PostgresOptions options, PostgresNames names);

  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override;
  void take_over() noexcept override { claim_.take_over(); }
  void close() noexcept override;
  void interrupt() noexcept override { connection_.interrupt(); }
  void end_silence() noexcept override { connection_.end_silence(); }

 private:
  template <typename Step>
  Outcome guarded(const Step& step);
  void drop_connection() noexcept;
  void apply_session_settings();
  std::optional<RetryAfter> check_tables();
  SchemaVersions read_versions(pqxx::work& transaction, const TableShapes& found);
  bool is_emptied(pqxx::transaction_base& transaction);
  void make_statements();
  void create_tables(pqxx::work& transaction);
  Outcome store(const RowBatch& batch, PostgresCare care);
  void keep_up();
  RetryAfter refused(const pqxx::failure& error);
  PostgresCare care() const noexcept;

  const PostgresOptions options_;
  const PostgresNames names_;
  PostgresStatements statements_;  // for the tables as they were found
  StoreClaim claim_;
  PostgresSeriesIds series_ids_;  // committed ones, since the last open
  RefusedTables refused_tables_;
  unsigned refusals_ = 0;   // of deliveries by the server, in a row
  bool lost_rows_ = false;  // a table was new or empty, and no claim has said so yet
  KeptTables kept_tables_;
  PostgresUpkeep upkeep_;

  PostgresConnection connection_;
};

PostgresSink::PostgresSink(PostgresOptions options, PostgresNames names)
    : options_(std::move(options)),
      names_(std::move(names)),
      claim_("schema " + names_.schema, names_.identity),
      refused_tables_(names_.inputs.size()),
      kept_tables_(names_.inputs.size()),
      upkeep_(options_.partitions, names_),
      connection_(names_.inputs, options_.statement_timeout + options_.statement_timeout) {}

// Every exception of libpqxx ends here as an outcome, and the connection with it.
template <typename Step>
Outcome PostgresSink::guarded(const Step& step) {
  const PostgresConnection::Call call(connection_);
  Outcome outcome = RetryAfter{};
  try {
    outcome = step();
  } catch (const pqxx::in_doubt_error& error) {
    outcome = InDoubt{reason_of(error)};
  } catch (const pqxx::failure& error) {
    outcome = retry_because(error, classify(error) == SqlErrorClass::retry);
  } catch (const TableRefusesAll& error) {
    outcome = once_somebody_acts(reason_of(error));
  } catch (const std::bad_alloc&) {
    drop_connection();
    throw;
  } catch (const std::exception& error) {
    outcome = retry_because(error, true);
  }
  if (!std::holds_alternative<Delivered>(outcome)) drop_connection();
  if (auto* const later = std::get_if<RetryAfter>(&outcome)) {
    if (std::string excess = call.reason_of_excess(); !excess.empty()) return once_somebody_acts(std::move(excess));
    if (std::string silence = call.reason_of_silence(); !silence.empty()) later->reason = std::move(silence);
  }
  return outcome;
}

Outcome PostgresSink::open() {
  drop_connection();
  const auto parsed = postgres_hosts(options_);
  if (const auto* error = std::get_if<ConninfoError>(&parsed)) {
    return Stopped{"connection: " + error->reason};
  }
  const auto& hosts = std::get<PostgresHosts>(parsed);
  Outcome outcome = guarded([&]() -> Outcome {
    if (!connection_.open(hosts)) return RetryAfter{Duration(), "interrupted"};
    apply_session_settings();
    if (auto later = check_tables()) return *std::move(later);
    make_statements();
    PostgresClaim transaction(*connection_, names_, statements_);
    Outcome claimed = claim_.claim(transaction, lost_rows_);
    lost_rows_ = false;
    return claimed;
  });
  upkeep_.begin_again();
  if (const auto* later = std::get_if<RetryAfter>(&outcome); later != nullptr && is_disconnected(later->reason)) {
    if (is_statement_pooling(connection_.refusal_of_transactions(hosts)))
      return once_somebody_acts(use_sessions, check_pooler_each);
  }
  // A claim in doubt is simply made again.
  if (auto* const doubt = std::get_if<InDoubt>(&outcome)) return RetryAfter{Duration(), std::move(doubt->reason)};
  return outcome;
}

void PostgresSink::apply_session_settings() {
  const std::string limit = std::to_string(options_.statement_timeout.count() / 1'000);
  pqxx::nontransaction session(*connection_);
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
  pqxx::work transaction(*connection_);
  const TableShapes before = read_postgres_shapes(transaction, names_.schema, needed, postgres_shapes_query());
  std::vector<std::string> missing = missing_from(before, needed);
  const SchemaVersions versions = read_versions(transaction, before);
  if (const std::string newer = newer_schema(versions, names_.inputs); !newer.empty()) {
    return once_somebody_acts("schema " + names_.schema + ": " + newer);
  }
  lost_rows_ = lost_rows_ || has_lost_tables(versions, before, names_.inputs);
  if (missing.empty() && is_current(versions, names_.inputs)) {
    static_cast<void>(is_emptied(transaction));
    return std::nullopt;
  }
  if (!options_.create_tables) {
    return once_somebody_acts("schema " + names_.schema +
                              (missing.empty() ? " has an older version" : " lacks " + joined(missing)) +
                              ask_for_schema);
  }
  create_tables(transaction);
  missing = missing_from(read_postgres_shapes(transaction, names_.schema, needed, postgres_shapes_query()), needed);
  if (!missing.empty()) {
    return once_somebody_acts("schema " + names_.schema + " lacks " + joined(missing) +
                              " although its tables were created");
  }
  static_cast<void>(is_emptied(transaction));
  transaction.commit();
  return std::nullopt;
}

SchemaVersions PostgresSink::read_versions(pqxx::work& transaction, const TableShapes& found) {
  SchemaVersions versions;
  if (!found.contains("schema_version")) return versions;
  const PostgresAnswer parts(execute(transaction, postgres_versions_query(names_.schema), {}), "schema_version",
                             {.columns = 2, .most_rows = max_parts});
  for (std::size_t row = 0; row < parts.rows(); ++row) {
    versions[parts.text(row, 0, max_postgres_name_bytes)] = parts.number(row, 1, 0, max_bigint);
  }
  return versions;
}

bool PostgresSink::is_emptied(pqxx::transaction_base& transaction) {
  const auto has_rows = [&](std::size_t input) {
    const auto kept = retention_of(options_.partitions.retention, names_.inputs[input].name);
    std::vector<std::string> parameters = {names_.identity.gateway};
    if (kept) parameters.push_back(std::to_string(kept_tables_.newest_start(input).count()));
    const PostgresAnswer any(
        execute(transaction, postgres_has_rows_query(names_.schema, names_.inputs[input], kept), parameters), "rows",
        {.columns = 1, .least_rows = 1, .most_rows = 1});
    return any.number(0, 0, 0, 1) == 1;
  };
  if (kept_tables_.are_emptied(has_rows)) lost_rows_ = true;
  return lost_rows_;
}

void PostgresSink::make_statements() {
  pqxx::work transaction(*connection_);
  const TableShapes numbers =
      read_postgres_shapes(transaction, names_.schema, postgres_shapes(names_.inputs), postgres_numbers_query());
  statements_ = postgres_statements(names_, former_columns(numbers, names_.inputs));
}

void PostgresSink::create_tables(pqxx::work& transaction) {
  transaction.exec(std::string(lock_for_ddl));
  // Asked first: CREATE SCHEMA IF NOT EXISTS needs a right on the database even when there is nothing to create.
  if (execute(transaction, "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", {names_.schema}).empty()) {
    transaction.exec(postgres_schema_ddl(names_.schema));
  }
  transaction.exec(postgres_tables_ddl(names_.schema, names_.inputs, options_.partitions));
}

Outcome PostgresSink::deliver(const RowBatch& batch) {
  if (connection_.has_read_much()) {
    if (Outcome opened = open(); !std::holds_alternative<Delivered>(opened)) return opened;
  }
  Outcome outcome = guarded([&]() -> Outcome {
    keep_up();
    try {
      return store(batch, care());
    } catch (const pqxx::in_doubt_error&) {
      throw;
    } catch (const pqxx::failure& error) {
      if (classify(error) != SqlErrorClass::bad_row || care() != PostgresCare::none) return refused(error);
    }
    series_ids_.clear();  // a deleted series does not make its rows bad
    try {
      return store(batch, PostgresCare::row_by_row);
    } catch (const pqxx::in_doubt_error&) {
      throw;
    } catch (const pqxx::failure& error) {
      return refused(error);
    }
  });
  if (!std::holds_alternative<Delivered>(outcome)) return outcome;
  refusals_ = 0;
  std::get<Delivered>(outcome).warning = upkeep_.warning();
  return outcome;
}

void PostgresSink::keep_up() {
  upkeep_.run(*connection_, options_.create_tables, options_.user);
}

RetryAfter PostgresSink::refused(const pqxx::failure& error) {
  const bool passes = classify(error) == SqlErrorClass::retry;
  if (!passes || is_raised(error)) ++refusals_;
  return retry_because(error, passes, refusals_ <= tries_before_care ? first_tries_after : until_somebody_acts);
}

PostgresCare PostgresSink::care() const noexcept {
  if (refusals_ < tries_before_care) return PostgresCare::none;
  return refusals_ < tries_before_every_raise ? PostgresCare::every_refusal : PostgresCare::every_raise;
}

Outcome PostgresSink::store(const RowBatch& batch, PostgresCare care) {
  PostgresClaim transaction(*connection_, names_, statements_);
  if (kept_tables_.look_due(std::chrono::steady_clock::now()) && is_emptied(transaction.work())) {
    return RetryAfter{Duration(), "schema " + names_.schema + emptied_table};
  }
  Outcome outcome = claim_.store(transaction, batch.id, [&] {
    if (series_ids_.size() > max_known_series) series_ids_.clear();
    PostgresDelivery delivery(transaction.work(), names_, statements_, claim_.state_id(), series_ids_, refused_tables_,
                              care);
    delivery.store(batch);
    return delivery.take_rejected();
  });
  kept_tables_.note(batch, names_.inputs, outcome);
  return outcome;
}

LastEpoch PostgresSink::last_epoch() {
  std::optional<EpochId> newest;
  const Outcome outcome = guarded([&]() -> Outcome {
    keep_up();
    PostgresClaim transaction(*connection_, names_, statements_);
    Outcome held = claim_.held(transaction);
    newest = claim_.newest(transaction);
    return held;
  });
  return last_epoch_of(outcome, newest);
}

void PostgresSink::drop_connection() noexcept {
  series_ids_.clear();
  connection_.drop();
}

void PostgresSink::close() noexcept {
  drop_connection();
  connection_.resume();
}

}  // namespace

std::unique_ptr<Sink> make_postgres_sink(PostgresOptions options, SinkIdentity identity,
                                         std::vector<WindowSchema> inputs) {
  PostgresNames names{options.schema, std::move(identity), std::move(inputs)};
  return std::make_unique<PostgresSink>(std::move(options), std::move(names));
}

std::string postgres_ddl(const std::string& schema, const std::vector<WindowSchema>& inputs,
                         const PostgresPartitions& partitions) {
  std::string ddl = postgres_schema_ddl(schema) + postgres_tables_ddl(schema, inputs, partitions);
  for (const WindowSchema& window : inputs) ddl += postgres_partitions_ddl(schema, window, partitions);
  return ddl + postgres_roles_ddl(schema);
}

}  // namespace edgetide
