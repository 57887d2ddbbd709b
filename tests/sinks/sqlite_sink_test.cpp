// What only SQLite can do to a sink; the rest is in store_contract_test.cpp.
#include "sinks/sqlite_sink.h"

#include <atomic>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <thread>

#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"
#include "tests/sinks/sqlite_file.h"

namespace edgetide::test {
namespace {

using testing::HasSubstr;

class SqliteSinkTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> sink(Duration busy_timeout = Duration::seconds(60)) {
    return make_sqlite_sink({file.path(), busy_timeout}, this_gateway(), minute_window());
  }
  std::string value(const std::string& sql) {
    std::string text;
    file.each_row(sql, [&](sqlite3_stmt* row) { text = reinterpret_cast<const char*>(sqlite3_column_text(row, 0)); });
    return text;
  }

  const SqliteFile file;
  const RowBatch one_row = batch(1, {{series("s"), 1'732'100'040'123'456, 1, {1, 1}}});
};

// A connection that writes and does not end.
class Writer {
 public:
  explicit Writer(const std::string& path) {
    sqlite3_open(path.c_str(), &database_);
    sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
  }
  ~Writer() { sqlite3_close(database_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  sqlite3* database_ = nullptr;
};

TEST_F(SqliteSinkTest, file_that_another_writes_to_is_waited_for) {
  const auto waiting = sink(Duration::milliseconds(20));
  ASSERT_THAT(waiting->open(), IsDelivered());
  {
    const Writer writer(file.path());
    EXPECT_THAT(waiting->deliver(one_row), IsRetryAfter(HasSubstr("locked")));
  }
  waiting->close();
  ASSERT_THAT(waiting->open(), IsDelivered());
  EXPECT_THAT(waiting->deliver(one_row), IsDelivered());
}

TEST_F(SqliteSinkTest, interrupt_ends_the_wait_for_another_writer) {
  const auto waiting = sink(Duration::hours(1));
  ASSERT_THAT(waiting->open(), IsDelivered());
  const Writer writer(file.path());
  auto outcome = std::async(std::launch::async, [&] { return waiting->deliver(one_row); });
  waiting->interrupt();
  EXPECT_THAT(outcome.get(), IsRetryAfter(testing::_));
}

TEST_F(SqliteSinkTest, file_of_another_format_needs_a_person_and_is_replaced_when_it_was_moved_away) {
  std::ofstream(file.path()) << std::string(8192, 'x');
  const auto waiting = sink();
  const Outcome outcome = waiting->open();
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr(file.path())));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
  EXPECT_EQ(std::get<RetryAfter>(outcome).at_least, Duration::seconds(5));
  waiting->close();
  std::filesystem::rename(file.path(), file.path() + ".broken");
  ASSERT_THAT(waiting->open(), IsDelivered());
  EXPECT_THAT(waiting->deliver(one_row), IsDelivered());
  EXPECT_EQ(value("SELECT count(*) FROM minute"), "1");
}

struct Departure {
  const char* name;
  void (*act)(const std::string& path);
};

TEST_F(SqliteSinkTest, file_that_is_another_now_is_noticed_and_the_rows_go_into_the_one_at_the_path) {
  namespace fs = std::filesystem;
  const Departure departures[] = {
      {"removed", [](const std::string& path) { fs::remove(path); }},
      {"removed with its log",
       [](const std::string& path) {
         for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix);
       }},
      {"renamed", [](const std::string& path) { fs::rename(path, path + ".moved"); }},
      {"replaced by an empty one",
       [](const std::string& path) {
         fs::remove(path);
         std::ofstream(path).flush();
       }},
      {"emptied", [](const std::string& path) { fs::resize_file(path, 0); }},
  };
  std::uint64_t epoch = 0;
  for (const Departure& departure : departures) {
    const auto writing = sink();
    ASSERT_THAT(writing->open(), IsDelivered());
    ASSERT_THAT(writing->deliver(batch(++epoch, {{series("old"), 0, 1, {1, 1}}})), IsDelivered());
    departure.act(file.path());
    const RowBatch next = batch(++epoch, {{series("new"), 0, 1, {2, 2}}});
    EXPECT_THAT(writing->deliver(next), IsRetryAfter(HasSubstr("removed, renamed, emptied or replaced")))
        << departure.name;
    writing->close();
    ASSERT_THAT(writing->open(), IsDelivered()) << departure.name;
    EXPECT_EQ(stored_epoch(*writing), std::nullopt);
    EXPECT_THAT(writing->deliver(next), IsDelivered()) << departure.name;
    EXPECT_EQ(value("SELECT group_concat(sensor_id) FROM minute"), "new") << departure.name;
  }
}

// The newest rows are in the log, which hides the damage from SQLite.
TEST_F(SqliteSinkTest, file_that_is_overwritten_while_it_is_open_gets_no_row_until_it_is_repaired_or_moved_away) {
  const auto overwrite = [&](std::size_t from) {
    const std::size_t bytes = std::filesystem::file_size(file.path());
    std::fstream target(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    target.seekp(static_cast<std::streamoff>(from));
    target << std::string(bytes - from, 'x');
  };
  std::uint64_t epoch = 0;
  const auto next = [&] {
    ++epoch;
    return batch(epoch, {{series("s"), static_cast<std::int64_t>(epoch) * 60'000'000, 1, {1, 1}}});
  };
  for (const std::size_t from : {std::size_t{0}, std::size_t{4096}}) {
    SCOPED_TRACE(from);
    {
      const auto earlier = sink();
      ASSERT_THAT(earlier->open(), IsDelivered());
      ASSERT_THAT(earlier->deliver(next()), IsDelivered());
      earlier->close();  // all of it goes into the file
    }
    const auto writing = sink();
    ASSERT_THAT(writing->open(), IsDelivered());
    ASSERT_THAT(writing->deliver(next()), IsDelivered());
    const std::string whole = file.path() + ".whole";
    std::filesystem::copy_file(file.path(), whole, std::filesystem::copy_options::overwrite_existing);
    overwrite(from);
    const RowBatch waiting = next();
    for (int tries = 0; tries < 3; ++tries) {
      const Outcome outcome = tries == 0 ? writing->deliver(waiting) : writing->open();
      ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("damaged")));
      EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
      writing->close();
    }
    if (from == 0) {
      std::ofstream(file.path(), std::ios::in | std::ios::binary) << std::ifstream(whole, std::ios::binary).rdbuf();
    } else {
      std::filesystem::rename(file.path(), file.path() + ".moved");
    }
    ASSERT_THAT(writing->open(), IsDelivered());
    ASSERT_THAT(writing->deliver(waiting), IsDelivered());
    EXPECT_EQ(value("SELECT count(*) FROM minute"), from == 0 ? "3" : "1");
    EXPECT_EQ(value("PRAGMA quick_check"), "ok");
  }
}

TEST_F(SqliteSinkTest, file_that_another_program_writes_to_goes_on) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    ASSERT_THAT(writing->deliver(batch(epoch, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
    value("CREATE TABLE own" + std::to_string(epoch) + " (x)");
    value("PRAGMA wal_checkpoint(TRUNCATE)");
  }
}

TEST_F(SqliteSinkTest, file_that_was_renamed_has_all_that_was_stored_in_it) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  ASSERT_THAT(writing->deliver(one_row), IsDelivered());
  std::filesystem::rename(file.path(), file.path() + ".moved");
  EXPECT_THAT(writing->deliver(batch(2, {})), IsRetryAfter(testing::_));
  writing->close();
  EXPECT_FALSE(std::filesystem::exists(file.path() + "-wal"));
  std::filesystem::rename(file.path() + ".moved", file.path());
  EXPECT_EQ(value("SELECT count(*) FROM minute"), "1");
}

// What is stored is in the log first, and a log without a name would be found by no other program.
TEST_F(SqliteSinkTest, write_ahead_log_that_was_removed_costs_no_row) {
  for (const char* const suffix : {"-wal", "-shm"}) {
    const auto writing = sink();
    ASSERT_THAT(writing->open(), IsDelivered());
    const std::int64_t epoch = suffix[1] == 'w' ? 1 : 3;
    ASSERT_THAT(
        writing->deliver(batch(static_cast<std::uint64_t>(epoch), {{series("s"), 60'000'000 * epoch, 1, {1, 1}}})),
        IsDelivered());
    std::filesystem::remove(file.path() + suffix);
    const RowBatch next =
        batch(static_cast<std::uint64_t>(epoch) + 1, {{series("s"), 60'000'000 * (epoch + 1), 1, {2, 2}}});
    EXPECT_THAT(writing->deliver(next), IsRetryAfter(HasSubstr("was removed"))) << suffix;
    writing->close();
    ASSERT_THAT(writing->open(), IsDelivered()) << suffix;
    ASSERT_THAT(writing->deliver(next), IsDelivered()) << suffix;
    EXPECT_EQ(value("SELECT count(*) FROM minute"), std::to_string(epoch + 1)) << suffix;
  }
}

TEST_F(SqliteSinkTest, tables_that_were_dropped_are_made_again_though_views_name_them) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  ASSERT_THAT(writing->deliver(one_row), IsDelivered());
  writing->close();
  for (const char* const table : {"sink_state", "series", "minute_data"}) {
    file.each_row(std::string("DROP TABLE ") + table, [](sqlite3_stmt*) {});
    ASSERT_THAT(writing->open(), IsDelivered()) << table;
    writing->close();
  }
  file.each_row("DROP TABLE sink_state; DROP TABLE series; DROP TABLE minute_data", [](sqlite3_stmt*) {});
  ASSERT_THAT(writing->open(), IsDelivered());
  EXPECT_THAT(writing->deliver(one_row), IsDelivered());
  EXPECT_EQ(value("SELECT count(*) FROM minute_latest"), "1");
}

TEST_F(SqliteSinkTest, folder_that_is_missing_is_waited_for) {
  const std::string folder = file.path() + ".d";
  const auto waiting = make_sqlite_sink({folder + "/e.db", Duration::seconds(1)}, this_gateway(), minute_window());
  EXPECT_THAT(waiting->open(), IsRetryAfter(HasSubstr(folder)));
  waiting->close();
  std::filesystem::create_directory(folder);
  EXPECT_THAT(waiting->open(), IsDelivered());
}

TEST_F(SqliteSinkTest, database_that_may_not_grow_is_waited_for_and_keeps_its_epochs) {
  const auto full = sink();
  ASSERT_THAT(full->open(), IsDelivered());
  ASSERT_THAT(full->deliver(one_row), IsDelivered());
  value("CREATE TRIGGER full BEFORE INSERT ON minute_data BEGIN SELECT RAISE(ROLLBACK, 'no room'); END");
  EXPECT_THAT(full->deliver(batch(2, {{series("s"), 0, 1, {2, 2}}})), IsRetryAfter(HasSubstr("no room")));
  value("DROP TRIGGER full");
  full->close();
  ASSERT_THAT(full->open(), IsDelivered());
  EXPECT_EQ(stored_epoch(*full), 1U);
  EXPECT_THAT(full->deliver(batch(2, {{series("s"), 0, 1, {2, 2}}})), IsDelivered());
}

TEST_F(SqliteSinkTest, rows_that_are_refused_again_and_again_are_set_aside_whatever_the_code) {
  const char* const statements[] = {"SELECT RAISE(ROLLBACK, 'no')", "SELECT json('{')", "SELECT RAISE(FAIL, 'no')"};
  std::uint64_t epoch = 0;
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  for (const char* statement : statements) {
    value("CREATE TRIGGER look BEFORE INSERT ON minute_data WHEN NEW.count = 666 BEGIN " + std::string(statement) +
          "; END");
    const RowBatch mixed = batch(++epoch, {{series("a"), 0, 1, {1, 1}},
                                           {series("bad"), 0, 1, {666, 1}},
                                           {series("bad"), 60'000'000, 1, {666, 1}},
                                           {series("c"), 0, 1, {3, 1}}});
    Outcome outcome = writing->deliver(mixed);
    for (int tries = 1; tries < 6 && std::holds_alternative<RetryAfter>(outcome); ++tries) {
      writing->close();
      ASSERT_THAT(writing->open(), IsDelivered());
      outcome = writing->deliver(mixed);
    }
    EXPECT_THAT(outcome, IsDelivered(testing::SizeIs(2))) << statement;
    EXPECT_EQ(value("SELECT group_concat(sensor_id) FROM (SELECT sensor_id FROM minute ORDER BY 1)"), "a,c")
        << statement;
    value("DROP TRIGGER look");
    value("DELETE FROM minute_data");
  }
}

TEST_F(SqliteSinkTest, row_that_a_trigger_refuses_behind_the_change_leaves_nothing_of_it) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  ASSERT_THAT(writing->deliver(batch(1, {{series("known"), 0, 1, {1, 1}}})), IsDelivered());
  for (const char* event : {"INSERT", "UPDATE"}) {
    value("CREATE TRIGGER look_" + std::string(event) + " AFTER " + event +
          " ON minute_data WHEN NEW.count = 666 BEGIN SELECT RAISE(FAIL, 'no'); END");
  }
  for (const std::uint32_t epoch : {2U, 3U}) {
    const RowBatch mixed = batch(epoch, {{series("a"), 0, 1, {1, 1}},
                                         {series("bad"), 0, 1, {666, 1}},
                                         {series("known"), 0, epoch, {666, 1}},
                                         {series("c"), 0, 1, {3, 1}}});
    EXPECT_THAT(writing->deliver(mixed), IsDelivered(testing::SizeIs(2)));
    EXPECT_EQ(value("SELECT group_concat(sensor_id || count) FROM (SELECT * FROM minute ORDER BY sensor_id)"),
              "a1,c3,known1");
  }
}

