#include "sinks/row_topic.h"

#include <gmock/gmock.h>

#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

constexpr std::size_t many = 100;
const WindowSchema minute{"minute", {}};

TEST(RowTopic, is_made_of_what_the_row_is) {
  const auto lyon = series("press 1", "t", "", {{"line", "2"}, {"site", "lyon"}});
  const struct {
    std::string text;
    std::shared_ptr<const Series> of;
    std::string topic;
  } cases[] = {
      {"rows", lyon, "rows"},
      {"site/{gateway}/{window}/{sensor}/{metric}", lyon, "site/gw/minute/press 1/t"},
      {"{label.site}/{label.line}", lyon, "lyon/2"},
      {"{sensor}", series("a/b"), "a/b"},
      {"$aws/rules/rows/{sensor}", series("a"), "$aws/rules/rows/a"},
      {"{label.town}/{sensor}", lyon, "/press 1"},
      {"x/{sensor}{metric}/{label.line}", group("line=2", {{"line", "2"}}), "x//2"},
  };
  for (const auto& c : cases) {
    ASSERT_FALSE(RowTopic::fault_of(c.text)) << c.text;
    std::string topic;
    EXPECT_EQ(RowTopic(c.text, "gw", many).expand(minute, *c.of, topic), "") << c.text;
    EXPECT_EQ(topic, c.topic);
  }
}

TEST(RowTopic, template_that_cannot_be_used_has_a_reason) {
  const struct {
    std::string text, reason, unknown;
  } cases[] = {
      {"", "is empty", ""},
      {"a/+/{sensor}", "names topics to publish to, which have no + or #", ""},
      {"{sensor}/#", "names topics to publish to, which have no + or #", ""},
      {"a/{sensor", "has a brace without its partner", ""},
      {"a/sensor}", "has a brace without its partner", ""},
      {"a/{}", "has the unknown name {}", ""},
      {"a/{sensr}", "has the unknown name {sensr}", "sensr"},
      {"a/{labels.x}", "has the unknown name {labels.x}", "labels.x"},
      {"a/{label.}", "has {label.} without the name of a label", ""},
      {std::string(65'536, 'a'), "is longer than 65535 bytes", ""},
  };
  for (const auto& c : cases) {
    const auto fault = RowTopic::fault_of(c.text);
    ASSERT_TRUE(fault) << c.text;
    EXPECT_EQ(fault->reason, c.reason);
    EXPECT_EQ(fault->unknown_name, c.unknown);
  }
}

TEST(RowTopic, row_whose_topic_no_broker_accepts_has_a_reason) {
  const struct {
    std::string text, sensor, reason;
  } cases[] = {
      {"a/{sensor}", "b+c", "a topic cannot hold the +, # or NUL of 'b+c'"},
      {"a/{sensor}", "#", "a topic cannot hold the +, # or NUL of '#'"},
      {"{sensor}", "$SYS/x", "its topic '$SYS/x' would be one of the broker's own, which begin with $"},
      {"{label.none}", "b", "its topic is empty"},
      {"1/2/{sensor}/8", "3/4/5/6/7", ""},
      {"1/2/{sensor}/9", "3/4/5/6/7/8", "its topic '1/2/3/4/5/6/7/8/9' has 9 levels, max_topic_levels is 8"},
      {"{sensor}", std::string(65'536, 'x'), "its topic is longer than 65535 bytes"},
  };
  for (const auto& c : cases) {
    std::string topic;
    EXPECT_EQ(RowTopic(c.text, "gw", 8).expand(minute, *series(c.sensor), topic), c.reason) << c.text;
  }
}

}  // namespace
}  // namespace edgetide::test
