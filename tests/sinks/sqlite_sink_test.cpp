// What only SQLite can do to a sink; the rest is in store_contract_test.cpp.
#include "sinks/sqlite_sink.h"

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

TEST_F(SqliteSinkTest, file_that_is_no_database_stops_it_with_the_path) {
  std::ofstream(file.path()) << std::string(8192, 'x');
  EXPECT_THAT(sink()->open(), IsStopped(HasSubstr(file.path())));
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

}  // namespace
}  // namespace edgetide::test