TEST_F(SqliteSinkTest, table_that_takes_no_row_loses_none_of_them) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  value("CREATE TRIGGER look BEFORE INSERT ON minute_data BEGIN SELECT json('{'); END");
  for (int tries = 0; tries < 15; ++tries) {
    EXPECT_THAT(writing->deliver(one_row), IsRetryAfter(HasSubstr("JSON")));
    writing->close();
    ASSERT_THAT(writing->open(), IsDelivered());
  }
  value("DROP TRIGGER look");
  EXPECT_THAT(writing->deliver(one_row), IsDelivered());
  EXPECT_EQ(value("SELECT count(*) FROM minute"), "1");
}

TEST_F(SqliteSinkTest, table_that_refuses_all_rows_of_several_series_keeps_them_waiting) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  value("CREATE TRIGGER look BEFORE INSERT ON minute_data BEGIN SELECT RAISE(ABORT, 'closed for today'); END");
  const RowBatch waiting = batch(1, {{series("a"), 0, 1, {1, 1}}, {series("b"), 0, 1, {2, 1}}});
  for (int tries = 0; tries < 15; ++tries) {
    const Outcome outcome = writing->deliver(waiting);
    ASSERT_THAT(outcome, IsRetryAfter(testing::AllOf(HasSubstr("every row of a delivery"), HasSubstr("closed"))));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
    writing->close();
    ASSERT_THAT(writing->open(), IsDelivered());
  }
  value("DROP TRIGGER look");
  EXPECT_THAT(writing->deliver(waiting), IsDelivered(testing::SizeIs(0)));
  EXPECT_EQ(value("SELECT count(*) FROM minute"), "2");
}

