#include "daemon/service/line_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edgetide {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(LineLimit, ten_lines_of_a_kind_pass_between_reports_and_the_others_are_reported_once) {
  LineLimit limit;
  for (std::uint64_t i = 0; i < LineLimit::max_lines; ++i) EXPECT_TRUE(limit.passes("source a: notice"));
  EXPECT_FALSE(limit.passes("source a: notice"));
  EXPECT_FALSE(limit.passes("source a: notice"));
  EXPECT_THAT(limit.take_withheld(), ElementsAre(Pair("source a: notice", 2)));
  EXPECT_THAT(limit.take_withheld(), IsEmpty());
  EXPECT_TRUE(limit.passes("source a: notice"));
}

TEST(LineLimit, a_flood_of_one_kind_withholds_no_line_of_another) {
  LineLimit limit;
  for (int i = 0; i < 1000; ++i) static_cast<void>(limit.passes("source a: notice"));
  EXPECT_TRUE(limit.passes("source b: notice"));
  EXPECT_TRUE(limit.passes("source a: connected"));
}

TEST(LineLimit, what_did_not_reach_the_limit_is_not_reported) {
  LineLimit limit;
  EXPECT_TRUE(limit.passes("sink s: ready"));
  EXPECT_THAT(limit.take_withheld(), IsEmpty());
}

}  // namespace edgetide
