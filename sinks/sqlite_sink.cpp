#include "sinks/sqlite_sink.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <sqlite3.h>
#include <string_view>
#include <utility>

#include "sinks/retry.h"
#include "sinks/row_json.h"
#include "sinks/sqlite_database.h"
#include "sinks/sqlite_schema.h"

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

class SqliteSink final : public Sink {
 public:
  SqliteSink(SqliteOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs)
      : options_(std::move(options)), identity_(std::move(identity)), inputs_(std::move(inputs)) {}

  SinkTraits traits() const noexcept override { return sqlite_traits(); }
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
  Outcome outcome_of(const SqliteError& error) const;
  void drop() noexcept;
  void open_file();
  std::optional<RetryAfter> check_tables();
  TableShapes read_shapes(const TableShapes& needed);
  Outcome claim();
  std::optional<State> read_state();
  std::int64_t write_claim();
  Stopped fenced() const;

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
  std::optional<std::int64_t> incarnation_;  // ours, since the first open

  std::atomic<bool> interrupted_ = false;
  std::mutex mutex_;  // guards the life of the database against `interrupt`
  SqliteDatabase database_;
  std::optional<Session> session_;  // ends before the database
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
    return claim();
  });
  // A claim in doubt is simply made again.
  if (auto* const doubt = std::get_if<InDoubt>(&outcome)) return RetryAfter{Duration(), std::move(doubt->reason)};
  return outcome;
}

void SqliteSink::open_file() {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(options_.path.c_str(), &opened, flags, nullptr);
  {
    const std::lock_guard lock(mutex_);
    database_.reset(opened);
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

Outcome SqliteSink::claim() {
  SqliteTransaction transaction(database_.get());
  if (incarnation_) {
    const std::optional<State> state = read_state();
    if (state && state->incarnation > *incarnation_) return fenced();
    if (state && state->incarnation == *incarnation_) return Delivered{};
    // The file is older than our claim: restored from a backup, or a new one. It is still ours.
  }
  const std::int64_t incarnation = write_claim();
  transaction.commit();
  incarnation_ = incarnation;
  return Delivered{};
}

std::optional<SqliteSink::State> SqliteSink::read_state() {
  SqliteStatement& query = session_->state;
  query.bind_all(std::string_view(identity_.gateway), std::string_view(identity_.sink));
  std::optional<State> state;
  if (query.step()) {
    state = {query.integer(0),
             {static_cast<std::uint64_t>(query.integer(1)), static_cast<std::uint64_t>(query.integer(2))}};
  }
  query.reset();
  return state;
}

std::int64_t SqliteSink::write_claim() {
  SqliteStatement claim(database_.get(), sqlite_claim_statement());
  claim.bind_all(std::string_view(identity_.gateway), std::string_view(identity_.sink),
                 static_cast<std::int64_t>(identity_.state_id), incarnation_.value_or(1));
  return claim.first_integer().value();
}

Stopped SqliteSink::fenced() const {
  return {options_.path + ": another instance has taken over gateway " + identity_.gateway + ", sink " +
          identity_.sink};
}

Outcome SqliteSink::deliver(const RowBatch& batch) {
  return guarded([&] { return store(batch); });
}

Outcome SqliteSink::store(const RowBatch& batch) {
  SqliteTransaction transaction(database_.get());
  const std::optional<State> state = read_state();
  if (!state || state->incarnation < *incarnation_) {
    return RetryAfter{Duration(), options_.path + ": the claim is gone from sink_state"};
  }
  if (state->incarnation > *incarnation_) return fenced();
  if (state->newest >= batch.id) return Delivered{};

  std::vector<RejectedRow> rejected;
  for (const WindowRows& window : batch.windows) store(window, batch.id.epoch, transaction, rejected);
  SqliteStatement& set_epoch = session_->set_epoch;
  set_epoch.bind_all(static_cast<std::int64_t>(batch.id.run), static_cast<std::int64_t>(batch.id.epoch),
                     std::string_view(identity_.gateway), std::string_view(identity_.sink));
  set_epoch.run();
  transaction.commit();
  return Delivered{std::move(rejected)};
}

// Rows that are no more go first, so that a condition of the user on sessions (that they do not overlap) holds.
// A statement that fails leaves the transaction as it was before it, so a bad row costs nothing but itself.
void SqliteSink::store(const WindowRows& window, std::uint64_t epoch, const SqliteTransaction& transaction,
                       std::vector<RejectedRow>& rejected) {
  const auto each_row = [&](bool retracted, const auto& statement) {
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      const SinkRow& row = window.rows[i];
      if ((row.state == RowState::retracted) != retracted) continue;
      try {
        statement(i);
      } catch (const SqliteError& error) {
        if (!is_bad_row(error.code()) || !transaction.alive()) throw;
        rejected.push_back(
            {inputs_[window.input].name, row.series->sensor, row.series->metric, row.start, error.what()});
      }
    }
  };
  each_row(true, [&](std::size_t i) { retract(window, i); });
  each_row(false, [&](std::size_t i) { insert(window, i, epoch); });
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
  statement.bind_all(row.start.count(), series_id, end_of(row), state_name(row.state),
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
  std::optional<State> state;
  const Outcome outcome = guarded([&]() -> Outcome {
    state = read_state();
    return Delivered{};
  });
  if (const auto* later = std::get_if<RetryAfter>(&outcome)) return *later;
  if (const auto* stopped = std::get_if<Stopped>(&outcome)) return *stopped;
  if (!state || state->incarnation != *incarnation_ || state->newest == EpochId{}) return std::nullopt;
  return state->newest;
}

void SqliteSink::drop() noexcept {
  session_.reset();
  SqliteDatabase ending;  // closed after the lock is free: the last one to close writes the log back into the file
  const std::lock_guard lock(mutex_);
  ending = std::move(database_);
}

void SqliteSink::close() noexcept {
  drop();
  interrupted_ = false;
}

void SqliteSink::interrupt() noexcept {
  interrupted_ = true;
  const std::lock_guard lock(mutex_);
  if (database_) sqlite3_interrupt(database_.get());
}

}  // namespace

std::unique_ptr<Sink> make_sqlite_sink(SqliteOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs) {
  return std::make_unique<SqliteSink>(std::move(options), std::move(identity), std::move(inputs));
}

std::string sqlite_ddl(const std::vector<WindowSchema>& inputs) {
  return sqlite_tables_ddl(inputs) + sqlite_views_ddl(inputs);
}

}  // namespace edgetide