// A row that ends the transaction leaves no row of it, whatever others there are.
TEST_F(SqliteSinkTest, table_that_ends_each_transaction_needs_a_person_from_the_first_try_on) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  value("CREATE TRIGGER look BEFORE INSERT ON minute_data BEGIN SELECT RAISE(ROLLBACK, 'closed for today'); END");
  const RowBatch waiting = batch(1, {{series("a"), 0, 1, {1, 1}}, {series("b"), 0, 1, {2, 1}}});
  for (int tries = 0; tries < 15; ++tries) {
    const Outcome outcome = writing->deliver(waiting);
    ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("closed for today"))) << tries;
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person) << tries;
    EXPECT_LE(std::get<RetryAfter>(outcome).at_least, Duration::seconds(5)) << tries;
    writing->close();
    ASSERT_THAT(writing->open(), IsDelivered());
  }
  value("DROP TRIGGER look");
  EXPECT_THAT(writing->deliver(waiting), IsDelivered(testing::SizeIs(0)));
  EXPECT_EQ(value("SELECT count(*) FROM minute"), "2");
}

TEST_F(SqliteSinkTest, view_shows_utc_text_and_exact_microseconds) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  ASSERT_THAT(writing->deliver(one_row), IsDelivered());
  EXPECT_EQ(value("SELECT time || ' ' || time_us FROM minute"), "2024-11-20 10:54:00 1732100040123456");
  EXPECT_EQ(value("SELECT time_end FROM minute_latest"), "2024-11-20 10:55:00");
  ASSERT_THAT(writing->deliver(batch(2, {{series("old"), -1, 1, {1, 1}}})), IsDelivered());
  EXPECT_EQ(value("SELECT time FROM minute WHERE sensor_id = 'old'"), "1969-12-31 23:59:59");
}

