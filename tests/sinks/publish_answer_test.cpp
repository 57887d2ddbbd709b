#include "sinks/publish_answer.h"

#include <gtest/gtest.h>

#include "sinks/confirmed_rows.h"

namespace edgetide::test {
namespace {

TEST(PublishAnswer, only_what_is_about_the_row_refuses_it) {
  using Kind = PublishAnswer::Kind;
  const struct {
    int reason;
    Kind kind;
    const char* words;
  } cases[] = {
      {0, Kind::taken, ""},
      {16, Kind::taken, ""},  // no session has subscribed
      {128, Kind::later, "reason 128 (unspecified error)"},
      {131, Kind::later, "reason 131 (implementation specific error)"},
      {135, Kind::needs_person, "reason 135 (not authorized; check the access list of the broker)"},
      {144, Kind::row_refused, "reason 144 (topic name invalid)"},
      {149, Kind::row_refused, "reason 149 (packet too large)"},
      {151, Kind::later, "reason 151 (quota exceeded)"},
      {153, Kind::row_refused, "reason 153 (payload format invalid)"},
      {200, Kind::later, "reason 200"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(publish_answer(c.reason).kind, c.kind) << c.reason;
    EXPECT_EQ(publish_answer(c.reason).words, c.words) << c.reason;
  }
}

TEST(ConfirmedRows, only_those_before_the_first_one_that_is_not_confirmed_count) {
  ConfirmedRows rows(4);
  EXPECT_EQ(rows.first_ones(), 0U);
  rows.add(1);
  rows.add(3);
  EXPECT_EQ(rows.first_ones(), 0U);
  rows.add(0);
  EXPECT_EQ(rows.first_ones(), 2U);
  EXPECT_FALSE(rows.are_all());
  rows.add(2);
  EXPECT_TRUE(rows.are_all());
  EXPECT_TRUE(ConfirmedRows(0).are_all());
}

}  // namespace
}  // namespace edgetide::test
