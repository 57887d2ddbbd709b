// What every store must do with rows, whatever it is made of (sinks/sink.h).
#include <gmock/gmock.h>
#include <random>
#include <thread>
#include <utility>

#include "tests/sinks/store_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StoreContract : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::ValuesIn(stores()), kind_name);

TEST_P(StoreContract, store_is_a_table_that_has_each_batch_exactly_once) {
  const SinkTraits& traits = GetParam().traits;
  EXPECT_EQ(traits.kind, SinkKind::table);
  EXPECT_EQ(traits.delivery, DeliveryGuarantee::exactly_once);
}

TEST_P(StoreContract, group_is_not_the_sensor_of_the_same_text) {
  const auto sink = open_sink();
  const auto lyon = group("site=lyon", {{"site", "lyon"}});
  EXPECT_THAT(sink->deliver(batch(1, {{lyon, 0, 1, {1, 1}}, {series("site=lyon", ""), 0, 1, {2, 2}}})), IsDelivered());
  EXPECT_THAT(rows(), SizeIs(2));
  const auto other = open_sink();  // finds both again
  EXPECT_THAT(other->deliver(batch(2, {{lyon, 0, 2, {3, 3}}})), IsDelivered());
  std::vector<double> found = counts();
  std::sort(found.begin(), found.end());
  EXPECT_THAT(found, ElementsAre(2, 3));
}

TEST_P(StoreContract, window_without_an_end_has_none_in_the_store) {
  const auto sink = open_sink();
  RowBatch totals = batch(1, {{series("a"), 0, 1, {1, 1}, RowState::open}});
  totals.windows[0].rows[0].end = Timestamp::latest();
  EXPECT_THAT(sink->deliver(totals), IsDelivered());
  const auto ends = store->query("SELECT time_end FROM " + store->prefix() + "minute");
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0][0], std::nullopt);
}

TEST_P(StoreContract, row_of_an_empty_window_has_count_zero_and_nulls) {
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(batch(1, {{series("a"), 0, 1, {0, null}}})), IsDelivered());
  EXPECT_THAT(rows()[0].values, ElementsAre(0, std::nullopt));
}

class StoreOfSketches : public StoreTest {
 protected:
  StoreOfSketches() { windows[0].columns.push_back({"sketch", false, true}); }
  static RowBatch with_sketch(std::uint64_t epoch, double count, const std::string& bytes,
                              RowState state = RowState::closed) {
    RowBatch rows = batch(epoch, {{series("a"), 0, static_cast<std::uint32_t>(epoch), {count, 2, null}, state}});
    if (!bytes.empty()) rows.windows[0].rows[0].sketch = std::make_shared<const std::string>(bytes);
    return rows;
  }
  std::optional<std::string> stored_hex() {
    const std::string hex = GetParam().name == "sqlite" ? "CASE WHEN sketch IS NOT NULL THEN lower(hex(sketch)) END"
                                                        : "encode(sketch, 'hex')";
    const auto found = store->query("SELECT " + hex + " FROM " + store->prefix() + "minute");
    return found.at(0).at(0);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, StoreOfSketches, testing::ValuesIn(stores()), kind_name);

TEST_P(StoreOfSketches, sketch_is_in_the_store_byte_by_byte_and_is_replaced_with_its_row) {
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(with_sketch(1, 1, std::string("\0\\\"'\xFF{,}", 8))), IsDelivered());
  EXPECT_EQ(stored_hex(), "005c2227ff7b2c7d");
  EXPECT_THAT(sink->deliver(with_sketch(2, 2, "ab")), IsDelivered());
  EXPECT_EQ(stored_hex(), "6162");
  EXPECT_THAT(sink->deliver(with_sketch(3, 3, "")), IsDelivered());
  EXPECT_EQ(stored_hex(), std::nullopt);
}

