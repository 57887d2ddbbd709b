#include "daemon/decoders/sparkplug_decoder.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/daemon/decoders/decoded_text.h"
#include "tests/fakes/counting_allocator.h"
#include "tests/fakes/sparkplug_message.h"

namespace edgetide {
namespace {

using namespace test;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

MappingOptions sparkplug_mapping() {
  MappingOptions mapping;
  mapping.format = &sparkplug_format;
  mapping.time.format = TimeFormat::unix_ms;
  return mapping;
}

// A route, and what it made of the last message.
class Host {
 public:
  explicit Host(const MappingOptions& mapping = sparkplug_mapping(), const std::string& topic = "spBv1.0/#")
      : router_({RouteOptions{topic, mapping}}) {}

  std::string take(const std::string& topic, const std::string& payload) {
    batch_.clear();
    topic_ = "spBv1.0/" + topic;
    payload_ = payload;
    router_.decode(topic_, payload_, batch_);
    for (const Position& state : batch_.states) {
      partition_ = state.partition;
      state_ = state.bytes;
      ++states_;
    }
    for (const std::string_view notice : batch_.notices) notices_.emplace_back(notice);
    return to_text(batch_);
  }
  std::vector<std::string> asked() const {
    std::vector<std::string> topics;
    for (const Reply& reply : batch_.replies) topics.emplace_back(reply.topic);
    return topics;
  }
  bool has_asked() const { return !batch_.replies.empty(); }
  const DecodedBatch& batch() const { return batch_; }
  const std::string& state() const { return state_; }
  std::size_t states() const { return states_; }
  const std::vector<std::string>& notices() const { return notices_; }
  void restore(const std::string& state) { router_.restore_state("\x01spBv1.0/#", state); }

 private:
  Router router_;
  std::string topic_, payload_;
  DecodedBatch batch_;
  std::string partition_, state_;
  std::size_t states_ = 0;
  std::vector<std::string> notices_;
};

const std::string node_birth = sent_at(1000) + metric({name("bdSeq"), type(uint64), long_value(7)}) +
                               metric({name("Node Control/Rebirth"), alias(0), type(boolean), boolean_value(false)}) +
                               metric({name("t"), alias(1), type(float_type), float_value(21.5F)}) +
                               metric({name("p"), alias(2), type(int16), int_value(0xFFFE)}) + seq(0);
const std::string device_birth = sent_at(1000) + metric({name("rpm"), alias(1), type(int32), int_value(900)}) + seq(1);

TEST(SparkplugDecoder, births_name_what_data_call_by_alias) {
  Host host;
  EXPECT_EQ(host.take("plant/NBIRTH/press", node_birth), "plant/press/t=21.5@1000000; plant/press/p=-2@1000000");
  EXPECT_EQ(host.take("plant/DBIRTH/press/motor", device_birth), "plant/press/motor/rpm=900@1000000");
  EXPECT_EQ(host.take("plant/NDATA/press", sent_at(2000) + metric({alias(1), float_value(22)}) +
                                               metric({alias(2), int_value(0xFFFFFFFF)}) + seq(2)),
            "plant/press/t=22@2000000; plant/press/p=-1@2000000");
  EXPECT_EQ(host.take("plant/DDATA/press/motor", sent_at(2000) + metric({alias(1), int_value(901)}) + seq(3)),
            "plant/press/motor/rpm=901@2000000");
  EXPECT_FALSE(host.has_asked());
  EXPECT_THAT(host.notices(), IsEmpty());
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (; hex.size() >= 2; hex.remove_prefix(2)) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(0, 2)), nullptr, 16));
  }
  return bytes;
}

