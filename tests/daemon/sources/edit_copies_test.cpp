#include "daemon/sources/edit_copies.h"

#include <gtest/gtest.h>
#include <string>

namespace edgetide::test {
namespace {

// One letter a message, all of equal text: `f` through a former filter, `n` through a newer one, `x` too, but its copy
// is known to count, `-` another message, `_` a while.
int counted(const std::string& messages, bool former_comes_first) {
  EditCopies copies;
  Duration now;
  int counted = 0;
  for (const char one : messages) {
    now = now + (one == '_' ? EditCopies::within : Duration::milliseconds(1));
    if (one == '_') continue;
    if (one == '-') {
      copies.pass();
    } else {
      const bool counts = one != 'x';
      const bool is_copy = copies.is_copy({one == 'f', former_comes_first, counts, 7, now});
      counted += counts && !is_copy ? 1 : 0;
    }
  }
  return counted;
}

TEST(EditCopies, equal_messages_in_a_row_count_once_each) {
  const struct {
    std::string messages;
    bool former_comes_first;
    int counted;
  } cases[] = {
      {"ffff", true, 4},    {"nnnn", true, 4},      {"fnfnfn", true, 3},    {"fffnfnfnnn", true, 7},
      {"nfnfnf", false, 3}, {"ffnfnfnn", false, 6}, {"fxfxfnfnn", true, 5}, {"xfxfnfnn", false, 5},
      {"fxnn", true, 3},    {"fxxn", true, 2},      {"xnf", false, 1},      {"f_n", true, 2},
      {"f-n", true, 2},     {"nf", true, 2},        {"fn", false, 2},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(counted(c.messages, c.former_comes_first), c.counted)
        << c.messages << (c.former_comes_first ? ", the former first" : ", the newer first");
  }
}

TEST(EditCopies, another_text_is_another_message) {
  EditCopies copies;
  EXPECT_FALSE(copies.is_copy({true, true, true, 1, Duration()}));
  EXPECT_FALSE(copies.is_copy({false, true, true, 2, Duration()}));
}

}  // namespace
}  // namespace edgetide::test
