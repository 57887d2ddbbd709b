// Partitions and retention of the PostgreSQL sink against a real server.
#include <chrono>
#include <gmock/gmock.h>
#include <pqxx/pqxx>

#include "sinks/postgres_sink.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"
#include "tests/sinks/postgres_database.h"

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t day_us = Duration::days(1).count();

template <typename Warning>
auto HasWarning(Warning warning) {
  return testing::VariantWith<Delivered>(testing::Field(&Delivered::warning, warning));
}

class PostgresPartitionsTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> open_sink(const PostgresOptions& options) {
    auto made = make_postgres_sink(options, this_gateway(), minute_window());
    EXPECT_THAT(made->open(), IsDelivered());
    return made;
  }
  PostgresOptions daily(std::optional<Duration> kept = std::nullopt) {
    PostgresOptions options = database.options();
    options.partitions.days = 1;
    if (kept) options.partitions.retention["minute"] = *kept;
    return options;
  }

  // The start of a minute so many days before now.
  static std::int64_t days_ago(double days) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto then = std::chrono::duration_cast<std::chrono::minutes>(now) -
                      std::chrono::minutes(static_cast<std::int64_t>(days * 24 * 60));
    return std::chrono::duration_cast<std::chrono::microseconds>(then).count();
  }
  static RowBatch batch_of(std::uint64_t epoch, double count, const std::vector<double>& days,
                           std::uint32_t revision = 1) {
    std::vector<RowText> rows;
    for (const double ago : days) rows.push_back({series("a"), days_ago(ago), revision, {count, count}});
    return batch(epoch, rows);
  }

  std::string partitions() {
    return database.value(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'edgetide.minute_data'::regclass AND "
        "inhrelid::regclass::text ~ '_p[0-9]{8}$'");
  }
  std::string counts(const std::string& from = "minute_data") {
    return database.value("SELECT coalesce(string_agg(count::text, ' ' ORDER BY time), '') FROM edgetide." + from);
  }
  void make_plain_table() { open_sink(database.options())->close(); }

  const PostgresDatabase database;
};

TEST_F(PostgresPartitionsTest,
       rows_go_into_partitions_made_from_a_week_ago_to_a_week_ahead_and_others_into_the_default) {
  const auto sink = open_sink(daily());
  ASSERT_THAT(sink->deliver(batch_of(1, 1, {0, 1, 7, 40, -30})), IsDelivered());
  EXPECT_EQ(counts(), "1 1 1 1 1");
  EXPECT_EQ(counts("minute_data_default"), "1 1");
  EXPECT_EQ(partitions(), "16");
  EXPECT_EQ(database.value("SELECT count(*) FROM edgetide.minute_latest"), "1");
}

TEST_F(PostgresPartitionsTest, correction_replaces_its_row_in_each_partition_and_an_older_one_does_not) {
  const auto sink = open_sink(daily());
  ASSERT_THAT(sink->deliver(batch(1, {{series("a"), days_ago(0), 1, {1, 1}},
                                      {series("a"), days_ago(3), 1, {1, 1}},
                                      {series("a"), days_ago(50), 1, {1, 1}}})),
              IsDelivered());
  const RowBatch later = batch(2, {{series("a"), days_ago(3), 2, {2, 2}}, {series("a"), days_ago(50), 2, {2, 2}}});
  ASSERT_THAT(sink->deliver(later), IsDelivered());
  EXPECT_EQ(counts(), "2 2 1");
  ASSERT_THAT(sink->deliver(batch(
                  3, {{series("a"), later.windows[0].rows[0].start.count(), 3, {null, null}, RowState::retracted}})),
              IsDelivered());
  EXPECT_EQ(counts(), "2 1");
  ASSERT_THAT(
      sink->deliver(batch(4, {{series("a"), later.windows[0].rows[1].start.count(), 1, {5, 5}, RowState::added}})),
      IsDelivered());
  EXPECT_EQ(counts(), "7 1");
}