// Made with the Python library of Eclipse Tahu: String "ON", Int8 -1, Float 21.5 (historical), Int64 -7, Boolean true.
TEST(SparkplugDecoder, bytes_of_tahu_are_read) {
  const std::string payload = bytes_of_hex(
      "08eaf2f5a8a02b"
      "121a0a094d79204d6574726963101618eaf2f5a8a02b200c7a024f4e"
      "120f0a016118f0f1f5a8a02b200150ff01"
      "12150a0166100218f1f1f5a8a02b20092801650000ac41"
      "12190a016c100318f2f1f5a8a02b200458f9ffffffffffffffff01"
      "12100a0162100418f3f1f5a8a02b200b7001"
      "1805");
  EXPECT_EQ(Host().take("g/NBIRTH/n", payload),
            "g/n/My Metric=1@1486144502122000; g/n/a=-1@1486144502000000; g/n/f=21.5@1486144502001000; "
            "g/n/l=-7@1486144502002000; g/n/b=1@1486144502003000");
}

TEST(SparkplugDecoder, values_are_read_by_their_data_type) {
  const struct {
    std::string value, expected;
  } cases[] = {
      {type(int8) + int_value(0xFF), "g/n/m=-1"},
      {type(int8) + int_value(0xFFFFFF80), "g/n/m=-128"},  // with its sign in all of the field
      {type(int8) + int_value(127), "g/n/m=127"},
      {type(int8) + int_value(300), "bad_number@2"},
      {type(int16) + int_value(0x8000), "g/n/m=-32768"},
      {type(int32) + int_value(0xFFFFFFFF), "g/n/m=-1"},
      {type(int32) + int_value(~std::uint64_t{0}), "g/n/m=-1"},
      {type(int32) + long_value(~std::uint64_t{0}), "g/n/m=-1"},
      {type(int32) + long_value(std::uint64_t{1} << 32), "bad_number@2"},
      {type(int64) + long_value(~std::uint64_t{0}), "g/n/m=-1"},
      {type(int64) + long_value(std::uint64_t{1} << 63), "g/n/m=-9.22337203685478e+18"},
      {type(int64) + long_value(9007199254740993), "g/n/m=9.00719925474099e+15; 1 inexact"},
      {type(uint8) + int_value(255), "g/n/m=255"},
      {type(uint8) + int_value(256), "bad_number@2"},
      {type(uint16) + int_value(65535), "g/n/m=65535"},
      {type(uint32) + long_value(4294967295), "g/n/m=4294967295"},
      {type(uint64) + long_value(~std::uint64_t{0}), "g/n/m=1.84467440737096e+19; 1 inexact"},
      {type(float_type) + float_value(0.1F), "g/n/m=0.1"},
      {type(double_type) + double_value(0.1), "g/n/m=0.1"},
      {type(double_type) + double_value(1e300 * 1e300), "not_finite@2(m)"},
      {type(boolean) + boolean_value(true), "g/n/m=1"},
      {type(boolean) + boolean_value(false), "g/n/m=0"},
      {type(boolean) + int_value(1), "g/n/m=1"},
      {type(string) + string_value("OFF"), "g/n/m=0"},
      {type(text) + string_value("21.5 °C"), "g/n/m=21.5"},
      {type(string) + string_value("heating"), "g/n/m=2"},
      {type(string) + string_value("v1.2"), "unsupported@2"},
      {type(string) + string_value("0042"), "unsupported@2"},
      {type(uuid) + string_value("1"), "unsupported@2"},
      {type(date_time) + long_value(1486144502122), "unsupported@2"},
      {type(bytes) + field(16, "\1\2"), "unsupported@2"},
      {type(data_set) + field(17, field(1, 2)), "unsupported@2"},
      {type(template_type) + field(18, "not a template"), "unsupported@2"},
      {type(22) + field(16, "\1"), "unsupported@2"},
      {type(int32) + null(), ""},
      {type(int32) + null() + int_value(1), ""},
      {type(int32), "bad_number@2"},
      {type(int32) + real_field(10, 1.0F), "bad_syntax@2"},
      {type(int32) + int_value(1) + "\x0f", "bad_syntax@2"},
      {type(int32) + int_value(1) + field(8, "meta") + field(9, "properties") + field(99, 1), "g/n/m=1"},
  };
  MappingOptions mapping = sparkplug_mapping();
  mapping.states = {{"heating", 2}};
  for (const auto& c : cases) {
    const std::string payload = metric({name("m"), c.value});
    std::string expected = c.expected;
    if (const auto where = expected.find("@2"); where != std::string::npos && !expected.ends_with(")"))
      expected += "(spBv1.0/g/NBIRTH/n)";
    EXPECT_EQ(Host(mapping).take("g/NBIRTH/n", payload), expected);
  }
}

