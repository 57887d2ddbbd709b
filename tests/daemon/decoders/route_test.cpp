#include "daemon/decoders/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/graphite_decoder.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/json_decoder.h"
#include "daemon/decoders/keyvalue_decoder.h"
#include "daemon/decoders/number_decoder.h"
#include "daemon/decoders/sparkplug_decoder.h"
#include "daemon/decoders/statsd_decoder.h"
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
      {"z/{device...}", "z/kitchen", "yes device=kitchen"},
      {"z/{device...}", "z/floor/kitchen/", "yes device=floor/kitchen/"},
      {"z/{device...}", "z", "no"},
      {"N/{portal}/{path...}", "N/1/Dc/0/Voltage", "yes portal=1 path=Dc/0/Voltage"},
      {"{all...}", "$SYS/broker", "no"},
  };
  for (const auto& c : cases) EXPECT_EQ(matched(c.pattern, c.topic), c.expected) << c.pattern << " on " << c.topic;
}

TEST(TopicPattern, filter_has_plus_for_captures) {
  EXPECT_EQ(TopicPattern("factory/+/{area}/{device}/#").filter(), "factory/+/+/+/#");
  EXPECT_EQ(TopicPattern("/a//b").filter(), "/a//b");
  EXPECT_EQ(TopicPattern("a/{b...}").filter(), "a/#");
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
      {"a/{b...}/c", "topic 'a/{b...}/c': '{b...}' must be the last level"},
      {"a/{...}", "topic 'a/{...}': '{}': names are letters, digits and '_'"},
      {"{a}/{a...}", "topic '{a}/{a...}': '{a}' is captured twice"},
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

// As it came, for the quarantine; not where one of its values is a reading.
TEST(Router, message_that_gives_no_reading_is_noted_whole) {
  Router router(std::vector<RouteOptions>{{.topic = "a/{sensor}", .mapping = {}}});
  DecodedBatch batch;
  const std::string large(max_payload_bytes + 1, ' ');
  for (const auto& [topic, payload] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"a/1", "{"},
                                                                  {"a/1", R"({"t":1})"},
                                                                  {"b", "1"},
                                                                  {"a/1", R"({"t":1,"u":1e999})"},
                                                                  {"a/1", "{}"},
                                                                  {"a/1", large}}) {
    router.decode(topic, payload, batch);
  }
  std::string noted;
  for (const UndecodedMessage& message : batch.undecoded) {
    noted += std::string(message.reason ? name_of(*message.reason) : "no_value") + ' ' + std::string(message.topic) +
             ' ' + std::string(message.payload.substr(0, 5)) + '\n';
  }
  EXPECT_EQ(noted, "bad_syntax a/1 {\nno_route b 1\nno_value a/1 {}\ntoo_large a/1      \n");
  batch.clear();
  EXPECT_TRUE(batch.undecoded.empty());
}

