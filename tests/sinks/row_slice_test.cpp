#include "sinks/row_slice.h"

#include <gtest/gtest.h>

#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

// Three rows of the first input, then two of the second one.
RowBatch five_rows() {
  RowBatch rows = batch(7, {{series("a"), 0, 1, {1, 10}}, {series("b"), 0, 1, {2, 20}}, {series("c"), 0, 1, {3, 30}}});
  rows.windows.push_back(batch(7, {{series("d"), 0, 1, {4}}, {series("e"), 0, 1, {5}}}, 1).windows.at(0));
  return rows;
}

std::string summary(const RowBatch& rows) {
  std::string text = "from " + std::to_string(rows.first_row) + (rows.last_part ? " to the end:" : ":");
  for (const WindowRows& window : rows.windows) {
    text += " " + std::to_string(window.input) + ":";
    for (const SinkRow& row : window.rows) text += row.series->sensor;
    for (const double value : window.values) text += "," + std::to_string(static_cast<int>(value));
  }
  return text;
}

TEST(RowSliceTest, has_the_rows_that_were_asked_for_with_their_values) {
  struct Wanted {
    std::size_t first, rows;
    std::string expected;
  };
  const Wanted cases[] = {
      {0, 5, "from 0 to the end: 0:abc,1,10,2,20,3,30 1:de,4,5"},
      {0, 2, "from 0: 0:ab,1,10,2,20"},
      {2, 2, "from 2: 0:c,3,30 1:d,4"},
      {3, 2, "from 3 to the end: 1:de,4,5"},
      {4, 1, "from 4 to the end: 1:e,5"},
      {1, 0, "from 1:"},
  };
  for (const Wanted& c : cases) EXPECT_EQ(summary(slice(five_rows(), c.first, c.rows)), c.expected);
}

TEST(RowSliceTest, slice_of_a_slice_knows_where_it_is_in_the_epoch) {
  EXPECT_EQ(summary(slice(slice(five_rows(), 1, 3), 1, 2)), "from 2: 0:c,3,30 1:d,4");
}

}  // namespace
}  // namespace edgetide::test
