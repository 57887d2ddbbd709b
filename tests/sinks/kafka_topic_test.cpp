#include "sinks/kafka_topic.h"

#include <gmock/gmock.h>

#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const WindowSchema of_minute{"minute", {}};

TEST(KafkaTopic, is_made_of_what_the_row_is) {
  const auto lyon = series("press_1", "t", "", {{"site", "lyon"}});
  const struct {
    std::string text;
    std::shared_ptr<const Series> of;
    std::string topic;
  } cases[] = {
      {"rows", lyon, "rows"},
      {"site.{gateway}.{window}", lyon, "site.gw.minute"},
      {"{window}-{sensor}-{metric}", lyon, "minute-press_1-t"},
      {"{label.site}", lyon, "lyon"},
      {"x{sensor}.{label.line}", group("line=2", {{"line", "2"}}), "x.2"},
  };
  for (const auto& c : cases) {
    ASSERT_FALSE(KafkaTopic::fault_of(c.text)) << c.text;
    std::string topic;
    EXPECT_EQ(KafkaTopic(c.text, "gw").expand(of_minute, *c.of, topic), "") << c.text;
    EXPECT_EQ(topic, c.topic);
  }
}

TEST(KafkaTopic, template_that_cannot_be_used_has_a_reason) {
  const struct {
    std::string text, reason, unknown;
  } cases[] = {
      {"", "is empty", ""},
      {"a/{window}", "has a character that topics of Kafka do not have", ""},
      {"a b", "has a character that topics of Kafka do not have", ""},
      {"..", "is not the name of a topic", ""},
      {"{sensr}", "has the unknown name {sensr}", "sensr"},
      {"a.{window", "has a brace without its partner", ""},
      {std::string(250, 'a'), "is longer than 249 characters", ""},
  };
  for (const auto& c : cases) {
    const auto fault = KafkaTopic::fault_of(c.text);
    ASSERT_TRUE(fault) << c.text;
    EXPECT_THAT(fault->reason, HasSubstr(c.reason)) << c.text;
    EXPECT_EQ(fault->unknown_name, c.unknown) << c.text;
  }
}

TEST(KafkaTopic, row_whose_topic_kafka_cannot_have_has_a_reason) {
  for (const std::string& sensor : {std::string("a/b"), std::string("press 1"), std::string(), std::string("..")}) {
    std::string topic;
    EXPECT_THAT(KafkaTopic("{sensor}", "gw").expand(of_minute, *series(sensor), topic), HasSubstr("is none of Kafka"))
        << sensor;
  }
}

TEST(KafkaTopic, that_is_fixed_is_known_beforehand) {
  EXPECT_TRUE(KafkaTopic("a.{gateway}.{window}", "gw").is_fixed());
  for (const char* const text : {"{sensor}", "{metric}", "a.{label.site}"}) {
    EXPECT_FALSE(KafkaTopic(text, "gw").is_fixed()) << text;
  }
  const std::vector<WindowSchema> inputs = {{"minute", {}}, {"hour", {}}};
  EXPECT_THAT(KafkaTopic("{gateway}.{window}", "gw").topics_of(inputs), ElementsAre("gw.hour", "gw.minute"));
  EXPECT_THAT(KafkaTopic("rows", "gw").topics_of(inputs), ElementsAre("rows"));
}

}  // namespace
}  // namespace edgetide::test