TEST(SparkplugDecoder, bad_metric_costs_only_itself) {
  Host host;
  const std::string good = metric({name("a"), type(int32), int_value(1)});
  EXPECT_EQ(host.take("g/NBIRTH/n", good + metric({"\x0f"}) + metric({type(int32), int_value(1)}) +
                                        metric({name("\n"), type(int32), int_value(1)}) +
                                        metric({name("b"), type(int32), int_value(2)})),
            "g/n/a=1; g/n/b=2; bad_syntax@11(spBv1.0/g/NBIRTH/n); bad_id@14(name); bad_id@20(metric)");
  EXPECT_EQ(host.take("g/NDATA/n", good + "\x12\x7f"), "bad_syntax@0(spBv1.0/g/NDATA/n)");
  EXPECT_EQ(host.take("g/NDATA/n", good + field(1, "now")), "bad_syntax@0(spBv1.0/g/NDATA/n)");
  EXPECT_EQ(host.take("g/NDATA/n", field(2, 1)), "bad_syntax@0(spBv1.0/g/NDATA/n)");
  EXPECT_EQ(host.take("g/NDATA/n", field(4, "SPBV1.0_COMPRESSED") + field(5, "x")), "unsupported@0(spBv1.0/g/NDATA/n)");
  EXPECT_EQ(host.take("g/NDATA/n", ""), "");
}

TEST(SparkplugDecoder, time_is_that_of_the_metric_or_the_payload) {
  const std::string value = name("m") + type(int32) + int_value(1);
  const struct {
    std::string payload, expected;
  } cases[] = {
      {metric({value}), "g/n/m=1"},
      {metric({value}) + sent_at(5), "g/n/m=1@5000"},  // wherever it stands
      {sent_at(5) + metric({value, at(3)}), "g/n/m=1@3000"},
      {sent_at(5) + metric({value, at(3), historical()}) + metric({value, at(4), historical()}),
       "g/n/m=1@3000; g/n/m=1@4000"},
      {sent_at(~std::uint64_t{0}) + metric({value}), "g/n/m=1@unreadable"},
      {sent_at(std::uint64_t{1} << 62) + metric({value}), "g/n/m=1@unreadable"},
  };
  for (const auto& c : cases) EXPECT_EQ(Host().take("g/NBIRTH/n", c.payload), c.expected);
}

TEST(SparkplugDecoder, topics_say_what_a_message_is) {
  const std::string payload = metric({name("m"), type(int32), int_value(1)});
  const struct {
    std::string topic, expected;
  } cases[] = {
      {"g/NDATA/n", "g/n/m=1"},
      {"g/DDATA/n/d", "g/n/d/m=1"},
      {"g/NDEATH/n", ""},
      {"g/DDEATH/n/d", ""},
      {"g/NCMD/n", ""},
      {"g/DCMD/n/d", ""},
      {"STATE/scada", ""},
      {"g/STATE/scada", ""},
      {"g/NDATA/n/d", "unsupported"},
      {"g/DDATA/n", "unsupported"},
      {"g/DDATA/n/d/e", "unsupported"},
      {"g/NRECORD/n", "unsupported"},
      {"g/NDATA", "unsupported"},
      {"g", "unsupported"},
      {"g/NDATA/", "bad_id"},
      {"/NDATA/n", "bad_id"},
      {"g/NDATA/n+", "bad_id"},
      {std::string(128, 'g') + "/NDATA/n", "bad_id"},
  };
  for (const auto& c : cases) {
    const bool is_refused = !c.expected.empty() && c.expected.find('=') == std::string::npos;
    const std::string where = is_refused ? "@0(spBv1.0/" + c.topic + ")" : "";
    EXPECT_EQ(Host().take(c.topic, payload), c.expected + where) << c.topic;
  }
  DecodedBatch batch;
  Router({RouteOptions{"#", sparkplug_mapping()}}).decode("spAv1.0/g/NDATA/n", payload, batch);
  EXPECT_EQ(to_text(batch), "unsupported@0(spAv1.0/g/NDATA/n)");
}

