#include "sinks/sqlite_database.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace edgetide {

SqliteError::SqliteError(int code, sqlite3* database)
    : std::runtime_error(database == nullptr ? "out of memory" : sqlite3_errmsg(database)), code_(code & 0xff) {}

void CloseSqlite::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

namespace {

// Through SQLite's own handle: to close another one would end its locks. What is in the log hides the file from it.
bool begins_as_database(sqlite3* database) noexcept {
  constexpr int head_bytes = 100;
  constexpr char magic[] = "SQLite format 3";
  unsigned char head[head_bytes] = {};
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr) {
    return true;  // not known
  }
  const int code = file->pMethods->xRead(file, head, head_bytes, 0);
  if (code == SQLITE_IOERR_SHORT_READ) return false;
  if (code != SQLITE_OK) return true;
  return std::memcmp(head, magic, sizeof magic) == 0 && head[21] == 64 && head[22] == 32 && head[23] == 32;
}

}  // namespace

std::optional<SqliteStamp> stamp_of(const std::string& path) noexcept {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  constexpr std::int64_t second_ns = 1'000'000'000;
  return SqliteStamp{found.st_size, found.st_mtim.tv_sec * second_ns + found.st_mtim.tv_nsec};
}

std::string check_content(const std::string& path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const SqliteDatabase database(opened);
  if (code != SQLITE_OK) throw SqliteError(code, opened);
  leave_as_it_is(opened);
  SqliteStatement check(opened, "PRAGMA quick_check(1)");
  const std::string answer = check.step() ? check.text(0) : std::string();
  return answer == "ok" ? std::string() : answer;
}

// The log stays as long as the file is open.
SqliteFiles check_files(sqlite3* database, bool has_log) noexcept {
  int moved = 0;
  const int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (code == SQLITE_OK && moved != 0) return SqliteFiles::moved;
  const char* const path = sqlite3_db_filename(database, "main");
  struct stat found = {};
  if (path == nullptr || ::stat(path, &found) != 0) return SqliteFiles::intact;
  if (found.st_size == 0) return SqliteFiles::emptied;
  if (!begins_as_database(database)) return SqliteFiles::damaged;
  const std::string log = path;
  const bool is_there = ::access((log + "-wal").c_str(), F_OK) == 0 && ::access((log + "-shm").c_str(), F_OK) == 0;
  return !has_log || is_there ? SqliteFiles::intact : SqliteFiles::without_log;
}

void leave_as_it_is(sqlite3* database) noexcept {
  sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

bool is_left_as_it_is(sqlite3* database) noexcept {
  int is_left = 0;
  sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1, &is_left);
  return is_left != 0;
}

void execute(sqlite3* database, const std::string& sql) {
  const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw SqliteError(code, database);
}

SqliteStatement::SqliteStatement(sqlite3* database, const std::string& sql) : database_(database) {
  check(sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
}

SqliteStatement::~SqliteStatement() {
  sqlite3_finalize(statement_);
}

void SqliteStatement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(statement_, ++bound_, value));
}

void SqliteStatement::bind(std::optional<std::int64_t> value) {
  if (value) return bind(*value);
  check(sqlite3_bind_null(statement_, ++bound_));
}

void SqliteStatement::bind(std::string_view text) {
  check(sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void SqliteStatement::bind(double value, bool integer) {
  if (!std::isfinite(value)) return check(sqlite3_bind_null(statement_, ++bound_));
  if (integer && std::abs(value) < 0x1p63) return bind(static_cast<std::int64_t>(value));
  check(sqlite3_bind_double(statement_, ++bound_, value));
}

void SqliteStatement::bind_bytes(const std::string* bytes) {
  if (bytes == nullptr) return check(sqlite3_bind_null(statement_, ++bound_));
  check(sqlite3_bind_blob64(statement_, ++bound_, bytes->data(), bytes->size(), SQLITE_TRANSIENT));
}

bool SqliteStatement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const SqliteError error(code, database_);  // the reset would overwrite its message
  reset();
  throw error;
}

std::int64_t SqliteStatement::integer(int column) {
  return sqlite3_column_int64(statement_, column);
}

double SqliteStatement::real(int column) {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement_, column);
}

std::string SqliteStatement::text(int column) {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? std::string() : std::string(text);
}

std::optional<std::int64_t> SqliteStatement::first_integer() {
  std::optional<std::int64_t> value;
  while (step()) {
    if (!value) value = integer(0);
  }
  reset();
  return value;
}

bool SqliteStatement::run_and_change() {
  run();
  return sqlite3_changes(database_) > 0;
}

void SqliteStatement::reset() noexcept {
  sqlite3_reset(statement_);
  bound_ = 0;
}

void SqliteStatement::check(int code) const {
  if (code != SQLITE_OK) throw SqliteError(code, database_);
}

SqliteTransaction::SqliteTransaction(sqlite3* database) : database_(database) {
  execute(database, "BEGIN IMMEDIATE");
}

SqliteTransaction::~SqliteTransaction() {
  if (alive()) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteTransaction::commit() {
  try {
    execute(database_, "COMMIT");
  } catch (const SqliteError& error) {
    if (error.code() == SQLITE_BUSY) throw;
    throw SqliteInDoubt(error.what());
  }
}

bool SqliteTransaction::alive() const noexcept {
  return sqlite3_get_autocommit(database_) == 0;
}

}  // namespace edgetide