TEST_F(SqliteSinkTest, epoch_is_synced_before_it_counts_as_delivered) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  EXPECT_EQ(value("PRAGMA journal_mode"), "wal");
}

TEST_F(SqliteSinkTest, text_with_a_zero_byte_is_kept_whole) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  using namespace std::string_literals;
  ASSERT_THAT(writing->deliver(batch(1, {{series("a\0b"s), 0, 1, {1, 1}}})), IsDelivered());
  EXPECT_EQ(value("SELECT hex(sensor_id) FROM series"), "610062");
}

// The plans of queries, one line a step.
TEST_F(SqliteSinkTest, time_is_served_by_an_index_in_every_view_and_table) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  ASSERT_THAT(writing->deliver(one_row), IsDelivered());
  const char* queries[] = {
      "SELECT * FROM minute WHERE sensor_id = 's' AND time >= '2024-11-20' AND time < '2024-11-21'",
      "SELECT * FROM minute WHERE sensor_id = 's' AND time >= datetime('now', '-1 hour') ORDER BY time",
      "SELECT substr(time, 1, 10), avg(avg) FROM minute WHERE time BETWEEN '2024-11-20' AND '2024-11-21' GROUP BY 1",
      "SELECT * FROM minute WHERE sensor_id = 's' AND time_us >= 0 AND time_us < 60",
      "SELECT * FROM minute_data WHERE series_id = 1 AND time >= 0 AND time < 60",
      "SELECT * FROM minute_latest",
      "SELECT * FROM minute_latest WHERE sensor_id = 's'",
  };
  for (const char* query : queries) {
    std::string plan;
    file.each_row(std::string("EXPLAIN QUERY PLAN ") + query, [&](sqlite3_stmt* row) {
      plan += reinterpret_cast<const char*>(sqlite3_column_text(row, 3)) + std::string("\n");
    });
    EXPECT_THAT(plan, testing::Not(HasSubstr("SCAN d"))) << query;
    EXPECT_THAT(plan, testing::Not(HasSubstr("SCAN minute_data"))) << query;
    EXPECT_THAT(plan, testing::Not(HasSubstr("AUTOMATIC"))) << query;
    EXPECT_THAT(plan, testing::Not(HasSubstr("(ANY(time)"))) << query;
  }
  EXPECT_EQ(value("SELECT count(*) FROM minute WHERE sensor_id = 's' AND time >= '2024-11-20 10:00' AND time < '2025'"),
            "1");
}

