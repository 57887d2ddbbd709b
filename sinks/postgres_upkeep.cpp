#include "sinks/postgres_upkeep.h"

#include <limits>
#include <optional>

#include "pipeline/time_text.h"
#include "sinks/postgres_answer.h"

namespace edgetide {

namespace {

constexpr std::chrono::minutes between(10);
constexpr std::chrono::seconds while_more(1);  // old rows are left

// One gateway at a time; the key is that of the tables (postgres_sink.cpp) and one more.
constexpr const char* lock_for_upkeep = "SELECT pg_try_advisory_xact_lock(7306078180944208998)::int";
constexpr std::int64_t any_time = std::numeric_limits<std::int64_t>::max();

bool has_lost_link(const pqxx::failure& error) {
  return dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr ||
         dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr;
}

}  // namespace

void PostgresUpkeep::run(pqxx::connection& connection, bool may_create, const std::string& user) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_ || (partitions_.days == 0 && partitions_.retention.empty())) return;
  next_ = now + between;
  warning_.clear();
  has_more_ = false;
  for (const WindowSchema& window : names_.inputs) {
    try {
      keep_up(connection, window, may_create, user);
    } catch (const pqxx::failure& error) {
      if (has_lost_link(error)) throw;
      warn("upkeep of table " + window.name + "_data: " + reason_of(error) + "; its rows are stored all the same");
    }
  }
  if (has_more_) next_ = now + while_more;
}

void PostgresUpkeep::warn(const std::string& text) {
  warning_ += (warning_.empty() ? "" : ". ") + text;
}

PostgresUpkeep::Table PostgresUpkeep::read_table(pqxx::work& transaction, const WindowSchema& window) const {
  const PostgresAnswer found(execute(transaction, postgres_partitions_query(), {names_.schema, window.name + "_data"}),
                             "partitions", {.columns = 4, .least_rows = 1, .most_rows = 1});
  return {.is_partitioned = found.number(0, 0, 0, 1) == 1,
          .may_create = found.number(0, 1, 0, 1) == 1,
          .is_ahead = found.number(0, 3, 0, 1) == 1,
          .newest_end = Timestamp::microseconds(found.number(0, 2, -any_time, any_time))};
}

void PostgresUpkeep::check(const Table& table, const WindowSchema& window, const std::string& who) {
  const std::string name = "table " + names_.schema + "." + window.name + "_data";
  if (partitions_.days > 0 && !table.is_partitioned) {
    warn(name +
         " was made without partitions and stays without: `partition_by` holds for new tables; the README says " +
         "how to change one");
  }
  if (!table.is_partitioned || table.is_ahead) return;
  const std::string from =
      table.newest_end == Timestamp() ? std::string() : " from " + to_rfc3339(table.newest_end) + " on";
  if (partitions_.days == 0) {
    warn(name + " has partitions, but no `partition_by` says to make more: rows" + from + " go into its default one");
  } else if (!who.empty()) {
    warn(who + " partitions of " + name + ": rows" + from +
         " go into its default one until the output of `edgetide schema` is run again by its owner");
  }
}

// Without the right to drop partitions, their old rows are deleted as others are.
void PostgresUpkeep::delete_old(pqxx::work& transaction, const Table& table, const WindowSchema& window) {
  const auto kept = retention_of(partitions_.retention, window.name);
  if (!kept) return;
  if (table.may_create && table.is_partitioned) {
    transaction.exec(postgres_drop_partitions_ddl(names_.schema, window, *kept));
  }
  const std::string sql =
      postgres_delete_old_statement(names_.schema, window, *kept, table.is_partitioned && table.may_create);
  const std::size_t deleted = check_changed(execute(transaction, sql, {std::to_string(max_rows_deleted_at_once)}),
                                            "old rows", 0, max_rows_deleted_at_once);
  has_more_ = has_more_ || deleted == max_rows_deleted_at_once;
}

void PostgresUpkeep::keep_up(pqxx::connection& connection, const WindowSchema& window, bool may_create,
                             const std::string& user) {
  pqxx::work transaction(connection);
  transaction.exec("SET LOCAL lock_timeout = '2s'");
  if (PostgresAnswer(execute(transaction, lock_for_upkeep, {}), "a lock",
                     {.columns = 1, .least_rows = 1, .most_rows = 1})
          .number(0, 0, 0, 1) == 0) {
    return;
  }
  Table table = read_table(transaction, window);
  std::string who;
  if (!table.may_create) who = "user " + user + " may not make";
  if (!may_create) who = "create_tables is off, so this sink does not make";
  table.may_create = who.empty();
  check(table, window, who);
  if (table.may_create && table.is_partitioned && partitions_.days > 0) {
    transaction.exec(postgres_default_partition_ddl(names_.schema, window));
    transaction.exec(postgres_make_partitions_ddl(names_.schema, window, partitions_));
  }
  delete_old(transaction, table, window);
  transaction.commit();
}

}  // namespace edgetide
