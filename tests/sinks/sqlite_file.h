// A separate folder for a SQLite file, which tests read without the sink.
//
// Owns: the folder; the destructor removes it. Fails: std::runtime_error, which fails the test.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <sqlite3.h>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <vector>

namespace edgetide::test {

class SqliteFile {
 public:
  SqliteFile() : folder_((std::filesystem::temp_directory_path() / "edgetide-sqlite-XXXXXX").string()) {
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~SqliteFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  std::string path() const { return folder_ + "/edgetide.db"; }

  // On its own connection; `row` is called for each row while it stands.
  void each_row(const std::string& sql, const std::function<void(sqlite3_stmt*)>& row) const {
    sqlite3* database = nullptr;
    check(sqlite3_open(path().c_str(), &database), database);
    sqlite3_busy_timeout(database, 60'000);
    for (const char* rest = sql.c_str(); *rest != '\0';) {
      sqlite3_stmt* statement = nullptr;
      check(sqlite3_prepare_v2(database, rest, -1, &statement, &rest), database);
      int code = SQLITE_DONE;
      while (statement != nullptr && (code = sqlite3_step(statement)) == SQLITE_ROW) row(statement);
      sqlite3_finalize(statement);
      check(code == SQLITE_DONE ? SQLITE_OK : code, database);
    }
    sqlite3_close(database);
  }

 private:
  static void check(int code, sqlite3* database) {
    if (code == SQLITE_OK) return;
    const std::string message = sqlite3_errmsg(database);
    sqlite3_close(database);
    throw std::runtime_error(message);
  }

  std::string folder_;
};

}  // namespace edgetide::test