TEST(Router, every_message_without_a_reading_is_counted_by_route_and_reason) {
  MappingOptions json;
  json.format = &json_format;
  MappingOptions ignoring = numbers();
  ignoring.ignore_topics = {"*/set"};
  MappingOptions sparkplug;
  sparkplug.format = &sparkplug_format;
  Router router({{"j/{device}", json}, {"n/{device...}", ignoring}, {"spBv1.0/#", sparkplug}});
  const struct {
    const char* topic;
    const char* payload;
    const char* expected;  // empty: it has a reading
  } cases[] = {
      {"j/a", R"({"t":1})", ""},
      {"j/a", R"({"t":1,"w":"abc"})", ""},
      {"j/a", R"({"name":"abc"})", "j/{device} no_value"},
      {"j/a", R"({"name":""})", "j/{device} no_value"},
      {"j/a", R"({"t":null})", "j/{device} no_value"},
      {"j/a", R"("")", "j/{device} no_value"},
      {"j/a", R"("quoted")", "j/{device} no_value"},
      {"j/a", "null", "j/{device} no_value"},
      {"j/a", "{}", "j/{device} no_value"},
      {"j/a", "[]", "j/{device} no_value"},
      {"j/a", R"({"id":"007"})", "j/{device} no_value"},
      {"j/a", "{", "j/{device} bad_syntax"},
      {"j/a", R"({"t":1e999})", "j/{device} not_finite"},
      {"j/a", "", "j/{device} bad_syntax"},
      {"n/a/set", "1", "n/{device...} ignored_topic"},
      {"n/a", "words", "n/{device...} bad_number"},
      {"spBv1.0/g/NCMD/n", "\x12\x02\x10\x01", "spBv1.0/# ignored_topic"},  // as our own request comes back
      {"spBv1.0/STATE/scada", "ONLINE", "spBv1.0/# ignored_topic"},
      {"spBv1.0/g/NDEATH/n", "\x08\x01", "spBv1.0/# no_value"},
      {"other", "1", " no_route"},
  };
  for (const auto& c : cases) {
    DecodedBatch batch;
    router.decode(c.topic, c.payload, batch);
    std::string found;
    for (const MessagesWithoutReading& some : batch.without_reading) {
      found += std::string(some.route) + ' ' + std::string(name_of(some.reason));
      EXPECT_EQ(some.messages, 1U);
    }
    EXPECT_EQ(found, c.expected) << c.topic << ' ' << c.payload;
    const bool is_kept = !found.empty() && !found.ends_with("ignored_topic");
    ASSERT_EQ(batch.undecoded.size(), is_kept ? 1U : 0U) << c.payload;
    if (is_kept) {
      EXPECT_EQ(batch.undecoded[0].reason.has_value(), !batch.refusals.empty()) << c.payload;
    }
  }
  DecodedBatch batch;
  for (int i = 0; i < 3; ++i) router.decode("j/a", "{}", batch);
  router.decode("j/a", "{", batch);
  ASSERT_EQ(batch.without_reading.size(), 2U) << "like ones are counted together";
  EXPECT_EQ(batch.without_reading[0].messages, 3U);
  EXPECT_EQ(batch.without_reading[1].messages, 1U);
  Message large{.topic = "j/a", .payload = "{\"t\":1}"};
  large.max_bytes = 2;
  batch.clear();
  EXPECT_TRUE(batch.without_reading.empty());
  router.decode(large, batch);
  EXPECT_EQ(batch.without_reading.at(0).reason, no_reading_of(Refusal::too_large));
}