TEST_F(PostgresPartitionsTest, partitions_are_dropped_whole_once_all_of_their_rows_are_older_than_they_are_kept) {
  {
    const auto sink = open_sink(daily());
    ASSERT_THAT(sink->deliver(batch_of(1, 1, {7, 5, 3.01, 0, 20})), IsDelivered());
  }
  database.execute(
      "CREATE TABLE edgetide.mine PARTITION OF edgetide.minute_data FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')");
  const auto sink = open_sink(daily(Duration::days(4)));
  ASSERT_THAT(sink->deliver(batch_of(2, 2, {0.5})), HasWarning(IsEmpty()));
  EXPECT_EQ(counts(), "1 2 1");
  EXPECT_EQ(counts("minute_data_default"), "");
  EXPECT_EQ(partitions(), "12");
  EXPECT_EQ(database.value("SELECT to_regclass('edgetide.mine') IS NOT NULL"), "t");  // the user's
}

TEST_F(PostgresPartitionsTest,
       correction_of_a_row_whose_partition_was_dropped_goes_into_the_default_one_until_it_is_deleted) {
  const auto sink = open_sink(daily(Duration::days(4)));
  ASSERT_THAT(sink->deliver(batch_of(1, 1, {0})), IsDelivered());
  ASSERT_THAT(sink->deliver(batch_of(2, 2, {10})), IsDelivered());
  EXPECT_EQ(counts(), "2 1");
  EXPECT_EQ(counts("minute_data_default"), "2");
  EXPECT_EQ(stored_epoch(*sink), 2U);
  const auto again = open_sink(daily(Duration::days(4)));
  EXPECT_EQ(stored_epoch(*again), 2U);
  EXPECT_EQ(counts(), "1");
}

TEST_F(PostgresPartitionsTest, table_that_was_made_without_partitions_stays_as_it_is_and_says_so) {
  make_plain_table();
  const auto sink = open_sink(daily(Duration::days(4)));
  ASSERT_THAT(sink->deliver(batch_of(1, 1, {0, 10})), HasWarning(HasSubstr("edgetide.minute_data was made without")));
  const auto again = open_sink(daily(Duration::days(4)));
  ASSERT_THAT(again->deliver(batch_of(2, 2, {1})), HasWarning(HasSubstr("made without partitions")));
  EXPECT_EQ(counts(), "2 1");  // what is too old is deleted all the same
  EXPECT_EQ(database.value("SELECT relkind FROM pg_class WHERE oid = 'edgetide.minute_data'::regclass"), "r");
}

TEST_F(PostgresPartitionsTest, old_rows_of_a_table_without_partitions_are_deleted_some_at_a_time) {
  make_plain_table();
  database.execute(
      "INSERT INTO edgetide.series (gateway, sensor_id, metric) VALUES ('gw', 'old', 't'); "
      "INSERT INTO edgetide.minute_data (time, series_id, state, is_final, revision, epoch, state_id, count) "
      "SELECT now() - interval '30 days' - i * interval '1 minute', 1, 'final', true, 1, 1, 1, 1 "
      "FROM generate_series(1, 7000) i");
  PostgresOptions options = database.options();
  options.partitions.retention["minute"] = Duration::days(4);
  const auto sink = open_sink(options);
  ASSERT_THAT(sink->deliver(batch_of(1, 1, {0})), HasWarning(IsEmpty()));
  EXPECT_EQ(database.value("SELECT count(*) FROM edgetide.minute_data"), "2001");
  while (database.value("SELECT count(*) FROM edgetide.minute_data") != "1") stored_epoch(*sink);
}

TEST_F(PostgresPartitionsTest, table_whose_rows_all_grew_too_old_was_not_emptied) {
  const auto sink = open_sink(daily(Duration::days(4)));
  ASSERT_THAT(sink->deliver(batch_of(1, 1, {5})), IsDelivered());
  database.execute("DELETE FROM edgetide.minute_data");
  sink->close();
  const Outcome opened = sink->open();
  ASSERT_THAT(opened, IsDelivered());
  EXPECT_FALSE(std::get<Delivered>(opened).tables_are_new);
  ASSERT_THAT(sink->deliver(batch_of(2, 1, {0})), IsDelivered());
  database.execute("DELETE FROM edgetide.minute_data");
  sink->close();
  const Outcome emptied = sink->open();
  ASSERT_THAT(emptied, IsDelivered());
  EXPECT_TRUE(std::get<Delivered>(emptied).tables_are_new);
}

