// Late readings: how every store adds them to the rows that it has.
#include <gmock/gmock.h>

#include "tests/sinks/store_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class StoreAddition : public StoreTest {};

INSTANTIATE_TEST_SUITE_P(Stores, StoreAddition, testing::ValuesIn(stores()), kind_name);

RowText added(std::shared_ptr<const Series> of, std::int64_t start_us, std::vector<double> values) {
  return {std::move(of), start_us, 1, std::move(values), RowState::added};
}
RowText final_row(std::shared_ptr<const Series> of, std::int64_t start_us, std::uint32_t revision,
                  std::vector<double> values) {
  return {std::move(of), start_us, revision, std::move(values), RowState::final};
}

TEST_P(StoreAddition, row_has_all_readings_and_the_next_revision) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {final_row(a, 0, 4, {2, 10}), final_row(a, 60, 1, {1, 5})})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(2, {added(a, 0, {2, 20})})), IsDelivered());
  ASSERT_THAT(rows(), SizeIs(2));
  const StoredRow row = rows()[0];
  EXPECT_THAT(row.values, ElementsAre(4.0, 15.0));
  EXPECT_EQ(row.revision, 5);
  EXPECT_EQ(row.epoch, 2U);
  EXPECT_TRUE(row.is_final);
  EXPECT_EQ(row.state, "final");
  EXPECT_EQ(row.end_us, minute_after(0).count());
  EXPECT_EQ(rows()[1].revision, 1);
}

TEST_P(StoreAddition, row_that_is_not_there_becomes_a_final_one) {
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(batch(1, {added(series("new"), 0, {2, 20})})), IsDelivered());
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_THAT(rows()[0].values, ElementsAre(2.0, 20.0));
  EXPECT_EQ(rows()[0].state, "final");
  EXPECT_TRUE(rows()[0].is_final);
  EXPECT_EQ(rows()[0].revision, 1);
}

TEST_P(StoreAddition, epoch_that_comes_again_adds_nothing) {
  const auto a = series("a");
  ASSERT_THAT(open_sink()->deliver(batch(1, {final_row(a, 0, 1, {2, 10})})), IsDelivered());
  ASSERT_THAT(open_sink()->deliver(batch(2, {added(a, 0, {2, 20})})), IsDelivered());
  EXPECT_THAT(open_sink()->deliver(batch(2, {added(a, 0, {2, 20})})), IsDelivered());
  EXPECT_THAT(rows()[0].values, ElementsAre(4.0, 15.0));
  EXPECT_EQ(rows()[0].revision, 2);
}

TEST_P(StoreAddition, merged_batch_adds_everything_to_its_own_row) {
  const auto sink = open_sink();
  const auto a = series("a");
  const auto b = series("b");
  ASSERT_THAT(sink->deliver(batch(1, {final_row(b, 0, 1, {1, 1})})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(2, {added(a, 0, {1, 20}), final_row(a, 0, 1, {2, 10}), added(a, 0, {1, 40}),
                                      added(b, 0, {1, 3}), added(b, 60, {1, 7}), added(b, 60, {1, 9})})),
              IsDelivered());
  ASSERT_THAT(rows(), SizeIs(3));
  EXPECT_THAT(rows()[0].values, ElementsAre(4.0, 20.0));
  EXPECT_THAT(rows()[1].values, ElementsAre(2.0, 2.0));
  EXPECT_THAT(rows()[2].values, ElementsAre(2.0, 8.0));
}

TEST_P(StoreAddition, value_that_the_row_lacks_stays_null) {
  const auto a = series("a");
  ASSERT_THAT(open_sink()->deliver(batch(1, {final_row(a, 0, 1, {2, 10})})), IsDelivered());
  windows[0].columns.push_back({"max", false});
  const auto sink = open_sink();
  EXPECT_THAT(sink->deliver(batch(2, {added(a, 0, {1, 40, 40})})), IsDelivered());
  EXPECT_THAT(rows()[0].values, ElementsAre(3.0, 20.0, std::nullopt));
}

TEST_P(StoreAddition, row_of_fewer_readings_does_not_take_them_away) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {final_row(a, 0, 1, {2, 10})})), IsDelivered());
  ASSERT_THAT(sink->deliver(batch(2, {added(a, 0, {1, 40})})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(3, {final_row(a, 0, 9, {2, 10})})), IsDelivered());
  EXPECT_THAT(rows()[0].values, ElementsAre(3.0, 20.0));
}

TEST_P(StoreAddition, numbers_are_exact_to_the_last_digit) {
  const auto sink = open_sink();
  const auto a = series("a");
  windows[0].columns = {{"count", true}, {"avg", false}};
  const double third = 1.0 / 3;
  ASSERT_THAT(sink->deliver(batch(1, {final_row(a, 0, 1, {1, third})})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(2, {added(a, 0, {1, third})})), IsDelivered());
  EXPECT_THAT(rows()[0].values, ElementsAre(2.0, third));
}

TEST_P(StoreAddition, row_that_the_store_refuses_is_rejected_alone) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {final_row(a, 0, 1, {5, 10})})), IsDelivered());
  store->refuse_counts_above(1'000);
  const Outcome outcome =
      sink->deliver(batch(2, {added(a, 0, {1, 40}), added(a, 60, {2'000, 1}), added(a, 120, {1, 1})}));
  ASSERT_THAT(outcome, IsDelivered(SizeIs(1)));
  EXPECT_EQ(std::get<Delivered>(outcome).rejected[0].start, Timestamp::microseconds(60));
  EXPECT_THAT(counts(), ElementsAre(6, 1));
}

}  // namespace
}  // namespace edgetide::test
