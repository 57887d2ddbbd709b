#include "daemon/outbox/row_merge.h"

#include <gtest/gtest.h>

#include "tests/daemon/outbox/waiting_rows.h"

namespace edgetide::test {
namespace {

RowBatch merge(const std::vector<RowBatch>& batches) {
  std::vector<std::shared_ptr<const RowBatch>> shared;
  for (const RowBatch& batch : batches) shared.push_back(std::make_shared<const RowBatch>(batch));
  return merged(shared);
}

TEST(RowMerge, newest_row_of_each_window_stays_under_the_last_id) {
  const RowBatch merged = merge({
      batch(1, {{series("a"), 0, 1, {1, 10}}, {series("b"), 0, 1, {1, 20}}}),
      batch(2, {{series("a"), 0, 2, {2, 11}}, {series("a"), 60, 1, {1, 30}}}),
      batch(3, {{series("a"), 0, 3, {3, 12}, RowState::final}}),
  });
  EXPECT_EQ(merged.id, (EpochId{1, 3}));
  ASSERT_EQ(merged.windows.size(), 1U);
  EXPECT_EQ(merged.windows[0].rows[0].state, RowState::final);
  EXPECT_EQ(stored({merged}),
            (StoredRows{{{0, "a", 0}, {3, 12, 3}}, {{0, "b", 0}, {1, 20, 1}}, {{0, "a", 60}, {1, 30, 1}}}));
}

TEST(RowMerge, added_rows_all_stay_behind_the_row_that_they_are_added_to) {
  const RowBatch merged = merge({
      batch(1, {{series("a"), 0, 1, {1, 10}, RowState::final}}),
      batch(2, {{series("a"), 0, 1, {1, 7}, RowState::added}}),
      batch(3, {{series("a"), 0, 1, {2, 8}, RowState::added}}),
      batch(4, {{series("a"), 0, 2, {3, 12}, RowState::final}}),
  });
  ASSERT_EQ(merged.row_count(), 3U);
  EXPECT_EQ(merged.windows[0].rows[0].state, RowState::final);
  EXPECT_EQ(merged.windows[0].values, (std::vector<double>{3, 12, 1, 7, 2, 8}));
}

TEST(RowMerge, series_is_known_by_its_strings_and_a_group_is_not_a_sensor) {
  const RowBatch merged = merge({
      batch(1, {{series("a", "t", "C"), 0, 1, {1, 10}}, {series("a", "u"), 0, 1, {1, 11}}}),
      batch(2, {{series("a", "t", "K"), 0, 2, {2, 20}}, {group("a", {}), 0, 1, {5, 50}}}),
  });
  EXPECT_EQ(merged.row_count(), 3U);
  EXPECT_EQ(merged.windows[0].rows[0].revision, 2U);
  EXPECT_EQ(merged.windows[0].rows[0].series->unit, "K");
}

// A store keeps a row of more readings than the new one has, unless it was retracted.
TEST(RowMerge, retraction_takes_the_place_of_the_row_and_stays_before_a_new_row) {
  const auto kitchen = series("kitchen");
  const RowBatch first = batch(1, {{kitchen, 0, 1, {3, 4}}});
  const RowBatch gone = batch(2, {{kitchen, 0, 2, {null, null}, RowState::retracted}});
  const RowBatch back = batch(3, {{kitchen, 0, 3, {1, 5}, RowState::open}});
  const RowBatch gone_again = batch(4, {{kitchen, 0, 4, {null, null}, RowState::retracted}});
  const RowBatch newest = batch(5, {{kitchen, 0, 5, {2, 6}, RowState::open}});
  const auto expect = [](const RowBatch& merged, const std::vector<std::pair<RowState, std::uint32_t>>& wanted) {
    std::vector<std::pair<RowState, std::uint32_t>> rows;
    for (const SinkRow& row : merged.windows.at(0).rows) rows.emplace_back(row.state, row.revision);
    EXPECT_EQ(rows, wanted);
  };
  expect(merge({first, gone}), {{RowState::retracted, 2}});
  expect(merge({first, gone, back}), {{RowState::retracted, 2}, {RowState::open, 3}});
  expect(merge({first, gone, back, gone_again}), {{RowState::retracted, 2}, {RowState::retracted, 4}});
  const RowBatch all = merge({first, gone, back, gone_again, newest});
  expect(all, {{RowState::retracted, 4}, {RowState::open, 5}});
  EXPECT_EQ(all.windows[0].values_of(1, 2)[0], 2);
}

TEST(RowMerge, inputs_stay_apart_and_in_their_order) {
  const RowBatch merged = merge({
      batch(1, {{series("a"), 0, 1, {1}}}, 2),
      batch(2, {{series("a"), 0, 1, {1, 2}}}, 0),
      batch(3, {}, 1),
  });
  ASSERT_EQ(merged.windows.size(), 2U);
  EXPECT_EQ(merged.windows[0].input, 0U);
  EXPECT_EQ(merged.windows[1].input, 2U);
}

// What a store holds in the end is the same, however the batches are put together.
TEST(RowMerge, merged_batches_leave_the_store_as_single_ones_do) {
  std::vector<RowBatch> batches;
  for (std::uint64_t epoch = 1; epoch <= 60; ++epoch) {
    batches.push_back(rows_of({1, epoch}, static_cast<std::int64_t>(epoch / 7), static_cast<std::size_t>(epoch % 5 + 1),
                              static_cast<std::uint32_t>(epoch)));
  }
  for (std::size_t together = 1; together <= 60; ++together) {
    std::vector<RowBatch> given;
    for (std::size_t i = 0; i < batches.size(); i += together) {
      const auto from = batches.begin() + static_cast<std::ptrdiff_t>(i);
      const auto to = batches.begin() + static_cast<std::ptrdiff_t>(std::min(i + together, batches.size()));
      given.push_back(merge({from, to}));
    }
    EXPECT_EQ(stored(given), stored(batches)) << together << " together";
  }
}

}  // namespace
}  // namespace edgetide::test
