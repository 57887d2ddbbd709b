#include "sinks/sqlite_database.h"

#include <cmath>
#include <sqlite3.h>

namespace edgetide {

SqliteError::SqliteError(int code, sqlite3* database)
    : std::runtime_error(database == nullptr ? "out of memory" : sqlite3_errmsg(database)), code_(code & 0xff) {}

void CloseSqlite::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

bool has_moved(sqlite3* database) noexcept {
  int moved = 0;
  return sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
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
