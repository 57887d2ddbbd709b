// Rows that a trigger of the user drops without an error: every store notices them and says so, and takes no other row
// for one of them.
#include <gmock/gmock.h>

#include "tests/sinks/store_fixture.h"

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StoreSkips : public StoreTest {
 protected:
  // Sensor and start of those that were rejected, which all have the reason.
  static std::vector<std::string> skipped(const Outcome& outcome) {
    std::vector<std::string> found;
    const auto* const delivered = std::get_if<Delivered>(&outcome);
    if (delivered == nullptr) return {"not delivered"};
    for (const RejectedRow& row : delivered->rejected) {
      EXPECT_THAT(row.reason, HasSubstr("skipped by the store"));
      found.push_back(row.sensor + "@" + std::to_string(row.start.count()));
    }
    return found;
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreSkips, testing::ValuesIn(stores()), kind_name);

TEST_P(StoreSkips, row_that_is_dropped_without_an_error_is_rejected_alone) {
  const auto sink = open_sink();
  store->skip("INSERT", "minute_data", "NEW.count > 100");
  const Outcome outcome = sink->deliver(
      batch(1, {{series("a"), 0, 1, {1, 1}}, {series("b"), 0, 1, {101, 1}}, {series("c"), 5, 1, {102, 1}}}));
  EXPECT_THAT(skipped(outcome), ElementsAre("b@0", "c@5"));
  EXPECT_THAT(counts(), ElementsAre(1.0));
  EXPECT_EQ(stored_epoch(*sink), 1U);
}

TEST_P(StoreSkips, row_that_keeps_its_former_values_is_rejected_too) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {{a, 0, 1, {1, 1}}, {series("b"), 0, 1, {1, 1}}})), IsDelivered(IsEmpty()));
  store->skip("UPDATE", "minute_data", "NEW.count > 100");
  EXPECT_THAT(skipped(sink->deliver(batch(2, {{a, 0, 2, {101, 1}}, {series("b"), 0, 2, {2, 1}}}))), ElementsAre("a@0"));
  EXPECT_THAT(counts(), ElementsAre(1.0, 2.0));
}

TEST_P(StoreSkips, window_without_a_count_is_watched_too) {
  for (const std::vector<Column>& columns :
       {std::vector<Column>{{"avg", false}}, std::vector<Column>{{"avg", false}, {"readings", true}}}) {
    store = GetParam().make();
    windows = {{"minute", columns}};
    const auto sink = open_sink();
    store->skip("INSERT", "minute_data", "NEW.avg > 100");
    const auto values = [&](double avg) { return columns.size() == 1 ? std::vector{avg} : std::vector{avg, 1.0}; };
    EXPECT_THAT(skipped(sink->deliver(batch(1, {{series("a"), 0, 1, values(1)}, {series("b"), 0, 1, values(101)}}))),
                ElementsAre("b@0"));
  }
}

TEST_P(StoreSkips, stored_row_that_does_not_give_way_is_not_a_skipped_one) {
  store->execute(store->ddl(windows));
  store->skip("INSERT", "minute_data", "NEW.count = 666");
  const auto a = series("a");
  ASSERT_THAT(open_sink_of_state(1)->deliver(batch(7, {{a, 0, 3, {5, 1}, RowState::final}, {a, 60, 3, {5, 1}}})),
              IsDelivered(IsEmpty()));
  const auto other = open_sink_of_state(2);
  EXPECT_THAT(other->deliver(batch(1, {{a, 0, 9, {4, 1}}, {a, 60, 1, {5, 2}}})), IsDelivered(IsEmpty()))
      << "the stored row of more readings stays, the one of as many gives way";
  EXPECT_THAT(counts(), ElementsAre(5.0, 5.0));
  EXPECT_THAT(skipped(other->deliver(batch(2, {{a, 0, 9, {4, 1}}, {a, 120, 1, {666, 1}}, {a, 180, 1, {1, 1}}}))),
              ElementsAre("a@120"));
}

TEST_P(StoreSkips, epoch_that_comes_again_and_smaller_rows_are_not_skipped_ones) {
  const auto a = series("a");
  ASSERT_THAT(open_sink()->deliver(batch(1, {{a, 0, 1, {2, 1}}, {a, 0, 2, {3, 1}}})), IsDelivered(IsEmpty()));
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(batch(1, {{a, 0, 1, {2, 1}}})), IsDelivered(IsEmpty()));
  EXPECT_THAT(sink->deliver(batch(2, {{a, 0, 2, {3, 1}}, {a, 0, 1, {2, 1}}})), IsDelivered(IsEmpty()))
      << "two revisions in one batch, the smaller one last";
  EXPECT_THAT(counts(), ElementsAre(3.0));
}

TEST_P(StoreSkips, table_that_drops_all_rows_of_several_series_keeps_them_waiting) {
  const auto sink = open_sink();
  store->skip("INSERT", "minute_data", "NEW.count > 0");
  const RowBatch waiting = batch(1, {{series("a"), 0, 1, {1, 1}}, {series("b"), 0, 1, {2, 1}}});
  const Outcome outcome = sink->deliver(waiting);
  ASSERT_THAT(outcome, IsRetryAfter(AllOf(HasSubstr("every row of a delivery"), HasSubstr("skipped by the store"))));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
}

TEST_P(StoreSkips, series_that_is_dropped_without_an_error_costs_its_own_rows_only) {
  const auto sink = open_sink();
  store->skip("INSERT", "series", "NEW.sensor_id = 'bad'");
  EXPECT_THAT(skipped(sink->deliver(
                  batch(1, {{series("a"), 0, 1, {1, 1}}, {series("bad"), 0, 1, {2, 1}}, {series("c"), 0, 1, {3, 1}}}))),
              ElementsAre("bad@0"));
  EXPECT_THAT(counts(), ElementsAre(1.0, 3.0));
}

TEST_P(StoreSkips, row_whose_removal_is_dropped_is_rejected_and_one_that_is_not_there_is_none) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {{a, 0, 1, {1, 1}}, {a, 60, 1, {666, 1}}})), IsDelivered(IsEmpty()));
  store->skip("DELETE", "minute_data", "OLD.count = 666");
  const auto gone = [&](std::int64_t start) { return RowText{a, start, 2, {null, null}, RowState::retracted}; };
  EXPECT_THAT(skipped(sink->deliver(batch(2, {gone(0), gone(60), gone(120), {a, 180, 1, {3, 1}}}))),
              ElementsAre("a@60"));
  EXPECT_THAT(counts(), ElementsAre(666.0, 3.0));
}

TEST_P(StoreSkips, late_readings_whose_row_drops_them_are_rejected) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {{a, 0, 1, {1, 1}, RowState::final}, {a, 60, 1, {1, 1}, RowState::final}})),
              IsDelivered(IsEmpty()));
  store->skip("UPDATE", "minute_data", "NEW.count > 100");
  store->skip("INSERT", "minute_data", "NEW.count > 100");
  const auto added = [&](std::int64_t start, double count) {
    return RowText{a, start, 1, {count, 1}, RowState::added};
  };
  EXPECT_THAT(skipped(sink->deliver(batch(2, {added(0, 100), added(60, 1), added(120, 101), added(180, 1)}))),
              testing::UnorderedElementsAre("a@0", "a@120"));
  EXPECT_THAT(counts(), ElementsAre(1.0, 2.0, 1.0));
}

}  // namespace
}  // namespace edgetide::test
