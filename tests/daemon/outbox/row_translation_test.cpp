#include "daemon/outbox/row_translation.h"

#include <cmath>
#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

WindowRows rows(std::size_t input, std::vector<double> values, std::size_t count) {
  WindowRows made{input, {}, std::move(values)};
  made.rows.resize(count);
  return made;
}

TEST(RowTranslation, finds_windows_and_columns_by_name) {
  const std::vector<WindowSchema> from = {
      {"gone", {{"sum", false}}}, {"kept", {{"sum", false}, {"count", true}}}, {"moved", {{"avg", false}}}};
  const std::vector<WindowSchema> to = {{"moved", {{"avg", false}}},
                                        {"fresh", {{"max", false}}},
                                        {"kept", {{"max", false}, {"sum", false}, {"readings", true}}}};
  RowBatch batch;
  batch.windows = {rows(0, {1}, 1), rows(1, {2, 3, 4, 5}, 2), rows(2, {6}, 1)};
  RowTranslation(from, to).apply(batch);
  ASSERT_EQ(batch.windows.size(), 2U);
  EXPECT_EQ(batch.windows[0].input, 0U);
  EXPECT_EQ(batch.windows[0].values, std::vector<double>{6});
  EXPECT_EQ(batch.windows[1].input, 2U);
  const std::vector<double>& kept = batch.windows[1].values;
  ASSERT_EQ(kept.size(), 6U);
  EXPECT_TRUE(std::isnan(kept[0]) && std::isnan(kept[3])) << "a new column is null";
  EXPECT_EQ(kept[1], 2);
  EXPECT_EQ(kept[4], 4);
  EXPECT_EQ(kept[2], 3) << "count says how many readings a row has, too";
  EXPECT_EQ(kept[5], 5);
}

TEST(RowTranslation, of_the_same_schemas_changes_nothing) {
  const std::vector<WindowSchema> schemas = {{"w", {{"sum", false}}}};
  RowBatch batch;
  batch.windows = {rows(0, {1, 2}, 2)};
  RowTranslation(schemas, schemas).apply(batch);
  ASSERT_EQ(batch.windows.size(), 1U);
  EXPECT_EQ(batch.windows[0].values, (std::vector<double>{1, 2}));
}

}  // namespace
}  // namespace edgetide::test
