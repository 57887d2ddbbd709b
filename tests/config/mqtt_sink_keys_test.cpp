#include <gmock/gmock.h>

#include "config/parts.h"
#include "sinks/mqtt_sink.h"
#include "tests/config/configuration_file.h"
#include "tests/config/every_key.h"

namespace edgetide {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string head_of_mqtt_sink = "[gateway]\nid = \"gw\"\n[windows.w]\nsize = \"1m\"\n";

std::string with_mqtt_sink(const std::string& keys) {
  return head_of_mqtt_sink + "[sinks.s]\ntype = \"mqtt\"\n" + keys;
}

std::string with_local_sink(const std::string& keys) {
  return with_mqtt_sink("servers = [\"mqtt://localhost\"]\n" + keys);
}

const MqttSinkOptions& mqtt_sink_in(const Configuration& configuration, const std::string& name) {
  const auto& sinks = configuration.options.sinks;
  return *options_of<MqttSinkOptions>(
      *std::find_if(sinks.begin(), sinks.end(), [&](const SinkOptions& one) { return one.name == name; })->store);
}

TEST(MqttSinkKeys, reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const Configuration every = loaded(every_key_correct());
  const MqttSinkOptions& mqtt = mqtt_sink_in(every, "upstream");
  EXPECT_EQ(mqtt.servers, (std::vector<std::string>{"mqtts://cloud.example:8884", "mqtt://localhost:1883"}));
  EXPECT_TRUE(mqtt.allow_plaintext);
  EXPECT_EQ(mqtt.protocol, 3);
  EXPECT_EQ(mqtt.client_id, "plant-7+upstream");
  EXPECT_EQ(mqtt.username + ' ' + mqtt.password, "u p");
  EXPECT_EQ(mqtt.tls, (TlsOptions{"/upstream/ca", "/upstream/cert", "/upstream/key", "x-upstream"}));
  EXPECT_EQ(mqtt.keep_alive, Duration::seconds(5));
  EXPECT_EQ(mqtt.topic, "{gateway}/{label.site}/{sensor}");
  EXPECT_EQ(mqtt.payload, RowPayload::senml);
  EXPECT_EQ(mqtt.qos, 0);
  EXPECT_TRUE(mqtt.retain);
  EXPECT_EQ(mqtt.max_in_flight, 7U);
  EXPECT_EQ(mqtt.max_publishes, 100);
  EXPECT_EQ(mqtt.max_payload_bytes, 1024U);
  EXPECT_EQ(mqtt.max_topic_levels, 8U);
  EXPECT_EQ(mqtt.status_topic, "edgetide/plant-7/up");
}

TEST(MqttSinkKeys, client_id_differs_from_that_of_a_source_of_the_same_name) {
  const Configuration read = loaded(with_local_sink("topic = \"t\"\n"));
  const MqttSinkOptions& mqtt = mqtt_sink_in(read, "s");
  EXPECT_TRUE(mqtt.client_id.starts_with("edgetide-gw-")) << mqtt.client_id;
  EXPECT_TRUE(mqtt.client_id.ends_with("sink-s")) << mqtt.client_id;
  EXPECT_EQ(mqtt.max_payload_bytes, 128U * 1024);
}

TEST(MqttSinkKeys, mistakes_are_errors_at_their_place) {
  const struct {
    std::string text, message;
  } cases[] = {
      {with_mqtt_sink("topic = \"t\""), "5:8: error: sinks.s: servers is missing"},
      {with_local_sink(""), "5:8: error: sinks.s: topic is missing"},
      {with_local_sink("topic = \"\""), "8:9: error: sinks.s: topic is empty"},
      {with_local_sink("topic = \"a/{sensr}\""),
       "8:9: error: sinks.s: topic has the unknown name {sensr}\n    8 | topic = \"a/{sensr}\"\n      |         "
       "^^^^^^^^^^^ "
       "did you mean '{sensor}'?"},
      {with_local_sink("topic = \"a/{labels}\""), "did you mean '{label.NAME}'?"},
      {with_local_sink("topic = \"a/{device_id}\""),
       "there are {gateway}, {window}, {sensor}, {metric} and {label.NAME}"},
      {with_local_sink("topic = \"a/+\""),
       "8:9: error: sinks.s: topic names topics to publish to, which have no + or #"},
      {with_local_sink("topic = \"a/{sensor\""), "8:9: error: sinks.s: topic has a brace without its partner"},
      {with_mqtt_sink("servers = [\"mqtt://broker.example\"]\ntopic = \"t\""),
       "7:12: error: sinks.s: \"mqtt://broker.example\" would send everything readable over the network"},
      {with_mqtt_sink("servers = []\ntopic = \"t\""),
       "7:11: error: sinks.s: servers is empty; a sink needs at least one"},
      {with_mqtt_sink("servers = [\"mqtt://me:secret@localhost\"]\ntopic = \"t\""), "use username and password"},
      {with_local_sink("topic = \"t\"\nqos = 2"), "9:7: error: sinks.s: qos is 2, it must be at most 1"},
      {with_local_sink("topic = \"t\"\nencoding = \"csv\""),
       "9:12: error: sinks.s: encoding \"csv\" is not one of \"json\", \"json_array\", \"influx\", \"senml\""},
      {with_local_sink("topic = \"t\"\nclient_id = \"{source}\""),
       "9:13: error: sinks.s: client_id has a placeholder other than {gateway}, {machine} and {sink}"},
      {with_local_sink("topic = \"t\"\nstatus_topic = \"a/#\""),
       "9:16: error: sinks.s: status_topic must be the name of one topic"},
      {with_local_sink("topic = \"t\"\nmax_publishes = 100"),
       "9:17: error: sinks.s: max_publishes is 100, a rate needs a unit"},
      {with_local_sink("topic = \"t\"\nprotocol = \"3.1.1\"\npassword = \"x\""),
       "MQTT 3.1.1 allows a password only with a username"},
      {with_local_sink(
           "topic = \"t\"\n[sinks.u]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\ntopic = \"t\"\nclient_id = "
           "\"edgetide-{gateway}-{machine}-sink-s\""),
       "13:13: error: sinks.u: has the server and the client_id of sinks.s"},
      {with_local_sink(
           "topic = \"t\"\nclient_id = \"same\"\n[sources.p]\ntype = \"mqtt\"\nclient_id = \"same\"\nservers = "
           "[\"mqtt://localhost\"]\nroutes = [{ topic = \"{device}\", format = \"number\" }]"),
       "9:13: error: sinks.s: has the server and the client_id of sources.p"},
  };
  for (const auto& c : cases) EXPECT_THAT(errors_of(c.text), HasSubstr(c.message)) << c.text;
  EXPECT_THAT(errors_of(with_mqtt_sink("servers = [\"mqtt://me:secret@localhost\"]\ntopic = \"t\"")),
              Not(HasSubstr("secret")));
}

TEST(MqttSinkKeys, doubtful_settings_are_warned_of) {
  EXPECT_THAT(warnings_of(with_local_sink("topic = \"t\"\nqos = 0")), HasSubstr("qos = 0 loses rows"));
  EXPECT_THAT(warnings_of(with_local_sink("topic = \"t\"\nprotocol = \"3.1.1\"")),
              HasSubstr("confirms also rows that it does not"));
  EXPECT_THAT(warnings_of(with_local_sink("topic = \"t\"\nretain = true\nencoding = \"json_array\"")),
              HasSubstr("keeps the last one"));
  EXPECT_EQ(warnings_of(with_local_sink("topic = \"t\"\nretain = true")), "");
}

}  // namespace
}  // namespace edgetide
