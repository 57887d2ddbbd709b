#include "daemon/sources/topic_filter.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using testing::ElementsAre;

TEST(TopicFilter, covers_what_has_no_other_topics) {
  const struct {
    const char* wide;
    const char* narrow;
    bool covers;
  } cases[] = {
      {"a/#", "a/b/c", true},  {"a/#", "a", true},       {"a/#", "a/+/c", true},     {"#", "a/#", true},
      {"a/+", "a/b", true},    {"a/+", "a/+", true},     {"a/+", "a/#", false},      {"a/+", "a", false},
      {"a/b", "a/+", false},   {"a/b", "a/b/c", false},  {"+/b/#", "a/b", true},     {"a/+/c", "a/b/#", false},
      {"#", "$SYS/x", false},  {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"a//c", "a//c", true},
      {"a/+/c", "a//c", true}, {"a", "b", false},        {"a/#", "ab/c", false},
  };
  for (const auto& c : cases) EXPECT_EQ(covers(c.wide, c.narrow), c.covers) << c.wide << ' ' << c.narrow;
}

TEST(TopicFilter, overlap_if_a_topic_matches_both) {
  const struct {
    const char* a;
    const char* b;
    bool overlap;
  } cases[] = {
      {"+/b", "a/+", true},      {"a/#", "+/b/c", true},   {"a/#", "a", true},         {"a/+/c", "a/b/+", true},
      {"a/+/c", "a/b/d", false}, {"a/+", "a/b/c", false},  {"a/b", "a/b/#", true},     {"a", "b", false},
      {"#", "$SYS/+", false},    {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/+", true},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(overlap(c.a, c.b), c.overlap) << c.a << ' ' << c.b;
    EXPECT_EQ(overlap(c.b, c.a), c.overlap) << c.b << ' ' << c.a;
  }
}

TEST(TopicFilter, shared_subscription_matches_the_topics_of_its_filter) {
  EXPECT_EQ(shared_filter("g", "a/+"), "$share/g/a/+");
  EXPECT_EQ(shared_filter("", "a/+"), "a/+");
  for (const auto& [subscription, plain] :
       {std::pair{"$share/g/a/+", "a/+"}, {"$share/g//a", "/a"}, {"a/+", "a/+"}, {"$SYS/#", "$SYS/#"}, {"", ""}}) {
    EXPECT_EQ(plain_filter(subscription), plain) << subscription;
  }
}

TEST(TopicFilter, covered_ones_are_left_out) {
  EXPECT_THAT(without_covered({"plant/+/temp", "plant/+/+", "plant/#"}), ElementsAre("plant/#"));
  EXPECT_THAT(without_covered({"+/+/temp", "plant/+/+", "plant/a/b"}), ElementsAre("+/+/temp", "plant/+/+"));
}

}  // namespace
}  // namespace edgetide::test