TEST_F(PostgresPartitionsTest, user_that_may_not_make_partitions_stores_in_the_default_one_and_says_so) {
  database.execute(postgres_ddl("edgetide", minute_window(), daily().partitions));
  EXPECT_EQ(partitions(), "16");
  database.execute("CREATE ROLE edge_2 LOGIN IN ROLE edgetide_writer");
  PostgresOptions options = daily(Duration::days(4));
  options.user = "edge_2";
  ASSERT_THAT(open_sink(options)->deliver(batch_of(1, 1, {0, 6})), HasWarning(IsEmpty()));
  database.execute(
      "DO $$ DECLARE part regclass; BEGIN FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = "
      "'edgetide.minute_data'::regclass AND inhrelid::regclass::text ~ '_p[0-9]{8}$' LOOP EXECUTE 'DROP TABLE ' || "
      "part; "
      "END LOOP; END $$");
  const auto sink = open_sink(options);
  const Outcome outcome = sink->deliver(batch_of(2, 2, {0, 6}));
  EXPECT_THAT(outcome, HasWarning(AllOf(HasSubstr("user edge_2 may not make partitions of table edgetide.minute_data"),
                                        HasSubstr("edgetide schema"))));
  EXPECT_EQ(counts("minute_data_default"), "2 2");
  EXPECT_EQ(stored_epoch(*open_sink(options)), 2U);
  EXPECT_EQ(counts(), "2");                                                         // by row, without the right to drop
  database.execute(postgres_ddl("edgetide", minute_window(), daily().partitions));  // by the owner
  EXPECT_EQ(counts("minute_data_default"), "");
  EXPECT_EQ(counts(), "2");
  EXPECT_THAT(open_sink(options)->deliver(batch_of(4, 3, {0})), HasWarning(IsEmpty()));
  database.execute("DROP OWNED BY edge_2; DROP ROLE edge_2");
}

TEST_F(PostgresPartitionsTest, partitions_are_not_made_where_tables_may_not_be_created) {
  PostgresOptions options = daily();
  database.execute(postgres_ddl("edgetide", minute_window(), options.partitions));
  database.execute("DROP TABLE edgetide.minute_data_p" +
                   database.value("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '6 days', 'YYYYMMDD')"));
  const std::string before = partitions();
  options.create_tables = false;
  ASSERT_THAT(open_sink(options)->deliver(batch_of(1, 1, {0})), IsDelivered());
  EXPECT_EQ(partitions(), before);
}

TEST_F(PostgresPartitionsTest, longer_partitions_begin_where_the_shorter_ones_end) {
  open_sink(daily());
  PostgresOptions options = daily();
  ASSERT_THAT(open_sink(options)->deliver(batch_of(1, 1, {0})), IsDelivered());
  options.partitions.days = 7;
  const auto sink = open_sink(options);
  ASSERT_THAT(sink->deliver(batch_of(2, 2, {-10})), HasWarning(IsEmpty()));
  EXPECT_EQ(counts(), "1 2");
  EXPECT_EQ(counts("minute_data_default"), "");
}

TEST_F(PostgresPartitionsTest, added_aggregate_reaches_every_partition) {
  ASSERT_THAT(open_sink(daily())->deliver(batch_of(1, 1, {0, 60})), IsDelivered());
  const auto wider =
      make_postgres_sink(daily(), this_gateway(), {{"minute", {{"p95", false}, {"count", true}, {"avg", false}}}});
  ASSERT_THAT(wider->open(), IsDelivered());
  ASSERT_THAT(wider->deliver(batch(2, {{series("a"), days_ago(1), 1, {9, 2, 3}}})), IsDelivered());
  EXPECT_EQ(database.value("SELECT max(p95) FROM edgetide.minute"), "9");
}

