#include "sinks/sqlite_sink.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <set>
#include <span>
#include <sqlite3.h>
#include <string_view>
#include <unistd.h>
#include <unordered_map>
#include <utility>

#include "daemon/service/clock.h"
#include "daemon/service/mutex.h"
#include "sinks/kept_tables.h"
#include "sinks/refused_tables.h"
#include "sinks/row_addition.h"
#include "sinks/row_guard.h"
#include "sinks/row_json.h"
#include "sinks/schema_version.h"
#include "sinks/sql_text.h"
#include "sinks/sqlite_database.h"
#include "sinks/sqlite_schema.h"
#include "sinks/store_claim.h"

namespace edgetide {

namespace {

constexpr int busy_pause_ms = 10;
// The store keeps whole seconds: rows until here were stored by then.
constexpr Duration almost_a_second = Duration::microseconds(999'999);
constexpr Duration look_again = Duration::seconds(5);  // at a file that somebody has to repair: it costs little

// Generated columns are not among those that the pragma lists.
constexpr const char* shapes_query = "SELECT name FROM pragma_table_info(?)";
constexpr const char* numbers_query =
    "SELECT name FROM pragma_table_info(?) WHERE type IN ('INTEGER', 'REAL', 'BLOB') AND NOT \"notnull\"";

constexpr const char* claim_skipped = "the table sink_state takes no row, without an error (a trigger?); rows wait";
constexpr int check_share = 20;  // so many times longer than a check of the whole file it is not checked again

bool is_bad_row(int code) noexcept {
  return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

// A trigger of the user can fail like this for one row, and a table of another shape for all.
bool may_be_content(int code) noexcept {
  return is_bad_row(code) || code == SQLITE_ERROR || code == SQLITE_ABORT;
}

// The outcome of one batch, row by row.
struct RowOutcomes {
  struct Suspect {
    std::size_t input;
    SqliteError error;
  };
  std::vector<RejectedRow> rejected;
  std::vector<Suspect> suspects;  // rejected ones whose code does not say that it is for their content
  std::vector<bool> accepted;     // by input: some row was
};

// A row that the store refused is in it all the same.
struct RowStays {};

// A row took the whole transaction with it.
struct TransactionLost {
  const SinkRow* row;
  SqliteError error;
};

std::optional<std::int64_t> end_of(const SinkRow& row) {
  return row.end == Timestamp::latest() ? std::nullopt : std::optional(row.end.count());
}

// An open file and the statements prepared for it.
struct Session {
  Session(sqlite3* opened, const std::vector<WindowSchema>& inputs, const std::vector<ColumnNames>& former)
      : state(opened,
              "SELECT incarnation, run, epoch, state_id, CAST(strftime('%s', updated_at) AS INTEGER) * 1000000, "
              "claimed_by, CAST(strftime('%s', claimed_at) AS INTEGER) * 1000000 FROM sink_state WHERE gateway = ? AND "
              "sink = ?"),
        set_epoch(opened,
                  "UPDATE sink_state SET run = ?, epoch = ?, updated_at = CURRENT_TIMESTAMP WHERE gateway = ? AND "
                  "sink = ?"),
        find_series(opened,
                    "SELECT series_id FROM series WHERE gateway = ? AND grouped = ? AND sensor_id = ? AND metric = ?"),
        add_series(opened,
                   "INSERT INTO series (gateway, grouped, sensor_id, metric, unit, labels) VALUES (?, ?, ?, ?, ?, ?) "
                   "RETURNING series_id") {
    for (std::size_t input = 0; input < inputs.size(); ++input) {
      const WindowSchema& window = inputs[input];
      insert.push_back(std::make_unique<SqliteStatement>(opened, sqlite_insert_statement(window, former[input])));
      accounted.push_back(std::make_unique<SqliteStatement>(opened, sqlite_accounted_query(window)));
      retract.push_back(std::make_unique<SqliteStatement>(opened, sqlite_retract_statement(window)));
      retractable.push_back(std::make_unique<SqliteStatement>(opened, sqlite_retractable_query(window)));
      stored_row.push_back(std::make_unique<SqliteStatement>(opened, sqlite_stored_row_query(window)));
      change.push_back(std::make_unique<SqliteStatement>(opened, sqlite_change_statement(window, former[input])));
    }
  }

  SqliteStatement state;
  SqliteStatement set_epoch;
  SqliteStatement find_series;
  SqliteStatement add_series;
  bool each_row_apart = false;  // in a savepoint: something fails without undoing what it has done
  // By input:
  std::vector<std::unique_ptr<SqliteStatement>> insert, accounted, retract, retractable, stored_row, change;
};

class SqliteClaim final : public ClaimTransaction {
 public:
  SqliteClaim(sqlite3* database, Session& session, const SinkIdentity& identity)
      : transaction_(database), database_(database), session_(session), identity_(identity) {}

  const SqliteTransaction& transaction() const noexcept { return transaction_; }

  std::optional<ClaimState> read_state() override;
  std::int64_t write_claim(const ClaimWish& wish) override;
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
    state = {.incarnation = query.integer(0),
             .newest = {static_cast<std::uint64_t>(query.integer(1)), static_cast<std::uint64_t>(query.integer(2))},
             .state_id = static_cast<std::uint64_t>(query.integer(3)),
             .updated_at = Timestamp::microseconds(query.integer(4)) + almost_a_second,
             .claimed_by = query.text(5),
             .claimed_at = Timestamp::microseconds(query.integer(6))};
  }
  query.reset();
  return state;
}

std::int64_t SqliteClaim::write_claim(const ClaimWish& wish) {
  SqliteStatement claim(database_, sqlite_claim_statement());
  claim.bind_all(std::string_view(identity_.gateway), std::string_view(identity_.sink),
                 static_cast<std::int64_t>(wish.state_id), wish.lowest, std::string_view(identity_.process));
  const std::optional<std::int64_t> incarnation = claim.first_integer();
  if (!incarnation) throw std::runtime_error(claim_skipped);
  return *incarnation;
}

void SqliteClaim::write_epoch(EpochId id) {
  session_.set_epoch.bind_all(static_cast<std::int64_t>(id.run), static_cast<std::int64_t>(id.epoch),
                              std::string_view(identity_.gateway), std::string_view(identity_.sink));
  if (!session_.set_epoch.run_and_change()) throw std::runtime_error(claim_skipped);
}

class SqliteSink final : public Sink {
 public:
  SqliteSink(SqliteOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs)
      : options_(std::move(options)),
        identity_(std::move(identity)),
        inputs_(std::move(inputs)),
        claim_(options_.path, identity_),
        refused_tables_(inputs_.size()),
        kept_tables_(inputs_.size()) {}

  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override;
  void take_over() noexcept override { claim_.take_over(); }
  void close() noexcept override;
  void interrupt() noexcept override;

 private:
  template <typename Step>
  Outcome guarded(const Step& step);
  Outcome outcome_of(SqliteFiles files) const;
  Outcome outcome_of(const SqliteError& error);
  void drop() noexcept;
  void require_file() const;
  void require_content();
  std::optional<RetryAfter> bound_log();
  bool is_emptied();
  bool is_changed_by_others();
  void delete_old_rows();
  bool delete_old_rows(const WindowSchema& window, Duration kept);
  void empty_log() noexcept;
  void leave_moved_file(SqliteFiles files) noexcept;
  void open_file();
  std::optional<RetryAfter> check_tables();
  TableShapes read_shapes(const TableShapes& needed, const std::string& query = shapes_query);
  SchemaVersions read_versions();

  Outcome store(const RowBatch& batch);
  Outcome store_once(const RowBatch& batch);
  Outcome store_with_care(const RowBatch& batch);
  void judge(const RowOutcomes& outcomes) const;
  std::optional<std::int64_t> find_series(const Series& series);
  std::optional<std::int64_t> add_series(const Series& series);
  void store(const WindowRows& window, std::uint64_t epoch, const SqliteTransaction& transaction,
             RowOutcomes& outcomes);
  void reject(const WindowRows& window, const SinkRow& row, const std::string& reason, RowOutcomes& outcomes);
  const char* write_apart(const WindowRows& window, std::size_t row, std::uint64_t epoch);
  const char* write(const WindowRows& window, std::size_t row, std::uint64_t epoch);
  // Why the store has skipped the row without an error; null: it has not.
  const char* insert(const WindowRows& window, std::size_t row, std::uint64_t epoch);
  const char* add(const WindowRows& window, std::size_t row, std::uint64_t epoch);
  const char* retract(const WindowRows& window, std::size_t row);
  bool is_accounted_for(const WindowRows& window, std::size_t row, std::int64_t series_id, std::uint64_t epoch);

  static int on_busy(void* sink, int tries) noexcept;

  const SqliteOptions options_;
  const SinkIdentity identity_;
  const std::vector<WindowSchema> inputs_;
  StoreClaim claim_;
  RefusedTables refused_tables_;
  unsigned refusals_ = 0;   // of deliveries, in a row
  bool lost_rows_ = false;  // a table was new or empty, and no claim has said so yet
  KeptTables kept_tables_;
  std::optional<std::int64_t> version_;                               // of the data, that others change
  std::chrono::steady_clock::time_point next_deletion_;               // of old rows
  std::string warning_;                                               // of the last one
  std::unordered_map<const SinkRow*, SqliteError> ends_transaction_;  // rows of this delivery that do

  std::atomic<bool> interrupted_ = false;
  Mutex mutex_;
  sqlite3* to_interrupt_ GUARDED_BY(mutex_) = nullptr;  // the database while there is one
  SqliteDatabase database_;                             // the worker's thread only
  bool has_log_ = false;                                // a write-ahead log
  bool damaged_ = false;                                // the file, when it was looked at last
  std::optional<SqliteStamp> stamp_;                    // of the file, after our last delivery
  std::chrono::steady_clock::time_point next_check_;    // of its content, at the earliest
  std::optional<Session> session_;                      // ends before the database
};

constexpr const char* file_moved =
    ": the file was removed, renamed, emptied or replaced by another; opens it again. What was stored before is where "
    "the "
    "old file is";
constexpr const char* file_damaged =
    ": the file is damaged: something else has written to it. Repair it, or move it away and a new one is made; rows "
    "wait";
constexpr const char* log_removed =
    ": the write-ahead log beside the file was removed; opens it again. All that was stored is in the file";

// Thrown where the open file is no longer the one at the path.
struct FileMoved : std::exception {
  explicit FileMoved(SqliteFiles seen) : files(seen) {}
  SqliteFiles files;
};

void SqliteSink::require_file() const {
  const SqliteFiles files = check_files(database_.get(), has_log_);
  if (files != SqliteFiles::intact) throw FileMoved(files);
}

// A file that somebody else has changed since our last delivery is read once, and so is one that was damaged: what is
// in its log hides the damage from SQLite, until the log is written into the file. At most a twentieth of the time.
void SqliteSink::require_content() {
  const std::optional<SqliteStamp> stamp = stamp_of(options_.path);
  const bool changed = stamp_ && stamp != stamp_;
  const auto began = std::chrono::steady_clock::now();
  if (!damaged_ && (!changed || began < next_check_)) return;
  const std::string fault = check_content(options_.path);
  const auto ended = std::chrono::steady_clock::now();
  next_check_ = ended + check_share * (ended - began);
  if (!fault.empty()) throw FileMoved(SqliteFiles::damaged);
  damaged_ = false;
  stamp_ = stamp;
}

// The log cannot be written from its beginning while a reader has a snapshot that begins in it.
std::optional<RetryAfter> SqliteSink::bound_log() {
  std::error_code missing;
  const std::uintmax_t bytes = std::filesystem::file_size(options_.path + "-wal", missing);
  if (missing || bytes <= options_.max_log_bytes) return std::nullopt;
  SqliteStatement checkpoint(database_.get(), "PRAGMA wal_checkpoint(TRUNCATE)");
  if (checkpoint.first_integer() == 0) return std::nullopt;
  return once_somebody_acts(options_.path + ": a reader holds the write-ahead log, which has reached " +
                                std::to_string(bytes / (1024 * 1024)) +
                                " MiB: some program keeps one transaction open; "
                                "rows wait until it ends",
                            look_again);
}

bool SqliteSink::is_emptied() {
  const auto has_rows = [&](std::size_t input) {
    SqliteStatement any(database_.get(),
                        "SELECT 1 FROM " + quote_identifier(inputs_[input].name + "_data") + " LIMIT 1");
    if (any.first_integer().has_value()) return true;
    const auto kept = retention_of(options_.retention, inputs_[input].name);
    return kept && kept_tables_.newest_start(input) < wall_time() - *kept;  // it was too old
  };
  if (kept_tables_.are_emptied(has_rows)) lost_rows_ = true;
  return lost_rows_;
}

// Not by us: SQLite counts what is committed through other connections.
bool SqliteSink::is_changed_by_others() {
  const auto version = SqliteStatement(database_.get(), "PRAGMA data_version").first_integer();
  return std::exchange(version_, version) != version;
}

// In separate transactions: rows are stored also when one of them fails.
void SqliteSink::delete_old_rows() {
  const auto now = std::chrono::steady_clock::now();
  if (options_.retention.empty() || now < next_deletion_) return;
  next_deletion_ = now + std::chrono::minutes(1);
  warning_.clear();
  for (const WindowSchema& window : inputs_) {
    const auto kept = retention_of(options_.retention, window.name);
    try {
      if (kept && delete_old_rows(window, *kept)) next_deletion_ = now;
    } catch (const SqliteError& error) {
      if (error.code() == SQLITE_CORRUPT || error.code() == SQLITE_NOTADB) throw;
      warning_ = "old rows of table " + window.name + "_data are not deleted: " + error.what();
    }
  }
}

// Whether some are left.
bool SqliteSink::delete_old_rows(const WindowSchema& window, Duration kept) {
  SqliteTransaction transaction(database_.get());
  SqliteStatement newest(database_.get(), sqlite_newest_time_query(window));
  const std::optional<std::int64_t> last = newest.first_integer();
  if (!last) return false;
  const Timestamp until = std::min(Timestamp::microseconds(*last), wall_time());
  SqliteStatement deletion(database_.get(), sqlite_delete_old_statement(window));
  deletion.bind_all((until - kept).count(), static_cast<std::int64_t>(max_rows_deleted_at_once));
  deletion.run();
  const auto deleted = static_cast<std::size_t>(sqlite3_changes(database_.get()));
  transaction.commit();
  if (stamp_) stamp_ = stamp_of(options_.path);
  return deleted == max_rows_deleted_at_once;
}

// So that the file alone has everything, and closing it needs no lock that a reader would see.
void SqliteSink::empty_log() noexcept {
  if (!database_ || damaged_ || !has_log_ || is_left_as_it_is(database_.get())) return;
  sqlite3_busy_timeout(database_.get(), 0);
  sqlite3_exec(database_.get(), "PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr, nullptr);
  leave_as_it_is(database_.get());
}

// All that was delivered goes into the file itself, so that it is whole wherever it is now; what is left beside the
// path would be taken for a part of the next file there.
void SqliteSink::leave_moved_file(SqliteFiles files) noexcept {
  session_.reset();
  damaged_ = files == SqliteFiles::damaged;
  if (damaged_ || files == SqliteFiles::emptied) return leave_as_it_is(database_.get());
  const int code = sqlite3_exec(database_.get(), "PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr, nullptr);
  if (code != SQLITE_OK || ::access(options_.path.c_str(), F_OK) == 0) return;
  for (const char* suffix : {"-wal", "-shm"}) ::unlink((options_.path + suffix).c_str());
}

// Every error ends here as an outcome, and the session with it.
template <typename Step>
Outcome SqliteSink::guarded(const Step& step) {
  Outcome outcome = RetryAfter{Duration(), "interrupted"};
  try {
    if (!interrupted_) outcome = step();
  } catch (const FileMoved& moved) {
    leave_moved_file(moved.files);
    outcome = outcome_of(moved.files);
  } catch (const SqliteInDoubt& error) {
    outcome = InDoubt{options_.path + ": " + error.what()};
  } catch (const SqliteError& error) {
    outcome = outcome_of(error);
  } catch (const std::bad_alloc&) {
    drop();
    throw;
  } catch (const std::exception& error) {
    outcome = once_somebody_acts(options_.path + ": " + error.what(), look_again);
  }
  if (!std::holds_alternative<Delivered>(outcome)) drop();
  return outcome;
}

Outcome SqliteSink::outcome_of(SqliteFiles files) const {
  if (files == SqliteFiles::damaged) return once_somebody_acts(options_.path + file_damaged, look_again);
  return RetryAfter{Duration(), options_.path + (files == SqliteFiles::without_log ? log_removed : file_moved)};
}

Outcome SqliteSink::outcome_of(const SqliteError& error) {
  const std::string reason = options_.path + ": " + error.what();
  switch (error.code()) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      damaged_ = true;
      leave_as_it_is(database_.get());
      return once_somebody_acts(reason + ": the file is damaged; repair it, or move it away and a new one is made",
                                look_again);
    case SQLITE_ERROR:  // a table of another shape
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_ABORT:
      return once_somebody_acts(reason, refusals_ <= tries_before_care ? first_tries_after : look_again);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return once_somebody_acts(reason, look_again);
    default:
      return RetryAfter{Duration(), reason};
  }
}

Outcome SqliteSink::open() {
  drop();
  Outcome outcome = guarded([&]() -> Outcome {
    open_file();
    if (check_files(database_.get(), has_log_) == SqliteFiles::damaged) throw FileMoved(SqliteFiles::damaged);
    require_content();
    if (auto later = check_tables()) return *std::move(later);
    session_.emplace(database_.get(), inputs_,
                     former_columns(read_shapes(sqlite_shapes(inputs_), numbers_query), inputs_));
    SqliteClaim transaction(database_.get(), *session_, identity_);
    Outcome claimed = claim_.claim(transaction, is_emptied());
    lost_rows_ = false;
    return claimed;
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
  SqliteStatement mode(opened, "PRAGMA journal_mode = WAL");
  has_log_ = mode.step() && mode.text(0) == "wal";  // some file systems cannot have one
  execute(opened, "PRAGMA synchronous = FULL");     // an epoch that we forget must be on the disk
  execute(opened, "PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 4194304");
}

int SqliteSink::on_busy(void* sink, int tries) noexcept {
  const auto* const self = static_cast<const SqliteSink*>(sink);
  if (self->interrupted_ || Duration::milliseconds(tries * busy_pause_ms) >= self->options_.busy_timeout) return 0;
  sqlite3_sleep(busy_pause_ms);
  return 1;
}

std::optional<RetryAfter> SqliteSink::check_tables() {
  const TableShapes needed = sqlite_shapes(inputs_);
  const TableShapes before = read_shapes(needed);
  const bool is_complete = missing_from(before, needed).empty();
  const SchemaVersions versions = read_versions();
  lost_rows_ = lost_rows_ || has_lost_tables(versions, before, inputs_);
  if (const std::string newer = newer_schema(versions, inputs_); !newer.empty()) {
    return once_somebody_acts(options_.path + ": " + newer, look_again);
  }
  if (is_complete && is_current(versions, inputs_)) return std::nullopt;
  SqliteTransaction transaction(database_.get());
  execute(database_.get(), sqlite_tables_ddl(inputs_));
  const TableShapes found = read_shapes(needed);
  for (const WindowSchema& window : inputs_) {
    const auto& columns = found.at(window.name + "_data");
    if (!columns.contains("row_labels")) execute(database_.get(), sqlite_add_row_labels(window));
    for (const Column& column : window.columns) {
      if (!columns.contains(column.sql_name())) execute(database_.get(), sqlite_add_column(window, column));
    }
  }
  execute(database_.get(), sqlite_views_ddl(inputs_));
  const std::vector<std::string> missing = missing_from(read_shapes(needed), needed);
  if (!missing.empty()) {
    return once_somebody_acts(options_.path + ": lacks " + joined(missing) + " although its tables were created",
                              look_again);
  }
  transaction.commit();
  return std::nullopt;
}

SchemaVersions SqliteSink::read_versions() {
  SchemaVersions versions;
  SqliteStatement table(database_.get(), "SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'");
  if (!table.first_integer()) return versions;
  SqliteStatement found(database_.get(), "SELECT part, version FROM schema_version");
  while (found.step()) versions[found.text(0)] = found.integer(1);
  found.reset();
  return versions;
}

TableShapes SqliteSink::read_shapes(const TableShapes& needed, const std::string& query) {
  SqliteStatement columns(database_.get(), query);
  TableShapes found;
  for (const auto& [table, ignored] : needed) {
    columns.bind_all(std::string_view(table));
    try {
      while (columns.step()) found[table].insert(columns.text(0));
    } catch (const SqliteError& error) {
      if (error.code() != SQLITE_ERROR) throw;  // else a view of a table that is missing is missing too
    }
  }
  return found;
}

Outcome SqliteSink::deliver(const RowBatch& batch) {
  ends_transaction_.clear();
  Outcome outcome = guarded([&] {
    try {
      return refusals_ < tries_before_care ? store(batch) : store_with_care(batch);
    } catch (const TransactionLost& lost) {
      ++refusals_;
      throw lost.error;
    } catch (const SqliteError& error) {
      if (may_be_content(error.code())) ++refusals_;
      throw;
    }
  });
  if (std::holds_alternative<Delivered>(outcome)) {
    refusals_ = 0;
    std::get<Delivered>(outcome).warning = warning_;
    sqlite3_db_release_memory(database_.get());  // its copy of pages of the file, which the system caches as well
  }
  return outcome;
}

// Again for each row that takes the transaction with it, without that row.
Outcome SqliteSink::store_with_care(const RowBatch& batch) {
  while (true) {
    try {
      return store(batch);
    } catch (const TransactionLost& lost) {
      ends_transaction_.emplace(lost.row, lost.error);
    }
  }
}

// A table that takes no row at all is not to lose them: somebody has to mend it.
void SqliteSink::judge(const RowOutcomes& outcomes) const {
  for (const RowOutcomes::Suspect& suspect : outcomes.suspects) {
    const bool purpose = is_bad_row(suspect.error.code()) && refusals_ >= tries_before_every_raise;
    if (!outcomes.accepted[suspect.input] && !purpose) throw suspect.error;
  }
  refused_tables_.judge();
}

Outcome SqliteSink::store(const RowBatch& batch) {
  try {
    return store_once(batch);
  } catch (const RowStays&) {
    session_->each_row_apart = true;
    return store_once(batch);
  }
}

Outcome SqliteSink::store_once(const RowBatch& batch) {
  require_file();
  require_content();
  if (auto later = bound_log()) return *std::move(later);
  delete_old_rows();
  SqliteClaim transaction(database_.get(), *session_, identity_);
  if (is_changed_by_others() && is_emptied()) return RetryAfter{Duration(), options_.path + emptied_table};
  Outcome outcome = claim_.store(transaction, batch.id, [&] {
    RowOutcomes outcomes{{}, {}, std::vector<bool>(inputs_.size())};
    refused_tables_.begin();
    for (const WindowRows& window : batch.windows) {
      store(window, batch.id.epoch, transaction.transaction(), outcomes);
    }
    judge(outcomes);
    return std::move(outcomes.rejected);
  });
  require_file();  // else it was stored in a file that is not at the path
  kept_tables_.note(batch, inputs_, outcome);
  stamp_ = stamp_of(options_.path);
  return outcome;
}

// Rows that are no more go first, so that a condition of the user on sessions (that they do not overlap) holds; what
// is added to a row comes last.
// A statement that fails leaves the transaction as it was before it, so a bad row costs nothing but itself, unless a
// trigger fails with RAISE(FAIL): that undoes nothing.
void SqliteSink::store(const WindowRows& window, std::uint64_t epoch, const SqliteTransaction& transaction,
                       RowOutcomes& outcomes) {
  constexpr auto turn_of = [](RowState state) {
    return state == RowState::retracted ? 0 : state == RowState::added ? 2 : 1;
  };
  for (const int turn : {0, 1, 2}) {
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      const SinkRow& row = window.rows[i];
      if (turn_of(row.state) != turn) continue;
      if (const auto ends = ends_transaction_.find(&row); ends != ends_transaction_.end()) {
        reject(window, row, ends->second.what(), outcomes);
        outcomes.suspects.push_back({window.input, ends->second});
        continue;
      }
      try {
        const char* const skipped = session_->each_row_apart ? write_apart(window, i, epoch) : write(window, i, epoch);
        if (skipped != nullptr) {
          reject(window, row, skipped, outcomes);
          continue;
        }
        outcomes.accepted[window.input] = true;
        if (turn > 0) refused_tables_.accept(window.input);
      } catch (const SqliteError& error) {
        const bool careful = refusals_ >= tries_before_care && may_be_content(error.code());
        if (!careful && !is_bad_row(error.code())) throw;
        if (!transaction.alive()) throw TransactionLost{&row, error};
        if (!session_->each_row_apart && sqlite3_changes(database_.get()) > 0) throw RowStays{};
        reject(window, row, error.what(), outcomes);
        if (!is_bad_row(error.code())) outcomes.suspects.push_back({window.input, error});
      }
    }
  }
}

const char* SqliteSink::write_apart(const WindowRows& window, std::size_t i, std::uint64_t epoch) {
  execute(database_.get(), "SAVEPOINT one_row");
  try {
    const char* const skipped = write(window, i, epoch);
    execute(database_.get(), "RELEASE one_row");
    return skipped;
  } catch (const SqliteError&) {
    const bool alive = sqlite3_get_autocommit(database_.get()) == 0;
    if (alive) execute(database_.get(), "ROLLBACK TO one_row; RELEASE one_row");
    throw;
  }
}

const char* SqliteSink::write(const WindowRows& window, std::size_t i, std::uint64_t epoch) {
  switch (window.rows[i].state) {
    case RowState::retracted:
      return retract(window, i);
    case RowState::added:
      return add(window, i, epoch);
    default:
      return insert(window, i, epoch);
  }
}

void SqliteSink::reject(const WindowRows& window, const SinkRow& row, const std::string& reason,
                        RowOutcomes& outcomes) {
  refused_tables_.refuse(window.input, *row.series, reason);
  outcomes.rejected.push_back({inputs_[window.input].name, row.series->sensor, row.series->metric, row.start, reason});
}

const char* SqliteSink::retract(const WindowRows& window, std::size_t i) {
  const SinkRow& row = window.rows[i];
  const std::optional<std::int64_t> series_id = find_series(*row.series);
  if (!series_id) return nullptr;
  const auto bound = [&](SqliteStatement& statement) -> SqliteStatement& {
    statement.bind_all(row.start.count(), *series_id, static_cast<std::int64_t>(claim_.state_id()),
                       static_cast<std::int64_t>(row.revision));
    return statement;
  };
  if (bound(*session_->retract[window.input]).run_and_change()) return nullptr;
  return bound(*session_->retractable[window.input]).first_integer() ? skipped_retraction : nullptr;
}

const char* SqliteSink::insert(const WindowRows& window, std::size_t i, std::uint64_t epoch) {
  const std::vector<Column>& columns = inputs_[window.input].columns;
  const SinkRow& row = window.rows[i];
  const std::optional<std::int64_t> known = find_series(*row.series);
  const std::optional<std::int64_t> series_id = known ? known : add_series(*row.series);
  if (!series_id) return skipped_series;
  SqliteStatement& statement = *session_->insert[window.input];
  const std::string labels = json_of(row.series->labels);
  const RowState state = row.state == RowState::added ? RowState::final : row.state;
  statement.bind_all(row.start.count(), *series_id, end_of(row), name_of(state), std::int64_t{state == RowState::final},
                     static_cast<std::int64_t>(row.revision), static_cast<std::int64_t>(epoch),
                     static_cast<std::int64_t>(claim_.state_id()), std::string_view(labels));
  const auto values = window.values_of(i, columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    columns[c].bytes ? statement.bind_bytes(row.sketch.get()) : statement.bind(values[c], columns[c].integer);
  }
  if (statement.run_and_change() || is_accounted_for(window, i, *series_id, epoch)) return nullptr;
  return skipped_row;
}

bool SqliteSink::is_accounted_for(const WindowRows& window, std::size_t i, std::int64_t series_id,
                                  std::uint64_t epoch) {
  const WindowSchema& schema = inputs_[window.input];
  const SinkRow& row = window.rows[i];
  SqliteStatement& query = *session_->accounted[window.input];
  query.bind_all(row.start.count(), series_id, static_cast<std::int64_t>(epoch),
                 static_cast<std::int64_t>(claim_.state_id()), static_cast<std::int64_t>(row.revision));
  if (const std::optional<std::size_t> number = reading_number_column(schema)) {
    query.bind(window.values_of(i, schema.columns.size())[*number], schema.columns[*number].integer);
  }
  return query.first_integer().has_value();
}

// To the row that is there, or as the row.
const char* SqliteSink::add(const WindowRows& window, std::size_t i, std::uint64_t epoch) {
  const WindowSchema& schema = inputs_[window.input];
  const SinkRow& row = window.rows[i];
  const std::optional<std::int64_t> series_id = find_series(*row.series);
  SqliteStatement& stored_row = *session_->stored_row[window.input];
  if (series_id) stored_row.bind_all(row.start.count(), *series_id);
  if (!series_id || !stored_row.step()) return insert(window, i, epoch);
  std::vector<double> values;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) values.push_back(stored_row.real(static_cast<int>(c) + 1));
  stored_row.reset();
  RowAddition(schema).add(values, window.values_of(i, schema.columns.size()));
  SqliteStatement& change = *session_->change[window.input];
  change.bind_all(row.start.count(), *series_id, static_cast<std::int64_t>(epoch),
                  static_cast<std::int64_t>(claim_.state_id()));
  for (std::size_t c = 0; c < schema.columns.size(); ++c) change.bind(values[c], schema.columns[c].integer);
  return change.run_and_change() ? nullptr : skipped_row;
}

// Looked up each time, a few microseconds: nothing to go stale when somebody edits the file.
std::optional<std::int64_t> SqliteSink::find_series(const Series& series) {
  session_->find_series.bind_all(std::string_view(identity_.gateway), std::int64_t{series.grouped},
                                 std::string_view(series.sensor), std::string_view(series.metric));
  return session_->find_series.first_integer();
}

// Nothing: the store has skipped it.
std::optional<std::int64_t> SqliteSink::add_series(const Series& series) {
  const std::string labels = json_of(series.labels);
  session_->add_series.bind_all(std::string_view(identity_.gateway), std::int64_t{series.grouped},
                                std::string_view(series.sensor), std::string_view(series.metric),
                                std::string_view(series.unit), std::string_view(labels));
  return session_->add_series.first_integer();
}

LastEpoch SqliteSink::last_epoch() {
  std::optional<EpochId> newest;
  const Outcome outcome = guarded([&]() -> Outcome {
    require_file();
    delete_old_rows();
    SqliteClaim transaction(database_.get(), *session_, identity_);
    Outcome held = claim_.held(transaction);
    newest = claim_.newest(transaction);
    require_file();
    return held;
  });
  return last_epoch_of(outcome, newest);
}

void SqliteSink::drop() noexcept {
  session_.reset();
  {
    const MutexLock lock(mutex_);
    to_interrupt_ = nullptr;
  }
  empty_log();  // without the lock: it reads and writes
  database_.reset();
  if (stamp_ && !damaged_) stamp_ = stamp_of(options_.path);
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

// A folder that is missing is made by the gateway where it is its state directory.
std::string fault_of_sqlite(const SqliteOptions& options) {
  const std::filesystem::path path = options.path;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    if (!std::filesystem::exists(path.parent_path(), error)) return {};
    return ::access(path.parent_path().c_str(), W_OK | X_OK) == 0
               ? std::string()
               : path.parent_path().string() + ": no file can be made in this folder";
  }
  if (::access(path.c_str(), R_OK | W_OK) != 0) return options.path + ": may not be read and written";
  if (::access(path.parent_path().c_str(), W_OK | X_OK) != 0) {
    return path.parent_path().string() + ": the write-ahead log cannot be made in this folder";
  }
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(options.path.c_str(), &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  const SqliteDatabase database(opened);
  try {
    if (code != SQLITE_OK) throw SqliteError(code, opened);
    SqliteStatement(opened, "SELECT count(*) FROM sqlite_schema").run();
  } catch (const std::exception& failure) {
    return options.path + ": " + failure.what();
  }
  return {};
}

std::string copy_sqlite(const SqliteOptions& options, const std::string& folder) {
  const std::filesystem::path from = options.path, to = std::filesystem::path(folder) / from.filename();
  std::error_code error;
  if (!std::filesystem::exists(from, error)) return error ? options.path + ": " + error.message() : std::string();
  if (std::filesystem::exists(to, error)) return to.string() + " is there already";
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(from.c_str(), &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  const SqliteDatabase database(opened);
  try {
    if (code != SQLITE_OK) throw SqliteError(code, opened);
    sqlite3_busy_timeout(opened, static_cast<int>(options.busy_timeout.count() / 1000));
    SqliteStatement copy(opened, "VACUUM INTO ?");
    copy.bind_all(std::string_view(to.native()));
    copy.run();
  } catch (const std::exception& failure) {
    return options.path + ": " + failure.what();
  }
  return {};
}

std::string sqlite_ddl(const std::vector<WindowSchema>& inputs) {
  return sqlite_tables_ddl(inputs) + sqlite_views_ddl(inputs);
}

}  // namespace edgetide