TEST_P(StoreOfSketches, sketch_of_a_row_that_late_readings_are_added_to_is_not_kept) {
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(with_sketch(1, 1, "ab", RowState::final)), IsDelivered());
  EXPECT_THAT(sink->deliver(with_sketch(2, 1, "", RowState::added)), IsDelivered());
  EXPECT_EQ(rows().at(0).values.at(0), 2);
  EXPECT_EQ(stored_hex(), std::nullopt);
}

TEST_P(StoreOfSketches, column_is_added_to_a_table_and_is_null_where_a_row_is_written_without_it) {
  const std::vector<WindowSchema> with = std::exchange(windows, minute_window());
  EXPECT_THAT(open_sink()->deliver(batch(1, {{series("a"), 0, 1, {1, 2}}})), IsDelivered());
  windows = with;
  EXPECT_THAT(open_sink()->deliver(with_sketch(2, 2, "ab")), IsDelivered());
  EXPECT_EQ(stored_hex(), "6162");
  windows = minute_window();
  EXPECT_THAT(open_sink()->deliver(batch(3, {{series("a"), 0, 3, {3, 2}}})), IsDelivered());
  EXPECT_EQ(stored_hex(), std::nullopt);
}

TEST_P(StoreOfSketches, many_large_sketches_go_in_several_statements) {
  const auto sink = open_sink();
  std::vector<RowText> texts;
  for (int i = 0; i < 200; ++i) texts.push_back({series(numbered("s", i)), 0, 1, {1, 2, null}});
  RowBatch rows = batch(1, texts);
  for (SinkRow& row : rows.windows[0].rows) row.sketch = std::make_shared<const std::string>(65'536, 'x');
  EXPECT_THAT(sink->deliver(rows), IsDelivered());
  const auto found = store->query("SELECT count(*), min(length(sketch)) FROM " + store->prefix() + "minute");
  EXPECT_EQ(found.at(0), (std::vector<std::optional<std::string>>{"200", "65536"}));
}

TEST_P(StoreContract, percentile_and_duration_have_columns_that_need_no_quotes) {
  windows[0].columns.push_back({"p99.9", false});
  windows[0].columns.push_back({"duration_-2.5", false});
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(batch(1, {{series("a"), 0, 1, {1, 2, 3, 4}}})), IsDelivered());
  EXPECT_THAT(store->query("SELECT p99_9, duration__2_5 FROM " + store->prefix() + "minute"), SizeIs(1));
}

