#include "sinks/sqlite_sink.h"

#include <atomic>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <sqlite3.h>
#include <string_view>
#include <utility>

#include "daemon/service/backoff.h"
#include "daemon/service/mutex.h"
#include "sinks/row_json.h"
#include "sinks/sqlite_database.h"
#include "sinks/sqlite_schema.h"
#include "sinks/store_claim.h"

namespace edgetide {

namespace {

constexpr int busy_pause_ms = 10;

bool is_bad_row(int code) noexcept {
  return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

std::optional<std::int64_t> end_of(const SinkRow& row) {
  return row.end == Timestamp::latest() ? std::nullopt : std::optional(row.end.count());
}

// An open file and the statements prepared for it.
struct Session {
  Session(sqlite3* opened, const std::vector<WindowSchema>& inputs)
      : state(opened, "SELECT incarnation, run, epoch FROM sink_state WHERE gateway = ? AND sink = ?"),
        set_epoch(opened,
                  "UPDATE sink_state SET run = ?, epoch = ?, updated_at = CURRENT_TIMESTAMP WHERE gateway = ? AND "
                  "sink = ?"),
        find_series(opened,
                    "SELECT series_id FROM series WHERE gateway = ? AND grouped = ? AND sensor_id = ? AND metric = ?"),
        add_series(opened,
                   "INSERT INTO series (gateway, grouped, sensor_id, metric, unit, labels) VALUES (?, ?, ?, ?, ?, ?) "
                   "RETURNING series_id") {
    for (const WindowSchema& window : inputs) {
      insert.push_back(std::make_unique<SqliteStatement>(opened, sqlite_insert_statement(window)));
      retract.push_back(std::make_unique<SqliteStatement>(opened, sqlite_retract_statement(window)));
    }
  }

  SqliteStatement state;
  SqliteStatement set_epoch;
  SqliteStatement find_series;
  SqliteStatement add_series;
  std::vector<std::unique_ptr<SqliteStatement>> insert;   // by input
  std::vector<std::unique_ptr<SqliteStatement>> retract;  // by input
};

class SqliteClaim final : public ClaimTransaction {
 public:
  SqliteClaim(sqlite3* database, Session& session, const SinkIdentity& identity)
      : transaction_(database), database_(database), session_(session), identity_(identity) {}

  const SqliteTransaction& transaction() const noexcept { return transaction_; }

  std::optional<ClaimState> read_state() override;
  std::int64_t write_claim(std::int64_t lowest) override;
  void write_epoch(EpochId id) override;
  void commit() override { transaction_.commit(); }

 private:
  SqliteTransaction transaction_;
  sqlite3* const database_;
  Session& session_;
  const SinkIdentity& identity_;
};

std::optional<ClaimState> SqliteClaim::read_state() {
  SqliteStatement& query = session_.state;
  query.bind_all(std::string_view(identity_.gateway), std::string_view(identity_.sink));
  std::optional<ClaimState> state;
  if (query.step()) {
    state = {query.integer(0),
             {static_cast<std::uint64_t>(query.integer(1)), static_cast<std::uint64_t>(query.integer(2))}};
  }
  query.reset();
  return state;
}

std::int64_t SqliteClaim::write_claim(std::int64_t lowest) {
  SqliteStatement claim(database_, sqlite_claim_statement());
  claim.bind_all(std::string_view(identity_.gateway), std::string_view(identity_.sink),
                 static_cast<std::int64_t>(identity_.state_id), lowest);
  return claim.first_integer().value();
}

void SqliteClaim::write_epoch(EpochId id) {
  session_.set_epoch.bind_all(static_cast<std::int64_t>(id.run), static_cast<std::int64_t>(id.epoch),
                              std::string_view(identity_.gateway), std::string_view(identity_.sink));
  session_.set_epoch.run();
}

class SqliteSink final : public Sink {
 public:
  SqliteSink(SqliteOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs)
      : options_(std::move(options)),
        identity_(std::move(identity)),
        inputs_(std::move(inputs)),
        claim_(options_.path, identity_) {}

  SinkTraits traits() const noexcept override { return sqlite_traits(); }
  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override;
  void close() noexcept override;
  void interrupt() noexcept override;

 private:
  template <typename Step>
  Outcome guarded(const Step& step);
  Outcome outcome_of(const SqliteError& error) const;
  void drop() noexcept;
  void open_file();
  std::optional<RetryAfter> check_tables();
  TableShapes read_shapes(const TableShapes& needed);

  Outcome store(const RowBatch& batch);
  std::optional<std::int64_t> find_series(const Series& series);
  std::int64_t add_series(const Series& series);
  void store(const WindowRows& window, std::uint64_t epoch, const SqliteTransaction& transaction,
             std::vector<RejectedRow>& rejected);
  void insert(const WindowRows& window, std::size_t row, std::uint64_t epoch);
  void retract(const WindowRows& window, std::size_t row);

  static int on_busy(void* sink, int tries) noexcept;

  const SqliteOptions options_;
  const SinkIdentity identity_;
  const std::vector<WindowSchema> inputs_;
  StoreClaim claim_;

  std::atomic<bool> interrupted_ = false;
  Mutex mutex_;
  sqlite3* to_interrupt_ GUARDED_BY(mutex_) = nullptr;  // the database while there is one
  SqliteDatabase database_;                             // the worker's thread only
  std::optional<Session> session_;                      // ends before the database
};

// Every error ends here as an outcome, and the session with it.
template <typename Step>
Outcome SqliteSink::guarded(const Step& step) {
  Outcome outcome = RetryAfter{Duration(), "interrupted"};
  try {
    if (!interrupted_) outcome = step();
  } catch (const SqliteInDoubt& error) {
    outcome = InDoubt{options_.path + ": " + error.what()};
  } catch (const SqliteError& error) {
    outcome = outcome_of(error);
  } catch (const std::bad_alloc&) {
    drop();
    throw;
  } catch (const std::exception& error) {
    outcome = RetryAfter{until_somebody_acts, options_.path + ": " + error.what()};
  }
  if (!std::holds_alternative<Delivered>(outcome)) drop();
  return outcome;
}

Outcome SqliteSink::outcome_of(const SqliteError& error) const {
  const std::string reason = options_.path + ": " + error.what();
  switch (error.code()) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Stopped{reason};
    case SQLITE_ERROR:  // a table of another shape
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return RetryAfter{until_somebody_acts, reason};
    default:
      return RetryAfter{Duration(), reason};
  }
}

Outcome SqliteSink::open() {
  drop();
  Outcome outcome = guarded([&]() -> Outcome {
    open_file();
    if (auto later = check_tables()) return *std::move(later);
    session_.emplace(database_.get(), inputs_);
    SqliteClaim transaction(database_.get(), *session_, identity_);
    return claim_.claim(transaction);
  });
  // A claim in doubt is simply made again.
  if (auto* const doubt = std::get_if<InDoubt>(&outcome)) return RetryAfter{Duration(), std::move(doubt->reason)};
  return outcome;
}

void SqliteSink::open_file() {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(options_.path.c_str(), &opened, flags, nullptr);
  database_.reset(opened);
  {
    const MutexLock lock(mutex_);
    to_interrupt_ = opened;
  }
  if (code != SQLITE_OK) throw SqliteError(code, opened);
  sqlite3_busy_handler(opened, &SqliteSink::on_busy, this);
  execute(opened, "PRAGMA journal_mode = WAL");
  execute(opened, "PRAGMA synchronous = FULL");  // an epoch that we forget must be on the disk
}

int SqliteSink::on_busy(void* sink, int tries) noexcept {
  const auto* const self = static_cast<const SqliteSink*>(sink);
  if (self->interrupted_ || Duration::milliseconds(tries * busy_pause_ms) >= self->options_.busy_timeout) return 0;
  sqlite3_sleep(busy_pause_ms);
  return 1;
}

std::optional<RetryAfter> SqliteSink::check_tables() {
  const TableShapes needed = sqlite_shapes(inputs_);
  if (missing_from(read_shapes(needed), needed).empty()) return std::nullopt;
  SqliteTransaction transaction(database_.get());
  execute(database_.get(), sqlite_tables_ddl(inputs_));
  const TableShapes found = read_shapes(needed);
  for (const WindowSchema& window : inputs_) {
    const auto& columns = found.at(window.name + "_data");
    for (const Column& column : window.columns) {
      if (!columns.contains(column.sql_name())) execute(database_.get(), sqlite_add_column(window, column));
    }
  }
  execute(database_.get(), sqlite_views_ddl(inputs_));
  const std::vector<std::string> missing = missing_from(read_shapes(needed), needed);
  if (!missing.empty()) {
    return RetryAfter{until_somebody_acts,
                      options_.path + ": lacks " + joined(missing) + " although its tables were created"};
  }
  transaction.commit();
  return std::nullopt;
}

TableShapes SqliteSink::read_shapes(const TableShapes& needed) {
  SqliteStatement columns(database_.get(), "SELECT name FROM pragma_table_info(?)");
  TableShapes found;
  for (const auto& [table, ignored] : needed) {
    columns.bind_all(std::string_view(table));
    while (columns.step()) found[table].insert(columns.text(0));
  }
  return found;
}

Outcome SqliteSink::deliver(const RowBatch& batch) {
  return guarded([&] { return store(batch); });
}

Outcome SqliteSink::store(const RowBatch& batch) {
  SqliteClaim transaction(database_.get(), *session_, identity_);
  return claim_.store(transaction, batch.id, [&] {
    std::vector<RejectedRow> rejected;
    for (const WindowRows& window : batch.windows) {
      store(window, batch.id.epoch, transaction.transaction(), rejected);
    }
    return rejected;
  });
}

// Rows that are no more go first, so that a condition of the user on sessions (that they do not overlap) holds.
// A statement that fails leaves the transaction as it was before it, so a bad row costs nothing but itself.
void SqliteSink::store(const WindowRows& window, std::uint64_t epoch, const SqliteTransaction& transaction,
                       std::vector<RejectedRow>& rejected) {
  for (const bool retracted : {true, false}) {
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      const SinkRow& row = window.rows[i];
      if ((row.state == RowState::retracted) != retracted) continue;
      try {
        retracted ? retract(window, i) : insert(window, i, epoch);
      } catch (const SqliteError& error) {
        if (!is_bad_row(error.code()) || !transaction.alive()) throw;
        rejected.push_back(
            {inputs_[window.input].name, row.series->sensor, row.series->metric, row.start, error.what()});
      }
    }
  }
}

void SqliteSink::retract(const WindowRows& window, std::size_t i) {
  const SinkRow& row = window.rows[i];
  const std::optional<std::int64_t> series_id = find_series(*row.series);
  if (!series_id) return;
  SqliteStatement& statement = *session_->retract[window.input];
  statement.bind_all(row.start.count(), *series_id, static_cast<std::int64_t>(identity_.state_id),
                     static_cast<std::int64_t>(row.revision));
  statement.run();
}

void SqliteSink::insert(const WindowRows& window, std::size_t i, std::uint64_t epoch) {
  const std::vector<Column>& columns = inputs_[window.input].columns;
  const SinkRow& row = window.rows[i];
  const std::optional<std::int64_t> known = find_series(*row.series);
  const std::int64_t series_id = known ? *known : add_series(*row.series);
  SqliteStatement& statement = *session_->insert[window.input];
  statement.bind_all(row.start.count(), series_id, end_of(row), name_of(row.state),
                     std::int64_t{row.state == RowState::final}, static_cast<std::int64_t>(row.revision),
                     static_cast<std::int64_t>(epoch), static_cast<std::int64_t>(identity_.state_id));
  const auto values = window.values_of(i, columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) statement.bind(values[c], columns[c].integer);
  statement.run();
}

// Looked up each time, a few microseconds: nothing to go stale when somebody edits the file.
std::optional<std::int64_t> SqliteSink::find_series(const Series& series) {
  session_->find_series.bind_all(std::string_view(identity_.gateway), std::int64_t{series.grouped},
                                 std::string_view(series.sensor), std::string_view(series.metric));
  return session_->find_series.first_integer();
}

std::int64_t SqliteSink::add_series(const Series& series) {
  std::string labels;
  append_json_labels(labels, series.labels);
  session_->add_series.bind_all(std::string_view(identity_.gateway), std::int64_t{series.grouped},
                                std::string_view(series.sensor), std::string_view(series.metric),
                                std::string_view(series.unit), std::string_view(labels));
  return session_->add_series.first_integer().value();
}

LastEpoch SqliteSink::last_epoch() {
  std::optional<EpochId> newest;
  const Outcome outcome = guarded([&]() -> Outcome {
    SqliteClaim transaction(database_.get(), *session_, identity_);
    newest = claim_.newest(transaction);
    return Delivered{};
  });
  return last_epoch_of(outcome, newest);
}

void SqliteSink::drop() noexcept {
  session_.reset();
  {
    const MutexLock lock(mutex_);
    to_interrupt_ = nullptr;
  }
  database_.reset();  // without the lock: the last one to close writes the log back into the file
}

void SqliteSink::close() noexcept {
  drop();
  interrupted_ = false;
}

void SqliteSink::interrupt() noexcept {
  interrupted_ = true;
  const MutexLock lock(mutex_);
  if (to_interrupt_ != nullptr) sqlite3_interrupt(to_interrupt_);
}

}  // namespace

std::unique_ptr<Sink> make_sqlite_sink(SqliteOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs) {
  return std::make_unique<SqliteSink>(std::move(options), std::move(identity), std::move(inputs));
}

std::string sqlite_ddl(const std::vector<WindowSchema>& inputs) {
  return sqlite_tables_ddl(inputs) + sqlite_views_ddl(inputs);
}

}  // namespace edgetide
