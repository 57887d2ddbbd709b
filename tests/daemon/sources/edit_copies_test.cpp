#include "daemon/sources/edit_copies.h"

#include <gtest/gtest.h>
#include <string>

namespace edgetide::test {
namespace {

using Kind = MqttSubscriptions::Copy::Kind;

constexpr Duration answer_time = Duration::milliseconds(5);

// One letter a message, all of equal text: `a`, `b`, `c` through filters of this order, `A`, `B`, `C` too, but it is
// known that another copy counts; `-` another message, `=` one that is sure to count, `_` a while.
int counted(const std::string& messages, bool resent = false) {
  EditCopies copies;
  Duration now;
  int counted = 0;
  for (const char one : messages) {
    now = now + (one == '_' ? EditCopies::within + answer_time : Duration::milliseconds(1));
    if (one == '_') continue;
    if (one == '-') {
      counted += copies.counts({.kind = Kind::unsure}, {.text = 8, .at = now}, answer_time) ? 1 : 0;
      continue;
    }
    const bool is_known = one >= 'A' && one <= 'C';
    const Kind kind = one == '=' ? Kind::counts : is_known ? Kind::until_ended : Kind::unsure;
    const auto rank = static_cast<std::size_t>(one - (is_known ? 'A' : 'a'));
    counted += copies.counts({kind, rank, 7}, {7, now, resent}, answer_time) ? 1 : 0;
  }
  return counted;
}

TEST(EditCopies, equal_messages_in_a_row_count_once_each) {
  const struct {
    std::string messages;
    int counted;
  } cases[] = {
      {"aaaa", 4},   {"bbbb", 4},   {"ababab", 3}, {"aaabababbb", 7}, {"baabab", 4}, {"aBaBabab", 4}, {"aBbb", 3},
      {"aBBb", 2},   {"Abaab", 3},  {"Aab", 1},    {"a_b", 2},        {"a-b", 3},    {"a=b", 3},      {"ba", 2},
      {"abcabc", 2}, {"acacbc", 3}, {"aBcaBc", 2}, {"ABcABc", 2},     {"Ac-bc", 3},  {"bcabc", 2},
  };
  for (const auto& c : cases) EXPECT_EQ(counted(c.messages), c.counted) << c.messages;
}

TEST(EditCopies, copy_that_is_sent_again_follows_however_late) {
  EXPECT_EQ(counted("a_b", true), 1);
  EXPECT_EQ(counted("a_a", true), 2);
}

TEST(EditCopies, copy_that_is_sent_again_is_known_in_a_later_run_and_another_message_is_not) {
  const Duration at = Duration::hours(1);
  EditCopies before;
  EXPECT_EQ(before.state(), std::nullopt);
  EXPECT_TRUE(before.counts({Kind::unsure, 0, 1}, {7, at, false}, answer_time));
  ASSERT_TRUE(before.state());
  for (const bool is_resent : {true, false}) {
    EditCopies after;
    after.resume(*before.state(), 0);
    EXPECT_EQ(after.state(), before.state());
    EXPECT_EQ(after.counts({Kind::unsure, 1, 2}, {7, at, is_resent}, answer_time), !is_resent);
  }
}

TEST(EditCopies, copy_in_a_later_run_counts_if_the_first_one_did_not) {
  EditCopies before, after;
  EXPECT_FALSE(before.counts({Kind::until_ended, 0, 1}, {7, {}, false}, answer_time));
  after.resume(before.state().value(), 0);
  EXPECT_TRUE(after.counts({Kind::unsure, 1, 2}, {7, {}, true}, answer_time));
}

TEST(EditCopies, another_text_is_another_message) {
  EditCopies copies;
  EXPECT_TRUE(copies.counts({Kind::unsure, 0, 1}, {.text = 1, .at = {}}, answer_time));
  EXPECT_TRUE(copies.counts({Kind::unsure, 1, 2}, {.text = 2, .at = {}}, answer_time));
}

TEST(EditCopies, copy_before_the_answer_for_a_new_filter_is_of_another_message_than_one_through_it) {
  EditCopies copies;
  EXPECT_TRUE(copies.counts({Kind::unsure, 0, 1}, {}, answer_time));
  copies.begins(3);
  EXPECT_FALSE(copies.counts({Kind::unsure, 1, 2}, {}, answer_time)) << "through one that was there";
  EXPECT_TRUE(copies.counts({Kind::unsure, 2, 3}, {}, answer_time));
  EXPECT_FALSE(copies.counts({Kind::unsure, 4, 4}, {}, answer_time)) << "of the newest message";
}

}  // namespace
}  // namespace edgetide::test
