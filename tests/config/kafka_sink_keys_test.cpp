#include <algorithm>
#include <gmock/gmock.h>

#include "config/parts.h"
#include "sinks/kafka_sink.h"
#include "tests/config/configuration_file.h"
#include "tests/config/every_key.h"

namespace edgetide {
namespace {

using testing::HasSubstr;

std::string with_kafka_sink(const std::string& keys) {
  return "[gateway]\nid = \"gw\"\n[windows.w]\nsize = \"1m\"\n[sinks.s]\ntype = \"kafka\"\n" + keys;
}

std::string with_local_kafka(const std::string& keys) {
  return with_kafka_sink("servers = [\"localhost:9092\"]\n" + keys);
}

const SinkOptions& sink_named(const Configuration& configuration, const std::string& name) {
  const auto& sinks = configuration.options.sinks;
  return *std::find_if(sinks.begin(), sinks.end(), [&](const SinkOptions& one) { return one.name == name; });
}

const KafkaSinkOptions& kafka_sink_in(const Configuration& configuration, const std::string& name) {
  return *options_of<KafkaSinkOptions>(*sink_named(configuration, name).store);
}

TEST(KafkaSinkKeys, reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const Configuration every = loaded(every_key_correct());
  const KafkaSinkOptions& kafka = kafka_sink_in(every, "stream");
  EXPECT_EQ(kafka.servers, (std::vector<std::string>{"rows.example:9093"}));
  EXPECT_EQ(kafka.client_id, "plant-7-stream");
  EXPECT_EQ(kafka.username + ' ' + kafka.password, "writer key");
  EXPECT_EQ(kafka.mechanism, SaslMechanism::scram_sha_256);
  EXPECT_TRUE(kafka.tls);
  EXPECT_EQ(kafka.ca + ' ' + kafka.cert + ' ' + kafka.key, "/up/kafka/ca /up/kafka/cert /up/kafka/key");
  EXPECT_EQ(kafka.topic, "rows.{gateway}.{window}");
  EXPECT_TRUE(kafka.exactly_once);
  EXPECT_EQ(kafka.transactional_id, "plant-7-stream");
  EXPECT_EQ(kafka.compression, KafkaCompression::zstd);
  EXPECT_EQ(kafka.linger, Duration::milliseconds(20));
  EXPECT_EQ(kafka.max_message_bytes, 64U * 1024);
  EXPECT_EQ(kafka.max_queued_bytes, 1024U * 1024);
  EXPECT_TRUE(kafka_sink_in(every, "plain_stream").allow_plaintext);
}

TEST(KafkaSinkKeys, guarantee_is_that_of_exactly_once) {
  if (leaves_parts_out()) GTEST_SKIP();
  const auto delivery_of = [](const Configuration& read) { return sink_named(read, "s").store->traits().delivery; };
  const Configuration plain = loaded(with_local_kafka("topic = \"rows\"\n"));
  EXPECT_EQ(delivery_of(plain), DeliveryGuarantee::at_least_once);
  EXPECT_EQ(kafka_sink_in(plain, "s").transactional_id, "edgetide-gw-sink-s");
  EXPECT_EQ(delivery_of(loaded(with_local_kafka("topic = \"rows\"\nexactly_once = true\n"))),
            DeliveryGuarantee::exactly_once);
}

TEST(KafkaSinkKeys, mistakes_are_errors_at_their_place) {
  if (leaves_parts_out()) GTEST_SKIP();
  const struct {
    std::string text, message;
  } cases[] = {
      {with_kafka_sink("topic = \"t\""), "5:8: error: sinks.s: servers is missing"},
      {with_local_kafka(""), "5:8: error: sinks.s: topic is missing"},
      {with_kafka_sink("servers = []\ntopic = \"t\""), "servers is empty; a sink needs at least one"},
      {with_kafka_sink("servers = [\"k:9092\"]\ntopic = \"t\""), "would send everything readable over the network"},
      {with_kafka_sink("servers = [\"k\"]\ntopic = \"t\""), "is not the address of a broker"},
      {with_local_kafka("topic = \"a/b\""),
       "8:9: error: sinks.s: topic has a character that topics of Kafka do not have"},
      {with_local_kafka("topic = \"a.{sensr}\""), "did you mean '{sensor}'?"},
      {with_local_kafka("topic = \"a.{sensor}\"\nexactly_once = true"), "topic depends on the series"},
      {with_local_kafka("topic = \"a\"\ntransactional_id = \"a b\""), "transactional_id must be 1 to 255"},
      {with_local_kafka("topic = \"a\"\ntransactional_id = \"{source}\""), "has no placeholder other than {gateway}"},
      {with_local_kafka("topic = \"a\"\nclient_id = \"{source}\""), "client_id has a placeholder other than"},
      {with_local_kafka("topic = \"a\"\ncompression = \"brotli\""), "compression \"brotli\" is not one of"},
      {with_local_kafka("topic = \"a\"\nusername = \"u\""), "username and password belong together"},
      {with_local_kafka("topic = \"a\"\ntls = { key = \"/k\" }"), "cert and key come together"},
      {with_local_kafka("topic = \"a\"\nlinger = \"2s\""), "linger"},
      {with_local_kafka("topic = \"a\"\nexactly_once = true\ntransactional_id = \"same\"\n[sinks.t]\ntype = \"kafka\"\n"
                        "servers = [\"localhost:9092\"]\ntopic = \"b\"\nexactly_once = true\ntransactional_id = "
                        "\"same\""),
       "has the transactional_id of sinks.s"},
  };
  for (const auto& c : cases) EXPECT_THAT(errors_of(c.text), HasSubstr(c.message)) << c.text;
}

TEST(KafkaSinkKeys, transactional_id_without_transactions_is_warned_of) {
  if (leaves_parts_out()) GTEST_SKIP();
  EXPECT_THAT(warnings_of(with_local_kafka("topic = \"a\"\ntransactional_id = \"x\"")),
              HasSubstr("is not used without exactly_once"));
  EXPECT_EQ(warnings_of(with_local_kafka("topic = \"{sensor}\"")), "");
}

}  // namespace
}  // namespace edgetide