// In the key a search for it would go through all that came later.
TEST_F(SqliteSinkTest, latest_row_of_a_silent_series_is_found_by_the_whole_key) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  const std::int64_t minute = 60'000'000;
  ASSERT_THAT(writing->deliver(batch(1, {{series("silent"), 0, 1, {1, 1}}, {series("s"), 0, 1, {1, 1}}})),
              IsDelivered());
  ASSERT_THAT(writing->deliver(batch(2, {{series("s"), 2 * minute, 1, {3, 1}}, {series("s"), minute, 1, {2, 1}}})),
              IsDelivered());
  const std::string latest = "SELECT group_concat(sensor_id || count) FROM (SELECT * FROM minute_latest ORDER BY 3)";
  EXPECT_EQ(value(latest), "s3,silent1");
  std::string plan;
  file.each_row("EXPLAIN QUERY PLAN SELECT * FROM minute_latest", [&](sqlite3_stmt* row) {
    plan += reinterpret_cast<const char*>(sqlite3_column_text(row, 3)) + std::string("\n");
  });
  EXPECT_THAT(plan, HasSubstr("SEARCH d USING PRIMARY KEY (time=? AND series_id=?)")) << plan;
  EXPECT_THAT(plan, testing::Not(HasSubstr("SUBQUERY"))) << plan;
  ASSERT_THAT(writing->deliver(batch(3, {{series("s"), 2 * minute, 2, {null, null}, RowState::retracted}})),
              IsDelivered());
  EXPECT_EQ(value(latest), "s2,silent1");
  file.each_row("DELETE FROM minute_data WHERE time = 0", [](sqlite3_stmt*) {});
  EXPECT_EQ(value(latest), "s2");
}

