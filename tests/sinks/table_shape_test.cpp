#include "sinks/table_shape.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TableShape, what_is_missing_is_named_tables_without_their_columns) {
  const TableShapes needed = {{"minute", {"time", "avg"}}, {"hour", {"time"}}};
  EXPECT_THAT(missing_from({}, needed), ElementsAre("hour", "minute"));
  EXPECT_THAT(missing_from({{"minute", {"time"}}, {"hour", {"time"}}}, needed), ElementsAre("minute.avg"));
  EXPECT_THAT(missing_from(needed, needed), IsEmpty());
}

TEST(TableShape, what_is_there_besides_does_not_matter) {
  EXPECT_THAT(missing_from({{"minute", {"time", "mine"}}, {"mine", {"x"}}}, {{"minute", {"time"}}}), IsEmpty());
}

TEST(TableShape, parts_are_joined_with_commas) {
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({"a"}), "a");
  EXPECT_EQ(joined({"a", "b"}), "a, b");
}

}  // namespace
}  // namespace edgetide::test