TEST(SparkplugDecoder, templates_name_sensor_and_metric) {
  const std::string payload = metric({name("m"), type(int32), int_value(1)});
  MappingOptions mapping = sparkplug_mapping();
  mapping.sensor = "{device}@{node}";
  mapping.metric = "{group}.{metric}";
  EXPECT_EQ(Host(mapping).take("g/DBIRTH/n/d", payload), "d@n/g.m=1");
  EXPECT_EQ(Host(mapping).take("g/NBIRTH/n", payload), "g/n/g.m=1");
  EXPECT_EQ(Host(sparkplug_mapping(), "spBv1.0/+/+/+/{device}").take("g/DBIRTH/n/d", payload), "d/m=1");
  EXPECT_EQ(mapping_error(mapping), "");
  mapping.sensor = "{gruop}";
  EXPECT_EQ(mapping_error(mapping),
            "sensor: '{gruop}' is neither captured by the topic nor {group}, {node} or {device}");
  EXPECT_EQ(mapping_error(mapping, {"gruop"}), "");
}

TEST(SparkplugDecoder, data_without_a_birth_ask_the_node_for_it) {
  Host host;
  EXPECT_EQ(host.take("g/NDATA/n", sent_at(5) + metric({alias(1), float_value(1)}) +
                                       metric({name("b"), type(int32), int_value(2)}) +
                                       metric({name("c"), int_value(3)}) + seq(9)),
            "g/n/b=2@5000; unknown_alias@4(spBv1.0/g/NDATA/n); unknown_alias@22(spBv1.0/g/NDATA/n)");
  ASSERT_THAT(host.asked(), ElementsAre("spBv1.0/g/NCMD/n"));
  EXPECT_EQ(host.batch().replies[0].payload,
            sent_at(5) + metric({name("Node Control/Rebirth"), at(5), type(boolean), boolean_value(true)}));
  EXPECT_EQ(host.take("g/DDATA/n/d", sent_at(5) + metric({alias(1), int_value(1)}) + seq(10)),
            "unknown_alias@4(spBv1.0/g/DDATA/n/d)");
  EXPECT_FALSE(host.has_asked()) << "the node is asked once";
  host.take("g/NDATA/other", metric({alias(1), int_value(1)}) + seq(10));
  EXPECT_THAT(host.asked(), ElementsAre("spBv1.0/g/NCMD/other"));
  host.take("g/NBIRTH/n", node_birth);
  host.take("g/DBIRTH/n/d", device_birth);
  EXPECT_EQ(host.take("g/DDATA/n/d", metric({alias(1), int_value(1)}) + seq(2)), "g/n/d/rpm=1");
}

