#include "tests/sinks/postgres_database.h"

#include <chrono>
#include <memory>
#include <pqxx/pqxx>
#include <signal.h>
#include <thread>

namespace edgetide::test {

TextRows query(const std::string& connection, const std::string& sql) {
  pqxx::connection session(connection);
  pqxx::nontransaction statement(session);
  statement.exec("SET synchronous_commit = local");  // never waits for the standby that a test made up
  TextRows rows;
  for (const auto& row : statement.exec(sql)) {
    auto& texts = rows.emplace_back();
    for (const auto& field : row) {
      texts.push_back(field.is_null() ? std::nullopt : std::optional(std::string(field.c_str())));
    }
  }
  return rows;
}

PostgresServer& postgres_server() {
  static PostgresServer server;
  return server;
}

PostgresDatabase::PostgresDatabase() {
  static int number = 0;
  name_ = "test" + std::to_string(++number);
  test::query(postgres_server().connection("postgres"), "CREATE DATABASE " + name_);
}

PostgresOptions PostgresDatabase::options() const {
  PostgresOptions options;
  options.connection = "host=" + postgres_server().host() + " dbname=" + name_;
  options.user = "postgres";
  return options;
}

TextRows PostgresDatabase::query(const std::string& sql) const {
  return test::query(connection(), sql);
}

std::string PostgresDatabase::value(const std::string& sql) const {
  return query(sql).at(0).at(0).value();
}

void PostgresDatabase::wait_for_session_waiting_for(const std::string& event) const {
  while (!has_session_waiting_for(event)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

bool PostgresDatabase::has_session_waiting_for(const std::string& event) const {
  return !query(
              "SELECT FROM pg_stat_activity WHERE application_name = 'edgetide' AND datname = current_database() "
              "AND '" +
              event + "' IN (wait_event_type, wait_event)")
              .empty();
}

void PostgresDatabase::terminate_sessions() const {
  execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE application_name = 'edgetide' AND datname = current_database()");
}

void PostgresDatabase::kill_sessions() const {
  const TextRows backends =
      query("SELECT pid FROM pg_stat_activity WHERE application_name = 'edgetide' AND datname = current_database()");
  for (const auto& backend : backends) kill(std::stoi(*backend[0]), SIGKILL);
}

struct TableLock::Session {
  Session(const std::string& conninfo, const std::string& table) : connection(conninfo), transaction(connection) {
    transaction.exec("LOCK TABLE " + table);
  }
  pqxx::connection connection;
  pqxx::work transaction;
};

TableLock::TableLock(const PostgresDatabase& database, const std::string& table)
    : session_(std::make_unique<Session>(database.connection(), table)) {}
TableLock::~TableLock() = default;
void TableLock::release() noexcept {
  session_.reset();
}

}  // namespace edgetide::test
