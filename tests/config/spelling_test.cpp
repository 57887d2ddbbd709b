#include "config/spelling.h"

#include <array>
#include <gtest/gtest.h>

namespace edgetide {

TEST(Spelling, distance_counts_insertions_deletions_substitutions_and_swaps) {
  struct Case {
    const char* a;
    const char* b;
    std::size_t distance;
  };
  for (const Case& c :
       {Case{"", "", 0}, Case{"abc", "abc", 0}, Case{"", "ab", 2}, Case{"size", "sise", 1}, Case{"size", "siez", 1},
        Case{"allowed_latenes", "allowed_lateness", 1}, Case{"abc", "xyz", 3}, Case{"ca", "abc", 3}}) {
    EXPECT_EQ(edit_distance(c.a, c.b), c.distance) << c.a << " / " << c.b;
    EXPECT_EQ(edit_distance(c.b, c.a), c.distance) << c.b << " / " << c.a;
  }
}

TEST(Spelling, nearest_word_is_proposed_only_when_it_is_near) {
  constexpr std::array<std::string_view, 4> words = {"size", "offset", "trigger", "allowed_lateness"};
  EXPECT_EQ(nearest("sise", words), "size");
  EXPECT_EQ(nearest("triger", words), "trigger");
  EXPECT_EQ(nearest("lateness_allowed", words), "");
  EXPECT_EQ(nearest("x", words), "");
  EXPECT_EQ(nearest(std::string(100'000, 's'), words), "");
  EXPECT_EQ(did_you_mean("ofset", words), "did you mean 'offset'?");
  EXPECT_EQ(did_you_mean("something", words), "");
}

}  // namespace edgetide