TEST_F(PostgresPartitionsTest, printed_statements_may_be_run_again_and_make_all_that_a_sink_makes) {
  PostgresPartitions partitions = daily(Duration::days(4)).partitions;
  for (int run = 0; run < 2; ++run) database.execute(postgres_ddl("edgetide", minute_window(), partitions));
  EXPECT_EQ(this->partitions(), "12");
  const PostgresDatabase plain;
  plain.execute(postgres_ddl("edgetide", minute_window()));
  plain.execute(postgres_ddl("edgetide", minute_window(), partitions));
  EXPECT_EQ(plain.value("SELECT relkind FROM pg_class WHERE oid = 'edgetide.minute_data'::regclass"), "r");
}

// As the README says it.
TEST_F(PostgresPartitionsTest, table_that_was_made_without_partitions_becomes_the_first_one) {
  ASSERT_THAT(open_sink(database.options())->deliver(batch_of(1, 1, {0, 3, 30})), IsDelivered());
  database.execute(
      "BEGIN; DROP VIEW edgetide.minute_latest, edgetide.minute; "
      "ALTER TABLE edgetide.minute_data RENAME TO minute_data_before; "
      "CREATE TABLE edgetide.minute_data (LIKE edgetide.minute_data_before INCLUDING ALL) PARTITION BY RANGE (time); "
      "ALTER TABLE edgetide.minute_data ADD FOREIGN KEY (series_id) REFERENCES edgetide.series; "
      "ALTER TABLE edgetide.minute_data ATTACH PARTITION edgetide.minute_data_before FOR VALUES FROM (MINVALUE) TO "
      "('tomorrow'); COMMIT");
  database.execute(postgres_ddl("edgetide", minute_window(), daily().partitions));
  const auto sink = open_sink(daily());
  ASSERT_THAT(sink->deliver(batch_of(2, 2, {2, -3})), HasWarning(IsEmpty()));
  EXPECT_EQ(counts("minute"), "1 1 2 1 2");
  EXPECT_EQ(counts("minute_data_before"), "1 1 2 1");
  EXPECT_EQ(counts("minute_data_default"), "");
}

TEST_F(PostgresPartitionsTest, default_partition_that_was_dropped_is_made_again) {
  open_sink(daily())->last_epoch();
  database.execute("DROP TABLE edgetide.minute_data_default");
  const auto sink = open_sink(daily());
  ASSERT_THAT(sink->deliver(batch_of(1, 1, {100})), IsDelivered());
  EXPECT_EQ(counts(), "1");
}

TEST_F(PostgresPartitionsTest, schema_of_any_name_has_partitions) {
  PostgresOptions options = daily(Duration::days(4));
  options.schema = R"(We "like" schema's 100%s)";
  const auto sink = open_sink(options);
  ASSERT_THAT(sink->deliver(batch_of(1, 1, {0})), HasWarning(IsEmpty()));
  EXPECT_EQ(database.value(R"(SELECT count(*) FROM "We ""like"" schema's 100%s".minute_data_default)"), "0");
}

// A dashboard's query that takes long must not hold deliveries up.
TEST_F(PostgresPartitionsTest, upkeep_that_gets_no_lock_is_left_for_later_and_rows_are_stored) {
  ASSERT_THAT(open_sink(daily())->deliver(batch_of(1, 1, {7})), IsDelivered());
  const auto sink = open_sink(daily(Duration::days(2)));
  pqxx::connection reader(database.connection());
  pqxx::work reading(reader);
  reading.exec("SELECT * FROM edgetide.minute");
  ASSERT_THAT(sink->deliver(batch_of(2, 2, {0})), HasWarning(HasSubstr("lock timeout")));
  EXPECT_EQ(counts(), "1 2");
}

}  // namespace
}  // namespace edgetide::test