TEST(SparkplugDecoder, node_is_asked_again_after_a_minute_of_its_clock_or_a_hundred_messages) {
  const std::string value = metric({alias(1), int_value(1)});
  Host by_time;
  by_time.take("g/NDATA/n", sent_at(1'000) + value);
  by_time.take("g/NDATA/n", sent_at(60'999) + value);
  EXPECT_FALSE(by_time.has_asked());
  by_time.take("g/NDATA/n", sent_at(61'000) + value);
  EXPECT_TRUE(by_time.has_asked());
  by_time.take("g/NDATA/n", sent_at(1) + value);
  EXPECT_FALSE(by_time.has_asked()) << "a clock that goes back says nothing";

  Host by_messages;
  by_messages.take("g/NDATA/n", value);
  unsigned until = 1;
  for (by_messages.take("g/NDATA/n", value); !by_messages.has_asked(); ++until) by_messages.take("g/NDATA/n", value);
  EXPECT_EQ(until, SparkplugNodes::messages_between_requests);
}

TEST(SparkplugDecoder, missing_messages_are_noticed_once_and_ask_for_a_birth) {
  Host host;
  const auto data = [&](std::uint64_t number) {
    const std::string text = host.take("g/NDATA/n", metric({alias(1), float_value(1)}) + seq(number));
    EXPECT_EQ(text, "g/n/t=1");
    return host.has_asked();
  };
  host.take("g/NBIRTH/n", node_birth);
  for (std::uint64_t number = 1; number < 600; ++number) EXPECT_FALSE(data(number % 256)) << number;
  EXPECT_FALSE(data(599 % 256)) << "the same again was sent twice";
  EXPECT_TRUE(data(602 % 256));
  EXPECT_THAT(host.notices(), ElementsAre("sparkplug: messages of g/n are missing before seq 90"));
  EXPECT_FALSE(data(605 % 256));
  EXPECT_THAT(host.notices(), SizeIs(1));
  host.take("g/NBIRTH/n", node_birth);
  for (std::uint64_t number = 1; number < 200; ++number) EXPECT_FALSE(data(number));
}

TEST(SparkplugDecoder, messages_of_devices_are_in_the_sequence_of_their_node) {
  Host host;
  host.take("g/NBIRTH/n", node_birth);
  host.take("g/DBIRTH/n/d", device_birth);
  host.take("g/DDATA/n/d", metric({alias(1), int_value(1)}) + seq(2));
  host.take("g/DDEATH/n/d", seq(3));
  host.take("g/NDATA/n", metric({alias(1), float_value(1)}) + seq(4));
  EXPECT_FALSE(host.has_asked());
  EXPECT_THAT(host.notices(), IsEmpty());
  host.take("g/DDATA/n/d", metric({alias(1), int_value(1)}) + seq(5));
  EXPECT_TRUE(host.has_asked()) << "a dead device sends data";
}

TEST(SparkplugDecoder, aliases_end_with_the_death_of_their_node) {
  const auto death = [](std::uint64_t number) { return metric({name("bdSeq"), type(int64), long_value(number)}); };
  Host host;
  host.take("g/NBIRTH/n", node_birth);
  host.take("g/DBIRTH/n/d", device_birth);
  EXPECT_EQ(host.take("g/NDEATH/n", death(6)), "") << "of the session before";
  EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1), float_value(1)}) + seq(2)), "g/n/t=1");
  EXPECT_FALSE(host.has_asked());
  EXPECT_EQ(host.take("g/NDEATH/n", death(7)), "");
  EXPECT_EQ(host.take("g/DDATA/n/d", metric({alias(1), int_value(1)}) + seq(3)),
            "unknown_alias@2(spBv1.0/g/DDATA/n/d)");
  EXPECT_TRUE(host.has_asked());
  EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1), float_value(1)}) + seq(4)), "unknown_alias@2(spBv1.0/g/NDATA/n)");
}

TEST(SparkplugDecoder, birth_replaces_what_the_one_before_said) {
  Host host;
  host.take("g/NBIRTH/n", node_birth);
  host.take("g/DBIRTH/n/d", device_birth);
  host.take("g/NBIRTH/n", metric({name("p"), alias(1), type(int32), int_value(1)}) + seq(0));
  EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1), int_value(2)}) + metric({alias(2), int_value(2)}) + seq(1)),
            "g/n/p=2; unknown_alias@8(spBv1.0/g/NDATA/n)");
  EXPECT_TRUE(host.has_asked());
  EXPECT_EQ(host.take("g/DDATA/n/d", metric({alias(1), int_value(2)}) + seq(2)), "unknown_alias@2(spBv1.0/g/DDATA/n/d)")
      << "a device is born after its node";
}

TEST(SparkplugDecoder, births_without_aliases_say_the_types_of_names) {
  Host host;
  host.take("g/NBIRTH/n", metric({name("a"), type(int8), int_value(1)}) + seq(0));
  EXPECT_EQ(host.take("g/NDATA/n", metric({name("a"), int_value(0xFF)}) + seq(1)), "g/n/a=-1");
}