TEST_P(StoreContract, delivered_row_is_in_the_store_with_all_it_has) {
  const auto sink = open_sink();
  const auto boiler = series("boiler", "temperature", "°C", {{"line", "1"}, {"site", "lyon"}});
  EXPECT_THAT(sink->deliver(batch(7, {{boiler, 1'732'100'040'000'000, 3, {5, 21.25}, RowState::final}})),
              IsDelivered());
  ASSERT_THAT(rows(), SizeIs(1));
  const StoredRow row = rows()[0];
  EXPECT_EQ(row.gateway, "gw");
  EXPECT_EQ(row.sensor, "boiler");
  EXPECT_EQ(row.metric, "temperature");
  EXPECT_EQ(row.unit, "°C");
  EXPECT_EQ(store->query("SELECT labels ->> 'site' FROM " + store->prefix() + "series")[0][0], "lyon");
  EXPECT_EQ(row.start_us, 1'732'100'040'000'000);
  EXPECT_EQ(row.end_us, 1'732'100'100'000'000);
  EXPECT_EQ(row.state, "final");
  EXPECT_TRUE(row.is_final);
  EXPECT_EQ(row.revision, 3);
  EXPECT_EQ(row.epoch, 7U);
  EXPECT_THAT(row.values, ElementsAre(5.0, 21.25));
}

TEST_P(StoreContract, each_row_shows_the_labels_of_the_readings_in_it) {
  const auto sink = open_sink();
  const auto first = series("boiler", "t", "", {{"site", "lyon"}});
  const auto other = series("boiler", "t", "", {{"site", "paris"}});
  const auto sites = [&] {
    std::vector<std::string> texts;
    for (const auto& row : store->query("SELECT labels ->> 'site' FROM " + store->prefix() + "minute ORDER BY time")) {
      texts.push_back(row[0].value_or(""));
    }
    return texts;
  };
  ASSERT_THAT(sink->deliver(batch(1, {{first, 0, 1, {1, 1}}})), IsDelivered());
  ASSERT_THAT(sink->deliver(batch(2, {{other, 60'000'000, 1, {1, 1}}})), IsDelivered());
  EXPECT_THAT(sites(), ElementsAre("lyon", "paris"));
  ASSERT_THAT(sink->deliver(batch(3, {{first, 60'000'000, 2, {2, 1}}, {other, 120'000'000, 1, {1, 1}}})),
              IsDelivered());
  EXPECT_THAT(sites(), ElementsAre("lyon", "lyon", "paris"));
  EXPECT_EQ(store->query("SELECT count(*) FROM " + store->prefix() + "series")[0][0], "1");
}

TEST_P(StoreContract, texts_arrive_as_they_are) {
  const auto sink = open_sink();
  const std::vector<std::string> texts = {
      "plain",          "it's",      "\"quoted\"", "back\\slash", "{a,b}", "NULL", "", "; DROP TABLE series; --",
      "Ünïcödé ✓ 温度", "tab\there", "$1",         "%s",          " "};
  std::vector<RowText> sent;
  for (const std::string& text : texts) sent.push_back({series(text, text, text, {{text, text}}), 0, 1, {1, 2}});
  ASSERT_THAT(sink->deliver(batch(1, sent)), IsDelivered());
  std::vector<std::string> stored;
  for (const StoredRow& row : rows()) {
    stored.push_back(row.sensor);
    EXPECT_EQ(row.metric, row.sensor);
    EXPECT_EQ(row.unit, row.sensor);
  }
  EXPECT_THAT(stored, testing::UnorderedElementsAreArray(texts));
}

// As long as a route may allow them, of text that no index can compress.
TEST_P(StoreContract, names_of_512_bytes_arrive_and_are_found_again) {
  std::minstd_rand random{7};
  const auto long_name = [&] {
    std::string name;
    while (name.size() < 512) name += static_cast<char>('!' + random() % 90);
    return name;
  };
  const auto long_one = series(long_name(), long_name(), long_name(), {{long_name(), long_name()}});
  EXPECT_THAT(open_sink()->deliver(batch(1, {{long_one, 0, 1, {1, 1}}})), IsDelivered());
  EXPECT_THAT(open_sink()->deliver(batch(2, {{long_one, 0, 2, {2, 2}}})), IsDelivered());
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].sensor, long_one->sensor);
  EXPECT_EQ(rows()[0].metric, long_one->metric);
  EXPECT_EQ(rows()[0].unit, long_one->unit);
  EXPECT_EQ(rows()[0].revision, 2);
}

TEST_P(StoreContract, values_come_back_equal) {
  const auto sink = open_sink();
  const std::vector<double> values = {0.1,
                                      -0.0,
                                      1e308,
                                      -1e308,
                                      1.7976931348623157e308,
                                      5e-324,
                                      2.2250738585072014e-308,
                                      1.0 / 3,
                                      1e15 + 0.3,
                                      123456789.123456789};
  std::vector<RowText> sent;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sent.push_back({series("s"), static_cast<std::int64_t>(i), 1, {9007199254740991.0, values[i]}});
  }
  ASSERT_THAT(sink->deliver(batch(1, sent)), IsDelivered());
  const auto stored = rows();
  ASSERT_THAT(stored, SizeIs(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(stored[i].values[1], values[i]) << values[i];
  EXPECT_EQ(stored[0].values[0], 9007199254740991.0);
}

TEST_P(StoreContract, anything_but_a_number_is_null) {
  const auto sink = open_sink();
  const double infinite = std::numeric_limits<double>::infinity();
  ASSERT_THAT(sink->deliver(batch(1, {{series("s"), 0, 1, {null, null}}, {series("s"), 1, 1, {1, -infinite}}})),
              IsDelivered());
  EXPECT_THAT(rows()[0].values, ElementsAre(std::nullopt, std::nullopt));
  EXPECT_THAT(rows()[1].values, ElementsAre(1.0, std::nullopt));
}

TEST_P(StoreContract, times_are_exact_to_the_microsecond) {
  const auto sink = open_sink();
  const std::vector<std::int64_t> times = {
      -210'866'803'200'000'000,  // 4714-11-24 BC, the first day PostgreSQL knows
      -62'135'596'800'000'001,   // the last microsecond before the year 1
      -86'400'000'001,           -1, 0, 1,
      951'782'400'123'456,        // a leap day
      2'147'483'648'000'001,      // 2038
      9'007'199'254'740'993,      // the first integer a double cannot hold
      253'402'300'800'000'001,    // the year 10000
      9'223'372'036'000'000'000,  // nearly the end of int64
  };
  std::vector<RowText> sent;
  for (const std::int64_t time : times) sent.push_back({series("s"), time, 1, {1, 1}});
  ASSERT_THAT(sink->deliver(batch(1, sent)), IsDelivered());
  std::vector<std::int64_t> stored;
  for (const StoredRow& row : rows()) {
    stored.push_back(row.start_us);
    EXPECT_EQ(row.end_us, minute_after(row.start_us).count()) << row.start_us;
  }
  EXPECT_THAT(stored, testing::ElementsAreArray(times));
}

TEST_P(StoreContract, two_revisions_of_a_row_in_one_batch_leave_the_higher) {
  const auto sink = open_sink();
  const auto s = series("s");
  ASSERT_THAT(sink->deliver(batch(1, {{s, 0, 1, {1, 1}}, {s, 0, 2, {2, 2}}, {s, 60, 1, {3, 3}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(2.0, 3.0));
}

TEST_P(StoreContract, batch_larger_than_a_statement_is_stored_whole) {
  const auto sink = open_sink();
  std::vector<RowText> sent;
  for (int i = 0; i < 12'000; ++i) sent.push_back({series(numbered("s", i % 100)), i / 100, 1, {1.0 * i, 0.5}});
  ASSERT_THAT(sink->deliver(batch(1, sent)), IsDelivered());
  EXPECT_EQ(store->query("SELECT count(*) FROM " + store->prefix() + "minute")[0][0], "12000");
  EXPECT_EQ(store->query("SELECT count(*) FROM " + store->prefix() + "series")[0][0], "100");
  EXPECT_EQ(store->query("SELECT CAST(sum(count) AS bigint) FROM " + store->prefix() + "minute")[0][0], "71994000");
}

TEST_P(StoreContract, only_the_bad_rows_are_rejected) {
  const auto sink = open_sink();
  store->refuse_counts_above(1'000);
  std::vector<RowText> sent;
  for (int i = 0; i < 100; ++i) {
    const bool bad = i == 0 || i == 41 || i == 42 || i == 99;
    sent.push_back({series(numbered("s", i), "m"), i, 1, {bad ? 2'000.0 : 1.0, 1}});
  }
  const Outcome outcome = sink->deliver(batch(5, sent));
  ASSERT_THAT(outcome, IsDelivered(SizeIs(4)));
  std::vector<std::string> rejected;
  for (const RejectedRow& row : std::get<Delivered>(outcome).rejected) {
    rejected.push_back(row.sensor);
    EXPECT_EQ(row.window, "minute");
    EXPECT_EQ(row.metric, "m");
    EXPECT_EQ(numbered("s", row.start.count()), row.sensor);
    EXPECT_FALSE(row.reason.empty());
    EXPECT_THAT(row.reason, testing::Not(HasSubstr("\n")));
  }
  EXPECT_THAT(rejected, ElementsAre("s0", "s41", "s42", "s99"));
  EXPECT_THAT(rows(), SizeIs(96));
  EXPECT_EQ(stored_epoch(*sink), 5U);
}

TEST_P(StoreContract, batch_of_bad_rows_of_one_series_is_done_with) {
  const auto sink = open_sink();
  store->refuse_counts_above(10);
  EXPECT_THAT(sink->deliver(batch(1, {{series("a"), 0, 1, {11, 1}}, {series("a"), 60, 1, {12, 1}}})),
              IsDelivered(SizeIs(2)));
  EXPECT_EQ(stored_epoch(*sink), 1U);
  EXPECT_THAT(sink->deliver(batch(2, {{series("a"), 0, 2, {9, 1}}})), IsDelivered(IsEmpty()));
  EXPECT_THAT(counts(), ElementsAre(9.0));
}

TEST_P(StoreContract, added_aggregate_gets_its_column_and_removed_ones_stay) {
  {
    const auto sink = open_sink();
    ASSERT_THAT(sink->deliver(batch(1, {{series("s"), 0, 1, {1, 10}}})), IsDelivered());
  }
  windows = {{"minute", {{"p95", false}, {"count", true}}}};
  {
    const auto sink = open_sink();
    ASSERT_THAT(sink->deliver(batch(2, {{series("s"), 60, 1, {99, 2}}})), IsDelivered());
  }
  EXPECT_THAT(rows()[0].values, ElementsAre(std::nullopt, 1.0));
  EXPECT_THAT(rows()[1].values, ElementsAre(99.0, 2.0));
  for (const char* view : {"minute", "minute_latest"}) {
    const auto newest = store->query("SELECT p95, count FROM " + store->prefix() + view + " WHERE count = 2");
    ASSERT_THAT(newest, SizeIs(1)) << view;
    EXPECT_EQ(newest[0][1], "2") << view;
  }
  windows = minute_window();
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(batch(3, {{series("s"), 120, 1, {3, 30}}})), IsDelivered());
}

// Of an edited definition: a value of the former one beside those of the present one would be of fewer readings.
TEST_P(StoreContract, row_that_is_written_again_is_null_in_columns_that_the_window_has_no_longer) {
  const std::string table = store->prefix() + "minute_data";
  windows = {{"minute", {{"count", true}, {"avg", false}, {"p99.9", false}, {"duration_-2.5", false}, {"rank", true}}}};
  const auto s = series("s");
  ASSERT_THAT(open_sink()->deliver(batch(1, {{s, 0, 1, {1, 10, 10, 5, 1}},
                                             {s, 60, 1, {1, 20, 20, 5, 2}},
                                             {s, 120, 1, {1, 30, 30, 5, 3}, RowState::final}})),
              IsDelivered());
  store->execute("ALTER TABLE " + table + " ADD COLUMN mine double precision");
  store->execute("ALTER TABLE " + table + " ADD COLUMN mode text");
  store->execute("UPDATE " + table + " SET mine = 7, mode = 'auto'");
  windows = {{"minute", {{"sum", false}, {"readings", true}}}};
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(batch(2, {{s, 0, 2, {12, 2}}, {s, 120, 1, {4, 2}, RowState::added}})), IsDelivered());
  const auto found = store->query("SELECT coalesce(sum, -1), count, avg, p99_9, duration__2_5, rank, mine, mode FROM " +
                                  table + " ORDER BY time");
  ASSERT_THAT(found, SizeIs(3));
  using Row = std::vector<std::optional<std::string>>;
  for (const std::size_t row : {0U, 2U}) {
    EXPECT_EQ(Row(found[row].begin() + 1, found[row].begin() + 6), Row(5)) << row;
    EXPECT_EQ(found[row][7], "auto") << "a column of the user";
    EXPECT_NE(found[row][6], std::nullopt) << "a column of the user";
  }
  EXPECT_THAT(found[1], testing::Not(testing::Contains(std::nullopt))) << "a row that is not written stays as it is";
}

TEST_P(StoreContract, column_of_a_former_definition_may_be_dropped_at_any_time) {
  ASSERT_THAT(open_sink()->deliver(batch(1, {{series("s"), 0, 1, {1, 10}}})), IsDelivered());
  windows = {{"minute", {{"count", true}}}};
  const auto sink = open_sink();
  for (const char* view : {"minute", "minute_latest"}) store->execute("DROP VIEW " + store->prefix() + view);
  store->execute("ALTER TABLE " + store->prefix() + "minute_data DROP COLUMN avg");
  const RowBatch more = batch(2, {{series("s"), 0, 2, {2}}});
  sink->deliver(more);  // PostgreSQL and SQLite do not notice at the same time
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(more), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(2.0));
}

TEST_P(StoreContract, view_latest_has_the_newest_row_of_every_series) {
  const auto sink = open_sink();
  const auto a = series("a");
  const auto b = series("b");
  ASSERT_THAT(sink->deliver(batch(1, {{a, 0, 1, {1, 1}}, {a, 60, 1, {2, 2}}, {b, 0, 1, {3, 3}}})), IsDelivered());
  const auto latest = store->query("SELECT sensor_id, count FROM " + store->prefix() + "minute_latest ORDER BY 1");
  ASSERT_THAT(latest, SizeIs(2));
  EXPECT_THAT(latest[0], ElementsAre("a", "2"));
  EXPECT_THAT(latest[1], ElementsAre("b", "3"));
}

TEST_P(StoreContract, windows_have_separate_tables) {
  windows = {{"minute", {{"count", true}, {"avg", false}}}, {"hour", {{"max", false}}}, {"day", {}}};
  const auto sink = open_sink();
  RowBatch both = batch(1, {{series("s"), 0, 1, {1, 2}}});
  both.windows.push_back(batch(1, {{series("s"), 0, 1, {7}}}, 1).windows[0]);
  both.windows.push_back(batch(1, {{series("s"), 0, 1, {}}}, 2).windows[0]);
  ASSERT_THAT(sink->deliver(both), IsDelivered());
  EXPECT_THAT(rows()[0].values, ElementsAre(1.0, 2.0));
  EXPECT_THAT(store->rows(windows[1])[0].values, ElementsAre(7.0));
  EXPECT_THAT(store->rows(windows[2]), SizeIs(1));
}

TEST_P(StoreContract, printed_ddl_makes_what_open_needs_and_may_run_twice) {
  store->execute(store->ddl(windows));
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(batch(1, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  sink->close();
  store->execute(store->ddl(windows));
  EXPECT_THAT(counts(), ElementsAre(1.0));
}

TEST_P(StoreContract, series_that_somebody_deleted_comes_back) {
  const auto sink = open_sink();
  const auto s = series("s");
  ASSERT_THAT(sink->deliver(batch(1, {{series("a"), 0, 1, {1, 1}}, {s, 0, 1, {1, 1}}})), IsDelivered());
  store->execute("DELETE FROM " + store->prefix() + "minute_data WHERE series_id IN (SELECT series_id FROM " +
                 store->prefix() + "series WHERE sensor_id = 's'); DELETE FROM " + store->prefix() +
                 "series WHERE sensor_id = 's'");
  EXPECT_THAT(sink->deliver(batch(2, {{s, 60, 1, {2, 2}}})), IsDelivered(IsEmpty()));
  EXPECT_THAT(counts(), ElementsAre(1.0, 2.0));
}

TEST_P(StoreContract, interrupt_holds_until_close) {
  const auto sink = open_sink();
  sink->interrupt();
  EXPECT_THAT(sink->deliver(batch(1, {{series("s"), 0, 1, {1, 1}}})), IsRetryAfter(testing::_));
  EXPECT_THAT(sink->open(), IsRetryAfter(testing::_));
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(1, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
}

}  // namespace
}  // namespace edgetide::test
