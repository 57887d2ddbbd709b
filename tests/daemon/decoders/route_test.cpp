#include "daemon/decoders/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

#include "daemon/decoders/number_decoder.h"
#include "tests/daemon/decoders/decoded_text.h"
#include "tests/fakes/learning_decoder.h"

namespace edgetide {
namespace {

// "no", or "yes" and the captures.
std::string matched(const std::string& pattern_text, std::string_view topic) {
  const TopicPattern pattern(pattern_text);
  std::vector<Capture> captures;
  if (!pattern.match(topic, captures)) return "no";
  std::string text = "yes";
  for (const Capture& capture : captures) text.append(" ").append(capture.name).append("=").append(capture.text);
  return text;
}

TEST(TopicPattern, levels_are_matched_and_captured) {
  const struct {
    const char* pattern;
    const char* topic;
    const char* expected;
  } cases[] = {
      {"a/b", "a/b", "yes"},
      {"a/b", "a/b/c", "no"},
      {"a/b", "a", "no"},
      {"a/b", "a/B", "no"},
      {"a/+", "a/b", "yes"},
      {"a/+", "a", "no"},
      {"a/+", "a/", "yes"},
      {"+", "a", "yes"},
      {"+/+", "/", "yes"},
      {"/a", "/a", "yes"},
      {"/a", "a", "no"},
      {"tele/{device}/SENSOR", "tele/kitchen/SENSOR", "yes device=kitchen"},
      {"tele/{device}/SENSOR", "tele/kitchen/STATE", "no"},
      {"factory/+/{area}/{device}/telemetry", "factory/1/hall/press/telemetry", "yes area=hall device=press"},
      {"{a}/{b}", "/x", "yes a= b=x"},
      {"#", "a/b/c", "yes"},
      {"#", "a", "yes"},
      {"a/#", "a", "yes"},
      {"a/#", "a/b/c", "yes"},
      {"a/#", "ab", "no"},
      {"a/{x}/#", "a/b", "yes x=b"},
      {"a/{x}/#", "a/b/c/d", "yes x=b"},
      {"a/{x}/#", "a", "no"},
      {"#", "$SYS/broker", "no"},
      {"+/broker", "$SYS/broker", "no"},
      {"{x}/broker", "$SYS/broker", "no"},
      {"$SYS/#", "$SYS/broker", "yes"},
      {"a", "", "no"},
  };
  for (const auto& c : cases) EXPECT_EQ(matched(c.pattern, c.topic), c.expected) << c.pattern << " on " << c.topic;
}

TEST(TopicPattern, filter_has_plus_for_captures) {
  EXPECT_EQ(TopicPattern("factory/+/{area}/{device}/#").filter(), "factory/+/+/+/#");
  EXPECT_EQ(TopicPattern("/a//b").filter(), "/a//b");
  EXPECT_THAT(TopicPattern("{a}/x/{b_2}").capture_names(), testing::ElementsAre("a", "b_2"));
}

std::string refused(std::string_view pattern) {
  try {
    const TopicPattern taken(pattern);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "taken";
}

TEST(TopicPattern, bad_pattern_is_refused_with_a_reason) {
  const struct {
    const char* pattern;
    const char* reason;
  } cases[] = {
      {"", "topic '': a topic cannot be empty"},
      {"a/#/b", "topic 'a/#/b': '#' must be the last level"},
      {"a/b#", "topic 'a/b#': '+' and '#' must be a whole level"},
      {"a/b+", "topic 'a/b+': '+' and '#' must be a whole level"},
      {"a/x{b}", "topic 'a/x{b}': a {capture} must be a whole level"},
      {"a/{}", "topic 'a/{}': a {capture} must be a whole level"},
      {"a/{b", "topic 'a/{b': a {capture} must be a whole level"},
      {"a/{b-c}", "topic 'a/{b-c}': '{b-c}': names are letters, digits and '_'"},
      {"{a}/{a}", "topic '{a}/{a}': '{a}' is captured twice"},
      {"$share/g/a", "topic '$share/g/a': shared subscriptions are not supported"},
  };
  for (const auto& c : cases) EXPECT_EQ(refused(c.pattern), c.reason);
  EXPECT_EQ(refused(std::string_view("a\0b", 3)), "topic: holds a NUL");
  EXPECT_EQ(refused(std::string(65'536, 'a')), "topic: longer than 65535 bytes");
}

MappingOptions numbers() {
  MappingOptions mapping;
  mapping.format = &number_format;
  return mapping;
}

TEST(Router, first_matching_route_wins) {
  MappingOptions second = numbers();
  second.metric = "second";
  Router router({{"a/{device}", numbers()}, {"+/{device}", second}});
  DecodedBatch batch;
  router.decode("a/x", "1", batch);
  router.decode("b/x", "2", batch);
  EXPECT_EQ(to_text(batch), "x/value=1; x/second=2");
}

TEST(Router, topic_without_route_and_large_payload_are_refused) {
  Router router({{"a/{device}", numbers()}});
  DecodedBatch batch;
  router.decode("c/x", "1", batch);
  router.decode("a/x", std::string(max_payload_bytes + 1, ' '), batch);
  EXPECT_EQ(to_text(batch), "no_route@0(c/x); too_large@0(a/x)");
}

TEST(Router, names_come_from_key_content_type_and_properties_of_the_message) {
  const MessageProperty properties[] = {{"room", "hall"}, {"floor", "2"}};
  const Message message{
      .topic = "a", .payload = "1", .key = "press", .content_type = "text/plain", .properties = properties};
  const struct {
    const char* sensor;
    const char* expected;
  } cases[] = {
      {"{message.key}", "press/value=1"},
      {"{message.content_type}", "text/plain/value=1"},
      {"{message.property.floor}-{message.property.room}", "2-hall/value=1"},
      {"{message.property.wing}", "bad_id@0(a)"},
  };
  for (const auto& c : cases) {
    MappingOptions mapping = numbers();
    mapping.sensor = c.sensor;
    Router router({{"a", mapping}});
    DecodedBatch batch;
    router.decode(message, batch);
    EXPECT_EQ(to_text(batch), c.expected) << c.sensor;
  }
}

TEST(Router, time_of_the_message_is_the_time_of_readings_whose_payload_has_none) {
  Router router({{"a/{device}", numbers()}});
  DecodedBatch batch;
  router.decode("a/x", "1", batch);
  router.decode({.topic = "a/y", .payload = "2", .time = Timestamp::microseconds(7)}, batch);
  ASSERT_EQ(batch.readings.size(), 2U);
  EXPECT_FALSE(batch.readings[0].event_time);
  EXPECT_EQ(batch.readings[1].event_time, Timestamp::microseconds(7));
}

TEST(Router, state_of_a_decoder_comes_with_the_message_that_changed_it_and_goes_to_the_same_route_again) {
  MappingOptions learning;
  learning.format = &test::learning_format;
  const std::vector<RouteOptions> routes = {{"a/{device}", learning}, {"b/{device}", learning}};
  DecodedBatch batch;
  Router router(routes);
  router.decode("b/x", "learn cellar", batch);
  router.decode("b/x", "learn attic", batch);
  router.decode("a/x", "3", batch);
  ASSERT_EQ(batch.states.size(), 1U) << "the newest of each route";
  ASSERT_EQ(batch.replies.size(), 1U);
  EXPECT_EQ(batch.replies[0].topic, "who");
  Router next({routes[1], routes[0]});
  next.restore_state(batch.states[0].partition, batch.states[0].bytes);
  DecodedBatch later;
  next.decode("b/x", "4", later);
  next.decode("a/x", "5", later);
  EXPECT_EQ(to_text(later), "attic/value=4; bad_id@0(a/x)");
}

TEST(DecodedBatch, state_and_position_beyond_their_limits_are_not_taken) {
  DecodedBatch batch;
  EXPECT_TRUE(batch.keep_state("r", std::string(max_decoder_state_bytes, 'x')));
  EXPECT_FALSE(batch.keep_state("s", std::string(max_decoder_state_bytes + 1, 'x')));
  EXPECT_EQ(batch.states.size(), 1U);
  const std::string long_partition(max_partition_bytes + 1, 'p');
  const std::string long_position(max_position_bytes + 1, 'b');
  for (const Position& position : {Position{long_partition, ""}, Position{"p", long_position}, Position{"\x01r", ""}}) {
    EXPECT_THROW(batch.end_message({}, false, position), std::invalid_argument);
  }
  EXPECT_TRUE(batch.messages.empty());
}

TEST(Router, filters_are_in_route_order_without_repeats) {
  Router router({{"b/{device}", numbers()}, {"a/{device}", numbers()}, {"b/{sensor}", numbers()}});
  EXPECT_THAT(router.filters(), testing::ElementsAre("b/+", "a/+"));
}

TEST(Router, route_without_topic_takes_every_message) {
  MappingOptions mapping = numbers();
  mapping.sensor = "boiler";
  EXPECT_EQ(decoded(mapping, "3"), "boiler/value=3");
}

TEST(Router, error_names_the_route) {
  try {
    Router router({{"a/{device}", numbers()}, {"a/b", numbers()}});
    ADD_FAILURE();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "route 2: sensor: nothing names the sensor; capture {device} in the topic or set 'sensor'");
  }
}

}  // namespace
}  // namespace edgetide