class SqliteRetentionTest : public SqliteSinkTest {
 protected:
  std::unique_ptr<Sink> open_sink() {
    SqliteOptions options;
    options.path = file.path();
    options.retention["minute"] = Duration::days(7);
    auto made = make_sqlite_sink(options, this_gateway(), minute_window());
    EXPECT_THAT(made->open(), IsDelivered());
    return made;
  }
  static std::int64_t days_ago(int days) {
    const auto then = std::chrono::system_clock::now().time_since_epoch() - std::chrono::hours(24 * days);
    return std::chrono::duration_cast<std::chrono::microseconds>(then).count();
  }
  RowBatch batch_of(std::uint64_t epoch, const std::vector<int>& days) {
    std::vector<RowText> rows;
    for (const int ago : days) rows.push_back({series(numbered("s", ago)), days_ago(ago), 1, {1.0 * ago, 1}});
    return batch(epoch, rows);
  }
  std::string counts() { return value("SELECT coalesce(group_concat(count), '') FROM minute"); }
};

TEST_F(SqliteRetentionTest, rows_that_are_older_than_they_are_kept_are_deleted) {
  ASSERT_THAT(sink()->open(), IsDelivered());
  ASSERT_THAT(open_sink()->deliver(batch_of(1, {20, 8, 6, 0})), IsDelivered());
  const auto writing = open_sink();
  ASSERT_THAT(writing->deliver(batch_of(2, {1})), IsDelivered());
  EXPECT_EQ(counts(), "6,1,0");
  EXPECT_EQ(stored_epoch(*writing), 2U);
}

TEST_F(SqliteRetentionTest, gateway_that_is_idle_deletes_too) {
  ASSERT_THAT(open_sink()->deliver(batch_of(1, {8, 0})), IsDelivered());
  EXPECT_EQ(stored_epoch(*open_sink()), 1U);
  EXPECT_EQ(counts(), "0");
}

TEST_F(SqliteRetentionTest, age_counts_to_the_newest_row_so_that_a_clock_that_is_ahead_deletes_nothing) {
  ASSERT_THAT(open_sink()->deliver(batch_of(1, {120, 117, 130})), IsDelivered());
  EXPECT_EQ(stored_epoch(*open_sink()), 1U);
  EXPECT_EQ(counts(), "120,117");
}

