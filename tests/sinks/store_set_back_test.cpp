// A store that goes back in time, with what delivers to it: a restored copy, a standby that is promoted, tables that
// are dropped or emptied (daemon/outbox/confirmed_batches.h).
#include <filesystem>
#include <gmock/gmock.h>
#include <optional>

#include "daemon/outbox/delivery.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/sinks/store_fixture.h"
#if EDGETIDE_POSTGRESQL
#include "tests/sinks/postgres_database.h"
#endif
#if EDGETIDE_SQLITE
#include "sinks/sqlite_sink.h"
#include "tests/sinks/sqlite_file.h"
#endif

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// What brings rows to a sink, without its thread.
class Deliverer {
 public:
  explicit Deliverer(std::unique_ptr<Sink> sink, OutboxOptions options = {},
                     const std::vector<WindowSchema>& inputs = minute_window())
      : outbox_(options, SinkTraits{}, inputs, files_, spill_location("state", "pg"), OutboxEvents{}) {
    outbox_.recover({}, 1);
    delivery_.emplace("pg", std::move(sink), outbox_, 1, options);
  }

  // An epoch with one row of a sensor: its minute is the epoch.
  void deliver(std::uint64_t epoch) {
    const auto start = static_cast<std::int64_t>(epoch) * 60'000'000;
    push(batch(epoch, {{series("s"), start, 1, {1, static_cast<double>(epoch)}}}));
  }
  void push(RowBatch rows) {
    outbox_.push(std::move(rows));
    step();
  }
  void step() {
    while (delivery_->step(now_) || !outbox_.empty()) {
    }
  }
  // As when the link is lost.
  void connect_again() {
    delivery_->close();
    step();
  }
  // As while nothing is delivered.
  void look() {
    delivery_->look(now_);
    step();
  }
  void pass(std::chrono::seconds time) { now_ += time; }
  DeliveryStatus status() const { return delivery_->status(); }

 private:
  MemoryFileSystem files_;
  Outbox outbox_;
  std::optional<Delivery> delivery_;
  Delivery::Time now_{std::chrono::hours(1)};
};

std::vector<WindowSchema> two_windows() {
  return {minute_window()[0], {"hour", minute_window()[0].columns}};
}