TEST(SparkplugDecoder, alias_of_two_names_stands_for_none) {
  Host host;
  EXPECT_EQ(host.take("g/NBIRTH/n", metric({name("a"), alias(1), type(int32), int_value(1)}) +
                                        metric({name("b"), alias(1), type(int32), int_value(2)}) + seq(0)),
            "g/n/a=1; g/n/b=2");
  EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1), int_value(3)}) + seq(1)), "unknown_alias@2(spBv1.0/g/NDATA/n)");
}

TEST(SparkplugDecoder, null_in_a_birth_still_names_its_alias) {
  Host host;
  EXPECT_EQ(host.take("g/NBIRTH/n", metric({name("a"), alias(1), type(int32), null()}) + seq(0)), "");
  EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1), int_value(3)}) + seq(1)), "g/n/a=3");
}

TEST(SparkplugDecoder, births_are_known_after_a_restart) {
  Host before;
  before.take("g/NBIRTH/n", node_birth);
  before.take("g/DBIRTH/n/d", device_birth);
  EXPECT_EQ(before.states(), 2U);
  before.take("g/NDATA/n", metric({alias(1), float_value(1)}) + seq(2));
  before.take("g/NBIRTH/n", node_birth);
  before.take("g/DBIRTH/n/d", device_birth);
  EXPECT_EQ(before.states(), 2U) << "births that say the same change no state";

  Host after;
  after.restore(before.state());
  EXPECT_EQ(
      after.take("g/NDATA/n", metric({alias(1), float_value(1)}) + metric({alias(2), int_value(0xFFFF)}) + seq(77)),
      "g/n/t=1; g/n/p=-1");
  EXPECT_THAT(after.asked(), ElementsAre("spBv1.0/g/NCMD/n")) << "a birth may have been missed";
  EXPECT_EQ(after.take("g/DDATA/n/d", metric({alias(1), int_value(1)}) + seq(78)), "g/n/d/rpm=1");
  EXPECT_FALSE(after.has_asked());
  EXPECT_THAT(after.notices(), IsEmpty());
}

TEST(SparkplugDecoder, foreign_state_is_ignored) {
  for (const std::string& state :
       {""s, "cellar"s, "spB1"s, "spB1\x0a\x7f"s, "spB1\x0a\x02\x0a\x09"s, "spB1\x08\x01"s}) {
    Host host;
    host.restore(state);
    EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1), int_value(1)})), "unknown_alias@2(spBv1.0/g/NDATA/n)");
  }
}

TEST(SparkplugDecoder, state_is_bounded_and_larger_ones_are_kept_less_often) {
  Host host;
  std::size_t most = 0;
  for (int i = 0; i < 400; ++i) {
    std::string birth;
    for (int j = 0; j < 20; ++j)
      birth +=
          metric({name("metric " + std::to_string(j)), alias(static_cast<unsigned>(j)), type(int32), int_value(1)});
    host.take("g/NBIRTH/n" + std::to_string(i), birth + seq(0));
    most = std::max(most, host.state().size());
  }
  EXPECT_LE(most, max_decoder_state_bytes);
  EXPECT_GT(most, max_decoder_state_bytes * 9 / 10);
  EXPECT_LT(host.states(), 60U);
  EXPECT_EQ(host.take("g/NDATA/n399", metric({alias(1), int_value(3)}) + seq(1)), "g/n399/metric 1=3");
}