TEST_F(SqliteRetentionTest, many_old_rows_are_deleted_in_bounded_parts) {
  ASSERT_THAT(open_sink()->deliver(batch_of(1, {0})), IsDelivered());
  file.each_row(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7000) INSERT INTO minute_data (time, "
      "series_id, state, is_final, revision, epoch, state_id, updated_at, count) SELECT i, 1, 'final', 1, 1, 1, 1, 1, "
      "1 "
      "FROM n",
      [](sqlite3_stmt*) {});
  const auto writing = open_sink();
  ASSERT_THAT(writing->deliver(batch_of(2, {1})), IsDelivered());
  EXPECT_EQ(value("SELECT count(*) FROM minute_data"), "2002");
  EXPECT_EQ(stored_epoch(*writing), 2U);
  EXPECT_EQ(value("SELECT count(*) FROM minute_data"), "2");
}

TEST_F(SqliteRetentionTest, deletion_that_fails_is_said_and_rows_are_stored) {
  ASSERT_THAT(open_sink()->deliver(batch_of(1, {9, 0})), IsDelivered());
  file.each_row("CREATE TRIGGER keep BEFORE DELETE ON minute_data BEGIN SELECT RAISE(ABORT, 'kept'); END",
                [](sqlite3_stmt*) {});
  const Outcome outcome = open_sink()->deliver(batch_of(2, {1}));
  ASSERT_THAT(outcome, IsDelivered());
  EXPECT_THAT(std::get<Delivered>(outcome).warning, HasSubstr("minute_data are not deleted: kept"));
  EXPECT_EQ(counts(), "9,1,0");
}

// The tables as they were before there were versions.
TEST_F(SqliteSinkTest, file_of_the_first_version_is_brought_to_the_present_one_with_its_rows) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  ASSERT_THAT(writing->deliver(one_row), IsDelivered());
  writing->close();
  file.each_row("DROP INDEX minute_data_time; DROP TABLE schema_version", [](sqlite3_stmt*) {});
  ASSERT_THAT(writing->open(), IsDelivered());
  EXPECT_EQ(value("SELECT count(*) FROM sqlite_master WHERE name = 'minute_data_time'"), "1");
  EXPECT_EQ(value("SELECT count(*) FROM minute WHERE time >= '2024-11-20' AND time < '2024-11-21'"), "1");
  EXPECT_EQ(value("SELECT group_concat(part || '=' || version) FROM schema_version"), "=3,minute=3");
}

TEST_F(SqliteSinkTest, file_of_a_newer_version_is_left_alone) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  writing->close();
  for (const char* part : {"", "minute"}) {
    file.each_row("UPDATE schema_version SET version = 9 WHERE part = '" + std::string(part) + "'",
                  [](sqlite3_stmt*) {});
    const Outcome outcome = writing->open();
    EXPECT_THAT(outcome, IsRetryAfter(testing::AllOf(HasSubstr("version 9"), HasSubstr("newer edgetide"))));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
    writing->close();
    file.each_row("UPDATE schema_version SET version = 3", [](sqlite3_stmt*) {});
  }
  EXPECT_THAT(writing->open(), IsDelivered());
}

// Reads, and keeps its snapshot until it ends.
class Reader {
 public:
  explicit Reader(const std::string& path) {
    sqlite3_open(path.c_str(), &database_);
    sqlite3_exec(database_, "BEGIN; SELECT count(*) FROM minute", nullptr, nullptr, nullptr);
  }
  ~Reader() { sqlite3_close(database_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

 private:
  sqlite3* database_ = nullptr;
};

RowBatch thousand_rows(std::uint64_t epoch) {
  std::vector<RowText> rows;
  for (std::int64_t i = 0; i < 1000; ++i) {
    rows.push_back({series(numbered("s", i)), static_cast<std::int64_t>(epoch) * 60'000'000, 1, {1, 1}});
  }
  return batch(epoch, rows);
}

TEST_F(SqliteSinkTest, log_stays_within_its_bound_while_a_reader_holds_it_and_the_rows_wait) {
  constexpr std::uint64_t bound = 1024 * 1024;
  const auto writing =
      make_sqlite_sink({file.path(), Duration::milliseconds(20), bound}, this_gateway(), minute_window());
  ASSERT_THAT(writing->open(), IsDelivered());
  ASSERT_THAT(writing->deliver(one_row), IsDelivered());
  std::uint64_t epoch = 1;
  const auto log_bytes = [&] { return std::filesystem::file_size(file.path() + "-wal"); };
  {
    const Reader reader(file.path());
    Outcome outcome = Delivered{};
    while (std::holds_alternative<Delivered>(outcome)) {
      outcome = writing->deliver(thousand_rows(++epoch));
      ASSERT_LT(log_bytes(), 2 * bound);
    }
    ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("a reader holds")));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
    writing->close();
    EXPECT_THAT(writing->open(), IsDelivered());
  }
  EXPECT_THAT(writing->deliver(thousand_rows(epoch)), IsDelivered());
  EXPECT_LT(log_bytes(), bound);
  EXPECT_EQ(value("SELECT count(*) FROM minute"), std::to_string((epoch - 1) * 1000 + 1));
}