TEST(Router, message_may_allow_more_bytes_and_values_and_say_its_time_format) {
  MappingOptions lines;
  lines.format = &influx_format;
  Router router({{"a", lines}});
  std::string payload;
  for (std::size_t i = 0; i <= max_values_per_message; ++i) payload += "m,id=a v=1 1700000000\n";
  payload.append(max_payload_bytes, '\n');
  DecodedBatch batch;
  router.decode({.topic = "a",
                 .payload = payload,
                 .time_format = TimeFormat::unix_s,
                 .max_bytes = payload.size(),
                 .max_values = max_values_per_message + 1},
                batch);
  ASSERT_EQ(batch.readings.size(), max_values_per_message + 1);
  EXPECT_EQ(batch.readings[0].event_time, Timestamp::microseconds(1'700'000'000'000'000));
  EXPECT_TRUE(batch.refusals.empty());
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

TEST(Router, message_has_the_key_that_its_payload_names_and_stays_one_when_its_source_ends_it) {
  MappingOptions mapping;
  mapping.dedupe = {.path = "id", .within = Duration::seconds(9)};
  Router router({{"a/{device}", mapping}, {"b/{device}", numbers()}});
  DecodedBatch batch;
  router.decode("b/x", "1", batch);
  router.decode("a/x", R"({"id":"m1","t":1})", batch);
  batch.end_message(7, true);
  router.decode("a/x", R"({"id":"m2","t":2})", batch);
  router.decode("b/x", "3", batch);
  batch.end_message(8, false);
  router.decode("a/y", R"({"id":"m1","t":1})", batch);
  router.decode("a/y", R"({"t":1})", batch);
  EXPECT_EQ(to_text(batch), "x/value=1; x/t=1; x/t=2; x/value=3; y/t=1; y/t=1") << "the id is not taken";
  ASSERT_EQ(batch.messages.size(), 6U);
  const std::vector<DecodedMessage>& messages = batch.messages;
  EXPECT_FALSE(messages[0].key) << "of a route without keys";
  ASSERT_TRUE(messages[1].key && messages[2].key && messages[4].key);
  EXPECT_EQ(messages[1].fingerprint, 7U);
  EXPECT_EQ(messages[1].key->within, Duration::seconds(9));
  EXPECT_NE(messages[1].key->hash, messages[2].key->hash);
  EXPECT_EQ(messages[1].key->hash, messages[4].key->hash);
  EXPECT_FALSE(messages[2].fingerprint);
  EXPECT_EQ(messages[3].fingerprint, 8U);
  EXPECT_FALSE(messages[3].key);
  EXPECT_FALSE(messages[5].key) << "it has no id";
  EXPECT_EQ(messages[5].first_reading, 5U);
}

TEST(Router, key_of_a_message_that_gives_no_reading_is_left_for_another) {
  MappingOptions mapping;
  mapping.dedupe = {.path = "id"};
  Router router({{"a/{device}", mapping}});
  const char* const without[] = {R"({"id":"m","t":1e400})", R"({"id":{"x":1},"t":1})", R"({"id":"","t":1})", "{}"};
  for (const char* const payload : without) {
    DecodedBatch batch;
    router.decode("a/x", payload, batch);
    ASSERT_EQ(batch.messages.size(), 1U);
    EXPECT_FALSE(batch.messages[0].key) << payload;
  }
}

TEST(Router, ignored_topics_are_not_looked_at) {
  MappingOptions mapping = numbers();
  mapping.ignore_topics = {"*/set"};
  Router router({{"a/{device...}", mapping}});
  DecodedBatch batch;
  router.decode("a/x/set", "1", batch);
  router.decode("a/x", "2", batch);
  EXPECT_EQ(to_text(batch), "x/value=2");
  EXPECT_EQ(batch.message_count, 2U);
}

TEST(Router, readings_of_a_route_count_only_if_changed_where_it_skips_repeats) {
  MappingOptions skipping = numbers();
  skipping.repeats = Repeats::skip_unchanged;
  Router router({{"a/{device}", skipping}, {"b/{device}", numbers()}});
  DecodedBatch batch;
  router.decode("a/x", "1", batch);
  router.decode("b/x", "1", batch);
  EXPECT_EQ(batch.readings[0].counts, Counts::if_changed);
  EXPECT_EQ(batch.readings[1].counts, Counts::always);
}

TEST(Router, route_may_allow_names_of_up_to_512_bytes) {
  const std::string most(512, 'n'), beyond(513, 'n'), usual(129, 'n');
  const auto taken = [](const Format& format, std::size_t max_id_bytes, const std::string& topic,
                        const std::string& payload) {
    MappingOptions mapping;
    mapping.format = &format;
    mapping.max_id_bytes = max_id_bytes;
    mapping.labels = format.has_paths ? std::vector<LabelField>{{"site", "site"}} : std::vector<LabelField>();
    Router router({{"{device}", mapping}});
    DecodedBatch batch;
    for (int i = 0; i < 3; ++i) {  // also of a shape that is known
      batch.clear();
      router.decode(topic, payload, batch);
      EXPECT_EQ(batch.readings.empty(), !batch.refusals.empty());
    }
    for (const DecodedRefusal& refusal : batch.refusals) EXPECT_EQ(refusal.reason, Refusal::bad_id);
    return !batch.readings.empty();
  };
  const struct {
    const Format& format;
    std::string before, after;  // around the name in the payload
  } cases[] = {{json_format, "{\"", "\":1}"}, {json_format, R"({"v":1,"site":")", "\"}"},
               {csv_format, "", "\n1\n"},     {influx_format, "m,site=", " v=1"},
               {influx_format, "m ", "=1"},   {graphite_format, "a.", " 1"},
               {statsd_format, "a.", ":1|g"}, {keyvalue_format, "", "=1"}};
  for (const auto& c : cases) {
    const auto with = [&](const std::string& name) { return c.before + name + c.after; };
    EXPECT_FALSE(taken(c.format, max_id_bytes, "d", with(usual))) << with("NAME");
    EXPECT_TRUE(taken(c.format, most_id_bytes, "d", with(usual))) << with("NAME");
    EXPECT_FALSE(taken(c.format, most_id_bytes, "d", with(beyond))) << with("NAME");
  }
  EXPECT_TRUE(taken(json_format, most_id_bytes, most, "{\"" + most + R"(":1,"site":")" + most + "\"}"));
  EXPECT_TRUE(taken(number_format, most_id_bytes, most, "1"));
  EXPECT_FALSE(taken(number_format, most_id_bytes, beyond, "1"));
  MappingOptions none;
  for (const std::size_t bytes : {0, 513}) {
    none.max_id_bytes = bytes;
    EXPECT_EQ(mapping_error(none, {"device"}), "max_id_bytes: is not 1 to 512");
  }
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