TEST(SparkplugDecoder, metrics_beyond_the_limit_are_read_by_name_alone) {
  Host host;
  const auto birth = [](std::size_t count) {
    std::string payload;
    for (std::size_t i = 0; i < count; ++i) {
      payload += metric({name("m" + std::to_string(i)), alias(i), type(int32), int_value(1)});
    }
    return payload + seq(0);
  };
  for (int i = 0; i < 10; ++i) host.take("g/NBIRTH/n" + std::to_string(i), birth(995));
  EXPECT_THAT(host.notices(), IsEmpty());
  host.take("g/NBIRTH/last", birth(60));
  EXPECT_THAT(host.notices(), ElementsAre(HasSubstr("more than 4000 nodes and devices or 10000 metrics")));
  EXPECT_EQ(host.take("g/NDATA/last", metric({alias(49), int_value(2)}) + metric({alias(50), int_value(3)}) + seq(1)),
            "g/last/m49=2; unknown_alias@8(spBv1.0/g/NDATA/last)");
  EXPECT_FALSE(host.has_asked()) << "another birth would not help";
  EXPECT_EQ(host.take("g/NDATA/last", metric({name("m50"), type(int32), int_value(3)}) + seq(2)), "g/last/m50=3");
}

TEST(SparkplugDecoder, births_of_more_values_than_a_message_may_have_still_name_them) {
  Host host;
  std::string birth;
  for (unsigned i = 0; i < 1001; ++i)
    birth += metric({name("m" + std::to_string(i)), alias(i), type(int32), int_value(1)});
  EXPECT_EQ(host.take("g/NBIRTH/n", birth + seq(0)), "too_many_values@0(spBv1.0/g/NBIRTH/n)");
  EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1000), int_value(3)}) + seq(1)), "g/n/m1000=3");
}

TEST(SparkplugDecoder, flood_of_nodes_makes_room_for_those_that_have_a_birth) {
  Host host;
  for (std::size_t i = 0; i < SparkplugNodes::max_places + 10; ++i) {
    host.take("g/NDATA/flood" + std::to_string(i), metric({alias(1), int_value(1)}));
  }
  host.take("g/NBIRTH/n", node_birth);
  EXPECT_EQ(host.take("g/NDATA/n", metric({alias(1), float_value(1)}) + seq(1)), "g/n/t=1");
  EXPECT_FALSE(host.has_asked());
}

TEST(SparkplugDecoder, data_allocate_nothing_once_buffers_have_grown) {
  Host host;
  host.take("plant/NBIRTH/press", node_birth);
  Router router({RouteOptions{"spBv1.0/#", sparkplug_mapping()}});
  DecodedBatch batch;
  router.decode("spBv1.0/plant/NBIRTH/press", node_birth, batch);
  const std::string data = sent_at(2000) + metric({alias(1), float_value(22)}) + metric({alias(9), int_value(1)});
  const auto decode = [&] {
    batch.clear();
    router.decode("spBv1.0/plant/NDATA/press", data, batch);
  };
  decode();
  decode();
  const std::uint64_t before = test::allocations();
  for (int i = 0; i < 50; ++i) decode();
  EXPECT_EQ(test::allocations(), before);
}

TEST(SparkplugDecoder, same_values_over_json_are_the_same_readings) {
  MappingOptions json;
  json.sensor = "g/n";
  json.time = {.path = "ts", .format = TimeFormat::unix_ms};
  const std::string payload = sent_at(1732100000123) + metric({name("a"), type(double_type), double_value(0.1)}) +
                              metric({name("b"), type(int32), int_value(0xFFFFFFF9)}) +
                              metric({name("c"), type(boolean), boolean_value(true)}) +
                              metric({name("d"), type(string), string_value("closed")}) +
                              metric({name("e"), type(double_type), null()});
  EXPECT_EQ(Host().take("g/NBIRTH/n", payload),
            decoded(json, R"({"ts":1732100000123,"a":0.1,"b":-7,"c":true,"d":"closed","e":null})", "#", "x"));
}

TEST(SparkplugPayload, float_is_the_number_of_its_shortest_text) {
  for (const double number : {21.4, 0.1, -1e-7, 16777216.0, 1e38, 0.0}) {
    EXPECT_EQ(shortest_of(static_cast<float>(number)), number);
  }
  EXPECT_TRUE(std::isnan(shortest_of(std::nanf(""))));
  EXPECT_TRUE(std::isinf(shortest_of(INFINITY)));
}

}  // namespace
}  // namespace edgetide