class StoreSetBack : public StoreTest {
 protected:
  std::unique_ptr<Sink> sink() { return store->sink(windows, this_gateway()); }
  // The value of each row.
  std::vector<double> values() {
    std::vector<double> values;
    for (const StoredRow& row : rows()) values.push_back(row.values[1].value_or(-1));
    return values;
  }
  void execute(const std::string& before, const std::string& table, const std::string& behind = "") {
    store->execute(before + store->prefix() + table + behind);
  }
  void drop_tables() {
    for (const char* view : {"minute", "minute_latest"}) execute("DROP VIEW ", view);
    execute("DROP TABLE ", "minute_data");
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreSetBack, testing::ValuesIn(stores()), kind_name);

TEST_P(StoreSetBack, dropped_table_gets_again_what_was_confirmed_lately) {
  Deliverer deliverer(sink());
  for (const std::uint64_t epoch : {1U, 2U, 3U}) deliverer.deliver(epoch);
  drop_tables();
  deliverer.deliver(4);
  EXPECT_THAT(values(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(deliverer.status().redelivered_rows, 3U);
  EXPECT_THAT(deliverer.status().set_back, HasSubstr("3 rows that it confirmed lately are delivered again"));
  EXPECT_THAT(deliverer.status().set_back, Not(HasSubstr("lost to it")));
  deliverer.connect_again();
  EXPECT_EQ(deliverer.status().redelivered_rows, 3U) << "once";
}

TEST_P(StoreSetBack, emptied_tables_get_again_what_was_confirmed_lately) {
  const std::vector<std::vector<const char*>> emptied = {
      {"minute_data"}, {"minute_data", "sink_state"}, {"minute_data", "series", "sink_state"}, {"sink_state"}};
  std::uint64_t epoch = 0;
  Deliverer deliverer(sink());
  std::vector<double> all;
  for (const auto& tables : emptied) {
    deliverer.deliver(++epoch);
    all.push_back(static_cast<double>(epoch));
    for (const char* table : tables) execute("DELETE FROM ", table);
    deliverer.connect_again();
    EXPECT_EQ(values(), all) << tables.size() << " tables";
    EXPECT_THAT(deliverer.status().set_back, Not(HasSubstr("lost to it")));
  }
}

TEST_P(StoreSetBack, rows_that_are_forgotten_are_said_with_their_time) {
  OutboxOptions options;
  options.redeliver = Duration::minutes(10);
  Deliverer deliverer(sink(), options);
  deliverer.deliver(1);
  deliverer.pass(std::chrono::minutes(11));
  deliverer.deliver(2);
  drop_tables();
  deliverer.connect_again();
  EXPECT_THAT(values(), ElementsAre(2));
  EXPECT_THAT(deliverer.status().set_back, HasSubstr("rows that it confirmed until 2"));
  EXPECT_THAT(deliverer.status().set_back, HasSubstr("are lost to it"));
}

TEST_P(StoreSetBack, kept_rows_are_bounded_in_bytes) {
  OutboxOptions options;
  options.redeliver_max_bytes = 600;
  Deliverer deliverer(sink(), options);
  for (std::uint64_t epoch = 1; epoch <= 20; ++epoch) deliverer.deliver(epoch);
  drop_tables();
  deliverer.connect_again();
  EXPECT_THAT(values(), Not(IsEmpty()));
  EXPECT_LT(values().size(), 10U);
  EXPECT_EQ(values().back(), 20);
}

// The addition is in the row that the other table kept; a second one would count its readings twice.
TEST_P(StoreSetBack, late_additions_are_not_made_twice_in_a_table_that_was_kept) {
  windows = two_windows();
  Deliverer deliverer(sink(), {}, windows);
  deliverer.push(batch(1, {{series("s"), 0, 1, {1, 1}}}, 1));
  deliverer.push(batch(2, {{series("s"), 0, 1, {1, 3}, RowState::added}}, 1));
  deliverer.deliver(3);
  drop_tables();
  deliverer.connect_again();
  EXPECT_THAT(values(), ElementsAre(3));
  EXPECT_EQ(store->rows(windows[1])[0].values, (std::vector<std::optional<double>>{2.0, 2.0}));
}

TEST_P(StoreSetBack, table_of_another_window_that_is_new_sets_nothing_back) {
  {
    Deliverer deliverer(sink());
    deliverer.deliver(1);
  }
  windows = two_windows();
  const auto more = sink();
  const Outcome outcome = more->open();
  ASSERT_THAT(outcome, IsDelivered());
  EXPECT_FALSE(std::get<Delivered>(outcome).tables_are_new);
  EXPECT_EQ(stored_epoch(*more), 1U);
}

// As `.restore` of SQLite and pg_restore do, under the open connection.
TEST_P(StoreSetBack, store_that_is_restored_while_it_is_open_gets_again_what_was_confirmed_since) {
  for (const bool idle : {false, true}) {
    SCOPED_TRACE(idle);
    const std::uint64_t first = idle ? 10 : 1;
    Deliverer deliverer(sink());
    deliverer.deliver(first);
    store->execute("CREATE TABLE " + store->prefix() + "kept AS SELECT epoch FROM " + store->prefix() + "sink_state");
    for (const std::uint64_t epoch : {first + 1, first + 2}) deliverer.deliver(epoch);
    const std::string after = " WHERE epoch > " + std::to_string(first);
    execute("DELETE FROM ", "minute_data", after);
    execute("UPDATE ", "sink_state", " SET epoch = (SELECT epoch FROM " + store->prefix() + "kept)");
    execute("DROP TABLE ", "kept");
    if (idle) deliverer.look();
    deliverer.deliver(first + 3);
    const auto last = static_cast<double>(first);
    std::vector<double> expected = {last, last + 1, last + 2, last + 3};
    if (idle) expected.insert(expected.begin(), {1, 2, 3, 4});
    EXPECT_EQ(values(), expected);
    EXPECT_EQ(deliverer.status().redelivered_rows, 2U);
    EXPECT_THAT(deliverer.status().set_back, HasSubstr("2 rows that it confirmed lately are delivered again"));
  }
}

#if EDGETIDE_SQLITE
// Nothing else shows it once there are new rows in the table.
TEST(SqliteSetBack, table_that_is_emptied_between_two_deliveries_gets_again_what_was_confirmed) {
  const SqliteFile file;
  Deliverer deliverer(make_sqlite_sink({file.path()}, this_gateway(), minute_window()));
  for (const std::uint64_t epoch : {1U, 2U}) deliverer.deliver(epoch);
  file.each_row("DELETE FROM minute_data", [](sqlite3_stmt*) {});
  deliverer.deliver(3);
  std::string found;
  file.each_row("SELECT group_concat(avg) FROM minute",
                [&](sqlite3_stmt* row) { found = reinterpret_cast<const char*>(sqlite3_column_text(row, 0)); });
  EXPECT_EQ(found, "1.0,2.0,3.0");
  EXPECT_THAT(deliverer.status().set_back, HasSubstr("2 rows that it confirmed lately are delivered again"));
}

TEST(SqliteSetBack, restored_copy_gets_again_what_was_confirmed_since) {
  namespace fs = std::filesystem;
  const SqliteFile file;
  Deliverer deliverer(make_sqlite_sink({file.path()}, this_gateway(), minute_window()));
  deliverer.deliver(1);
  file.each_row("PRAGMA wal_checkpoint(TRUNCATE)", [](sqlite3_stmt*) {});
  fs::copy_file(file.path(), file.path() + ".backup");
  for (const std::uint64_t epoch : {2U, 3U}) deliverer.deliver(epoch);
  fs::rename(file.path() + ".backup", file.path());
  deliverer.deliver(4);
  std::string found;
  file.each_row("SELECT group_concat(avg) FROM minute",
                [&](sqlite3_stmt* row) { found = reinterpret_cast<const char*>(sqlite3_column_text(row, 0)); });
  EXPECT_EQ(found, "1.0,2.0,3.0,4.0");
  EXPECT_THAT(deliverer.status().set_back, HasSubstr("2 rows that it confirmed lately are delivered again"));
  EXPECT_THAT(deliverer.status().set_back, HasSubstr("what it has ends at 2"));
}
#endif

#if EDGETIDE_POSTGRESQL
// Rows that the primary has confirmed and not sent; then it is lost, and the standby takes its place.
TEST(PostgresSetBack, promoted_standby_gets_again_what_it_never_received) {
  PostgresServer primary;
  PostgresOptions options;
  options.user = "postgres";
  const std::string link =
      (std::filesystem::temp_directory_path() / "edgetide-primary").string() + std::to_string(getpid());
  const auto points_to = [&](const PostgresServer& server) {
    std::filesystem::remove(link);
    std::filesystem::create_directory_symlink(server.host(), link);
  };
  points_to(primary);
  options.connection = "host=" + link + " dbname=postgres";
  {
    PostgresServer standby(primary);
    Deliverer deliverer(make_postgres_sink(options, this_gateway(), minute_window()));
    deliverer.deliver(1);
    const auto on_standby = [&](const std::string& sql) { return query(standby.connection("postgres"), sql); };
    while (on_standby("SELECT to_regclass('edgetide.minute') IS NOT NULL")[0][0] != "t" ||
           on_standby("SELECT count(*) FROM edgetide.minute")[0][0] != "1") {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    query(primary.connection("postgres"), "SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
    on_standby("ALTER SYSTEM SET primary_conninfo = ''");
    on_standby("SELECT pg_reload_conf()");
    while (on_standby("SELECT count(*) FROM pg_stat_wal_receiver")[0][0] != "0") {
      query(primary.connection("postgres"), "SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
    }
    for (const std::uint64_t epoch : {2U, 3U}) deliverer.deliver(epoch);
    ASSERT_EQ(on_standby("SELECT count(*) FROM edgetide.minute")[0][0], "1");
    primary.crash();
    on_standby("SELECT pg_promote()");
    points_to(standby);
    deliverer.deliver(4);
    EXPECT_EQ(on_standby("SELECT string_agg(avg::text, ' ' ORDER BY time) FROM edgetide.minute")[0][0], "1 2 3 4");
    EXPECT_EQ(deliverer.status().redelivered_rows, 2U);
    EXPECT_THAT(deliverer.status().set_back, Not(HasSubstr("lost to it")));
  }
  std::filesystem::remove(link);
  primary.start();
}
#endif

}  // namespace
}  // namespace edgetide::test