TEST_F(SqliteSinkTest, log_stays_small_and_is_empty_once_it_is_closed) {
  const auto writing = sink();
  ASSERT_THAT(writing->open(), IsDelivered());
  for (std::uint64_t epoch = 1; epoch <= 60; ++epoch) {
    ASSERT_THAT(writing->deliver(thousand_rows(epoch)), IsDelivered());
    EXPECT_LT(std::filesystem::file_size(file.path() + "-wal"), 6U * 1024 * 1024);
  }
  writing->close();
  std::error_code missing;
  const auto left = std::filesystem::file_size(file.path() + "-wal", missing);
  EXPECT_TRUE(missing || left == 0) << left;
  std::filesystem::copy_file(file.path(), file.path() + ".copy");
  std::filesystem::remove(file.path() + "-wal");
  EXPECT_EQ(value("SELECT count(*) FROM minute"), "60000");
}

TEST_F(SqliteSinkTest, readers_never_see_it_locked_while_it_opens_writes_changes_its_tables_and_closes) {
  {
    const auto first = sink();
    ASSERT_THAT(first->open(), IsDelivered());
  }
  std::atomic<bool> ended = false;
  std::atomic<unsigned> reads = 0;
  auto standing = std::async(std::launch::async, [&] {
    std::string error;
    while (!ended) {
      try {
        value("SELECT count(*) FROM minute");
        ++reads;
      } catch (const std::exception& failure) {
        error = failure.what();
      }
    }
    return error;
  });
  std::vector<WindowSchema> inputs = minute_window();
  for (std::uint64_t epoch = 1; epoch <= 20; ++epoch) {
    inputs[0].columns.push_back({numbered("p", static_cast<std::int64_t>(epoch)), false});
    const auto writing = make_sqlite_sink({file.path()}, this_gateway(), inputs);
    ASSERT_THAT(writing->open(), IsDelivered());
    std::vector<double> values(inputs[0].columns.size(), 1);
    const std::int64_t start_us = static_cast<std::int64_t>(epoch) * 60'000'000;
    ASSERT_THAT(writing->deliver(batch(epoch, {{series("s"), start_us, 1, values}})), IsDelivered());
    writing->close();
    for (const unsigned before = reads;
         reads < before + 2 && standing.wait_for(std::chrono::seconds(0)) != std::future_status::ready;) {
      std::this_thread::yield();
    }
  }
  ended = true;
  EXPECT_EQ(standing.get(), "");
}

TEST_F(SqliteSinkTest, check_says_what_stands_in_the_way_and_makes_no_file) {
  EXPECT_EQ(fault_of_sqlite({file.path()}), "");
  EXPECT_FALSE(std::filesystem::exists(file.path()));
  ASSERT_THAT(sink()->open(), IsDelivered());
  EXPECT_EQ(fault_of_sqlite({file.path()}), "");
  std::filesystem::resize_file(file.path(), 0);
  std::ofstream(file.path()) << std::string(8192, 'x');
  EXPECT_THAT(fault_of_sqlite({file.path()}), HasSubstr("not a database"));
}

}  // namespace
}  // namespace edgetide::test
