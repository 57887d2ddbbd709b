// A separate database for a test, on a server that all tests of the program share.
//
// Thread: the test's. Fails: exceptions of libpqxx, which fail the test.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sinks/postgres_sink.h"
#include "tests/fakes/postgres_server.h"

namespace edgetide::test {

// Started at the first call, ended with the program.
PostgresServer& postgres_server();

using TextRows = std::vector<std::vector<std::optional<std::string>>>;

// On its own connection, outside of any transaction.
TextRows query(const std::string& connection, const std::string& sql);

class PostgresDatabase {
 public:
  PostgresDatabase();

  const std::string& name() const noexcept { return name_; }
  std::string connection() const { return postgres_server().connection(name_); }
  PostgresOptions options() const;

  // Each on its own connection, outside of any transaction.
  void execute(const std::string& sql) const { query(sql); }
  TextRows query(const std::string& sql) const;
  // The one value of a result.
  std::string value(const std::string& sql) const;

  // Waits until a session of Edgetide in this database stands in that state: "Lock", "SyncRep", ...
  void wait_for_session_waiting_for(const std::string& event) const;
  bool has_session_waiting_for(const std::string& event) const;
  void terminate_sessions() const;
  // kill -9 of their backends; the server then recovers as after a crash.
  void kill_sessions() const;

 private:
  std::string name_;
};

// Holds a table against everybody else until it ends.
class TableLock {
 public:
  TableLock(const PostgresDatabase& database, const std::string& table);
  ~TableLock();
  void release() noexcept;

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace edgetide::test
