// A SQLite file as objects that let go of what they hold: errors, statements, transactions.
//
// Owns:   each its own handle. Thread: one at a time.
// Fails:  SqliteError; SqliteInDoubt from `commit` when the file may or may not have the transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace edgetide {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, sqlite3* database);
  int code() const noexcept { return code_; }  // the primary code

 private:
  int code_;
};

class SqliteInDoubt : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct CloseSqlite {
  void operator()(sqlite3* database) const noexcept;
};
using SqliteDatabase = std::unique_ptr<sqlite3, CloseSqlite>;

// What happened to the files since they were opened; unless they are intact, what is written is not found at the path.
enum class SqliteFiles {
  intact,
  moved,        // removed, renamed or replaced
  emptied,      // what it held is gone, what comes from memory would be a part of it
  without_log,  // the write-ahead log or its index was removed
  damaged,      // its first bytes are not those of a database
};
// `has_log`: once something was written there is one.
SqliteFiles check_files(sqlite3* database, bool has_log) noexcept;

// Differs after any change of the file.
struct SqliteStamp {
  std::int64_t bytes = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const SqliteStamp&) const = default;
};
// Nothing if there is no file.
std::optional<SqliteStamp> stamp_of(const std::string& path) noexcept;

// Reads the whole file, apart from what any open connection knows of it. What is wrong with it; empty: nothing.
std::string check_content(const std::string& path);

// When it is closed nothing more is written.
void leave_as_it_is(sqlite3* database) noexcept;
bool is_left_as_it_is(sqlite3* database) noexcept;

// Statements without results.
void execute(sqlite3* database, const std::string& sql);

// One prepared statement.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* database, const std::string& sql);
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  // The parameters from the first one on; further calls of `bind` go on behind them.
  void bind_all(const auto&... values) {
    reset();
    (bind(values), ...);
  }
  void bind(std::int64_t value);
  void bind(std::optional<std::int64_t> value);
  void bind(std::string_view text);
  // Null if it is not finite; an integer, if it shall be one and is.
  void bind(double value, bool integer);

  void bind_bytes(const std::string* bytes);  // null: null

  // True when there is a row to read.
  bool step();
  std::int64_t integer(int column);
  double real(int column);  // NaN: it is null
  std::string text(int column);

  // Steps to the end and lets go of what the statement holds; the first column of its first row, if there is one.
  std::optional<std::int64_t> first_integer();
  void run() { first_integer(); }
  // The same; whether it has changed a row, apart from what triggers did.
  bool run_and_change();
  void reset() noexcept;

 private:
  void check(int code) const;

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

// Takes the write lock at once, so that it cannot be lost half-way. Rolls back unless committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(sqlite3* database);
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

  void commit();
  // False when an error has made SQLite roll it back.
  bool alive() const noexcept;

 private:
  sqlite3* database_;
};

}  // namespace edgetide
