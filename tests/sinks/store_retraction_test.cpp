// Rows that are no more: how every store lets go of them.
#include <gmock/gmock.h>

#include "tests/sinks/store_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class StoreRetraction : public StoreTest {
 protected:
  std::string count_of(const std::string& table) {
    return *store->query("SELECT count(*) FROM " + store->prefix() + table)[0][0];
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreRetraction, testing::ValuesIn(stores()), kind_name);

RowText retracted(std::shared_ptr<const Series> of, std::int64_t start_us, std::uint32_t revision) {
  return {std::move(of), start_us, revision, {null, null}, RowState::retracted};
}

TEST_P(StoreRetraction, row_is_deleted_and_the_others_stay) {
  const auto sink = open_sink();
  const auto a = series("a");
  const auto b = series("b");
  ASSERT_THAT(sink->deliver(batch(1, {{a, 0, 1, {1, 1}}, {a, 60, 1, {2, 2}}, {b, 0, 5, {3, 3}}})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(2, {retracted(a, 0, 2), {a, 120, 1, {4, 4}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(2, 4, 3));
}

TEST_P(StoreRetraction, row_that_is_not_there_adds_nothing) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {{a, 0, 1, {1, 1}}})), IsDelivered());
  for (const std::uint64_t epoch : {2U, 3U}) {
    EXPECT_THAT(sink->deliver(batch(epoch, {retracted(a, 60, 2), retracted(series("unknown"), 0, 2)})), IsDelivered());
  }
  EXPECT_THAT(counts(), ElementsAre(1));
  EXPECT_EQ(count_of("series"), "1");
}

TEST_P(StoreRetraction, row_of_our_own_is_deleted_whatever_its_revision) {
  const auto sink = open_sink();
  const auto a = series("a");
  ASSERT_THAT(sink->deliver(batch(1, {{a, 0, 5, {1, 1}}, {a, 60, 5, {2, 2}}, {a, 120, 5, {3, 3}}})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(2, {retracted(a, 0, 4), retracted(a, 60, 5), retracted(a, 120, 6)})), IsDelivered());
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_P(StoreRetraction, row_of_another_state_directory_is_deleted_by_a_greater_revision_only) {
  const auto a = series("a");
  ASSERT_THAT(open_sink_of_state(1)->deliver(batch(1, {{a, 0, 5, {1, 1}}, {a, 60, 5, {2, 2}}, {a, 120, 5, {3, 3}}})),
              IsDelivered());
  const auto sink = open_sink_of_state(2);
  EXPECT_THAT(sink->deliver(batch(1, {retracted(a, 0, 4), retracted(a, 60, 5), retracted(a, 120, 6)})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(1, 2));
}

TEST_P(StoreRetraction, each_window_loses_its_own_rows) {
  windows = {{"minute", {{"count", true}, {"avg", false}}}, {"visit", {{"count", true}, {"max", false}}}};
  const auto sink = open_sink();
  const auto a = series("a");
  const auto both = [](std::uint64_t epoch, const std::vector<RowText>& first, const std::vector<RowText>& second) {
    RowBatch joined = batch(epoch, first, 0);
    joined.windows.push_back(batch(epoch, second, 1).windows[0]);
    return joined;
  };
  ASSERT_THAT(sink->deliver(both(1, {{a, 0, 1, {1, 1}}, {a, 60, 1, {2, 2}}}, {{a, 0, 1, {3, 3}}, {a, 60, 1, {4, 4}}})),
              IsDelivered());
  ASSERT_THAT(
      sink->deliver(both(2, {retracted(a, 0, 2), {a, 120, 1, {5, 5}}}, {{a, 0, 2, {6, 6}}, retracted(a, 60, 2)})),
      IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(2, 5));
  const auto visits = store->rows(windows[1]);
  ASSERT_THAT(visits, SizeIs(1));
  EXPECT_THAT(visits[0].values, ElementsAre(6.0, 6.0));
}

TEST_P(StoreRetraction, more_rows_than_a_statement_takes_are_all_deleted) {
  const auto sink = open_sink();
  std::vector<RowText> born;
  std::vector<RowText> gone;
  for (int i = 0; i < 12'000; ++i) {
    const auto of = series(numbered("s", i % 100));
    born.push_back({of, i / 100, 1, {1, 1}});
    if (i != 7'777) gone.push_back(retracted(of, i / 100, 2));
  }
  ASSERT_THAT(sink->deliver(batch(1, born)), IsDelivered());
  ASSERT_EQ(count_of("minute_data"), "12000");
  EXPECT_THAT(sink->deliver(batch(2, gone)), IsDelivered());
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].sensor, "s77");
}

TEST_P(StoreRetraction, row_that_the_store_does_not_let_go_is_rejected_alone) {
  const auto sink = open_sink();
  std::vector<RowText> born;
  std::vector<RowText> gone;
  for (int i = 0; i < 20; ++i) {
    born.push_back({series("s"), i, 1, {i == 11 ? 2'000.0 : 1.0, 1}});
    gone.push_back(retracted(series("s"), i, 2));
  }
  ASSERT_THAT(sink->deliver(batch(1, born)), IsDelivered());
  store->refuse_deletes_of_counts_above(1'000);
  gone.push_back({series("s"), 100, 1, {3, 3}});
  const Outcome outcome = sink->deliver(batch(2, gone));
  ASSERT_THAT(outcome, IsDelivered(SizeIs(1)));
  const RejectedRow refused = std::get<Delivered>(outcome).rejected[0];
  EXPECT_EQ(refused.start, Timestamp::microseconds(11));
  EXPECT_THAT(refused.reason, testing::HasSubstr("kept"));
  EXPECT_THAT(counts(), ElementsAre(2'000, 3));
  EXPECT_EQ(stored_epoch(*sink), 2U);
}

}  // namespace
}  // namespace edgetide::test
