#include "daemon/commands/route_learner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>

#include "daemon/commands/learned_config.h"

namespace edgetide {

namespace {

using testing::ElementsAre;

struct HeardMessage {
  const char* topic;
  const char* payload;
};

std::vector<std::string> lines_of(const RouteLearner::Learned& learned) {
  std::vector<std::string> lines;
  for (const LearnedRoute& route : learned.routes) {
    std::string line = route.topic + " as " + route.format;
    for (const std::string& key : route.keys) line += ", " + key;
    lines.push_back(line + ": " + std::to_string(route.messages));
  }
  for (const std::string& topic : learned.unreadable) lines.push_back("none: " + topic);
  return lines;
}

RouteLearner::Learned learned_from(const std::vector<HeardMessage>& messages) {
  RouteLearner learner;
  for (const auto& [topic, payload] : messages) learner.hear(topic, payload);
  return learner.learn();
}

std::vector<RouteOptions> routes_of(const RouteLearner::Learned& learned) {
  std::string toml = "[sources.s]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\n";
  for (const LearnedRoute& route : learned.routes) toml += "[[sources.s.routes]]\n" + route.toml();
  return routes_of_toml(toml + "[windows.w]\nsize = \"1m\"\n");
}

// What the routes make of all messages.
std::size_t readings_of(const RouteLearner::Learned& learned, const std::vector<HeardMessage>& messages) {
  Router router(routes_of(learned));
  DecodedBatch batch;
  for (const auto& [topic, payload] : messages) router.decode(topic, payload, batch);
  return batch.readings.size();
}

TEST(RouteLearner, every_reading_of_six_families_is_taken) {
  const std::vector<HeardMessage> messages = {
      {"tele/attic/SENSOR",
       R"({"Time":"2021-01-02T09:09:44","DS18B20":{"Id":"000005","Temperature":13.3},"TempUnit":"C"})"},
      {"tele/attic/LWT", "Online"},
      {"zigbee2mqtt/kitchen", R"({"battery":100,"temperature":21.58,"linkquality":224})"},
      {"zigbee2mqtt/bridge/state", "online"},
      {"shellies/plug1/relay/0/power", "23.4"},
      {"livingroom/sensor/bme280_temp/state", "23.4"},
      {"application/1/device/0101/event/up",
       R"({"time":"2022-07-18T09:34:15.775023242+00:00","deviceInfo":{"devEui":"0101"},"object":{"t":1.5}})"},
      {"v3/app@ttn/devices/dev1/up",
       R"({"end_device_ids":{"device_id":"dev1"},"uplink_message":{"decoded_payload":{"t":29.9}}})"},
      {"plant/hall/press/temperature", "42"},
      {"plant/hall/press/pressure", "3.5"},
      {"plant/yard/pump/pressure", "1.5"},
      {"meters/m1/data", R"({"ts":1769860800,"kwh":7})"},
      {"meters/m2/data", R"({"ts":1769860800,"kwh":9})"},
  };
  const RouteLearner::Learned learned = learned_from(messages);
  EXPECT_THAT(
      lines_of(learned),
      ElementsAre("zigbee2mqtt/{device} as zigbee2mqtt: 1", "tele/{device}/SENSOR as tasmota: 1",
                  "shellies/{device}/relay/0/{metric} as shelly_gen1: 1", "v3/+/devices/+/up as ttn: 1",
                  "application/+/device/+/event/up as chirpstack: 1", "{device}/sensor/{metric}/state as esphome: 1",
                  R"(meters/{device}/data as json, time = "ts": 2)",
                  R"(plant/{level2}/{device}/{metric} as number, sensor = "{level2}/{device}": 3)",
                  "none: tele/attic/LWT", "none: zigbee2mqtt/bridge/state"));
  EXPECT_EQ(readings_of(learned, messages), 13U);
}

TEST(RouteLearner, topics_without_a_preset_get_a_pattern_for_their_shape) {
  const struct {
    std::vector<HeardMessage> messages;
    std::vector<std::string> expected;
  } cases[] = {
      {{{"kitchen/temp", "21"}, {"attic/temp", "22"}}, {"{device}/{metric} as number: 2"}},
      {{{"temp", "21"}}, {"{device} as number: 1"}},
      {{{"home/kitchen/temp/state", "21 °C"}}, {"home/{device}/{metric}/state as number: 1"}},
      {{{"gw/all", R"({"id":"s1","t":1})"}}, {R"(gw/{device} as json, sensor = { path = "id" }: 1)"}},
      {{{"a/x/data", R"({"time":"yesterday","t":1})"}}, {"a/{device}/data as json: 1"}},
      {{{"lp", "weather,site=lyon temp=21.4"}}, {"{device} as influx: 1"}},
      {{{"kv/x", "t=1,h=2"}}, {"kv/{device} as keyvalue: 1"}},
      {{{"note", "all is well"}, {"empty", ""}}, {"none: empty", "none: note"}},
      {{{"y/${file:/etc/passwd}/a", "1"}, {"{device}/k/a", "1"}},
       {"none: y/${file:/etc/passwd}/a", "none: {device}/k/a"}},
      {{{"tele/attic/SENSOR", R"({"a":1})"}, {"tele/attic/STATE", R"({"b":1})"}},
       {"tele/{device}/SENSOR as tasmota: 1", "tele/attic/{device} as json: 1"}},
      {{{"senml/attic", R"([{"bn":"urn:dev:ow:1:","n":"t","u":"Cel","v":1}])"}}, {"senml/+ as senml: 1"}},
      {{{"csv/x/data", "time,t,h\n2026-01-31T12:00:00Z,21.5,40\n"}}, {R"(csv/{device}/data as csv, time = "time": 1)"}},
      {{{"csv/x/data", "t;h\n21,5;40\n"}}, {R"(csv/{device}/data as csv, delimiter = ";": 1)"}},
      {{{"p1/house", "/XMX5LGBBFG\r\n\r\n1-0:1.7.0(01.193*kW)\r\n!\r\n"}}, {"p1/{device} as dsmr: 1"}},
      {{{"boat/nmea", "$YXXDR,C,19.5,C,TempAir*00\r\n"}, {"boat/nmea", "$WIMWV,214.8,R,0.1,K,A*28\r\n"}},
       {"boat/{device} as nmea0183: 2"}},
      {{{"carbon", "site.lyon.temp 21.4 1465839830\n"}}, {"{device} as graphite: 1"}},
      {{{"door/text", "Room 101"}}, {"none: door/text"}},
      {{{"cbor/x", "\xa1\x61\x74\x15"}}, {"cbor/{device} as cbor: 1"}},
      // Most of the payloads count.
      {{{"mixed/x", "21"}, {"mixed/x", R"({"t":1})"}, {"mixed/x", R"({"t":2})"}}, {"mixed/{device} as json: 3"}},
      // And no topic is taken by the pattern of others that reads less of it.
      {{{"m/a/t", "21"}, {"m/d/t", "22"}, {"m/b/t", "temp,site=x v=21"}, {"m/e/t", "temp,site=x v=22"}},
       {R"(m/a/t as number, sensor = "a", metric = "t": 1)", R"(m/d/t as number, sensor = "d", metric = "t": 1)",
        "m/{device}/t as influx: 2", "m/{device}/{metric} as number: 2"}},
      {{{"v1/devices/me/telemetry", R"({"t":1})"}},
       {R"(v1/devices/me/telemetry as thingsboard, sensor = "thingsboard": 1)"}},
  };
  for (const auto& c : cases) EXPECT_EQ(lines_of(learned_from(c.messages)), c.expected);
}

TEST(RouteLearner, devices_whose_topics_differ_in_the_first_level_have_different_names) {
  EXPECT_THAT(lines_of(learned_from({{"site1/boiler/temp", "51"}, {"site2/boiler/temp", "81"}})),
              ElementsAre(R"(site1/{device}/{metric} as number, sensor = "site1/{device}": 1)",
                          R"(site2/{device}/{metric} as number, sensor = "site2/{device}": 1)"));
  EXPECT_THAT(lines_of(learned_from({{"site1/boiler/temp", "51"}, {"site2/pump/temp", "81"}})),
              ElementsAre(R"(site1/{device}/{metric} as number, sensor = "site1/{device}": 1)",
                          R"(site2/{device}/{metric} as number, sensor = "site2/{device}": 1)"))
      << "the other may have such a device too";
  EXPECT_THAT(lines_of(learned_from({{"a/x", R"({"t":1})"}, {"b/c/x", R"({"t":1})"}})),
              ElementsAre(R"(b/c/{device} as json, sensor = "b/c/{device}": 1)",
                          R"(a/{device} as json, sensor = "a/{device}": 1)"));
}

TEST(RouteLearner, presets_of_shelly_telegraf_and_rtl_433_are_suggested) {
  EXPECT_THAT(
      lines_of(learned_from(
          {{"shellyplus1-a/status/switch:0", R"({"id":0,"output":true,"apower":7.5})"},
           {"telegraf/host1/cpu", R"({"fields":{"usage":1},"name":"cpu","tags":{"host":"h"},"timestamp":1769860800})"},
           {"rtl_433/gw/devices/Acurite/A/77/temperature_C", "21.5"}})),
      testing::UnorderedElementsAre("{device}/status/{component} as shelly_status: 1", "telegraf/# as telegraf: 1",
                                    "rtl_433/+/devices/{model}/{channel}/{id}/{metric} as rtl_433_devices: 1"));
}

// What a route makes of a topic is a series that no other topic has.
TEST(RouteLearner, no_two_topics_of_any_tree_give_one_series) {
  const char* const words[] = {"a", "b", "c", "state", "data", "temp", "status"};
  const char* const payloads[] = {"21", "22 W", R"({"temp":1,"a":2})", R"({"b":{"temp":3}})"};
  std::minstd_rand random(7);
  for (int round = 0; round < 60; ++round) {
    std::map<std::string, const char*> tree;
    for (std::size_t topics = 2 + random() % 8; tree.size() < topics;) {
      std::string topic = words[random() % std::size(words)];
      for (std::size_t more = random() % 4; more > 0; --more)
        topic += std::string("/") + words[random() % std::size(words)];
      tree[topic] = payloads[random() % std::size(payloads)];
    }
    std::vector<HeardMessage> messages;
    for (const auto& [topic, payload] : tree) messages.push_back({topic.c_str(), payload});
    const RouteLearner::Learned learned = learned_from(messages);
    Router router(routes_of(learned));
    std::map<std::pair<std::string, std::string>, std::string> owners;
    for (const auto& [topic, payload] : messages) {
      DecodedBatch batch;
      router.decode(topic, payload, batch);
      EXPECT_FALSE(batch.readings.empty()) << topic;
      for (const DecodedReading& reading : batch.readings) {
        const auto owner = owners.try_emplace({std::string(reading.sensor), std::string(reading.metric)}, topic).first;
        EXPECT_EQ(owner->second, topic) << reading.sensor << ' ' << reading.metric << ", round " << round << '\n'
                                        << testing::PrintToString(lines_of(learned));
      }
    }
  }
}

TEST(RouteLearner, what_it_keeps_is_bounded) {
  RouteLearner learner;
  const std::string payload(RouteLearner::max_sample_bytes / 2 + 1, '1');
  learner.hear("a/1", payload);
  learner.hear("a/2", payload);
  for (std::size_t i = 2; i < RouteLearner::max_topics + 3; ++i) learner.hear("t/" + std::to_string(i), "1");
  EXPECT_EQ(learner.topics(), RouteLearner::max_topics);
  EXPECT_EQ(learner.beyond(), 3U);
  EXPECT_EQ(learner.messages(), RouteLearner::max_topics + 3);
}

TEST(RouteLearner, labels_that_alone_tell_elements_of_a_message_apart_are_named) {
  const RouteLearner::Learned learned = learned_from({{"telegraf/h", "[]"},
                                                      {"telegraf/h", R"({"metrics":[
                        {"fields":{"use":1},"name":"cpu","tags":{"host":"h","cpu":"cpu0"},"timestamp":1700000000},
                        {"fields":{"use":2},"name":"cpu","tags":{"host":"h","cpu":"cpu1"},"timestamp":1700000000}]})"},
                                                      {"zigbee2mqtt/kitchen", R"({"temperature":21.58})"}});
  ASSERT_EQ(learned.routes.size(), 2U);
  for (const LearnedRoute& route : learned.routes) {
    ASSERT_EQ(route.mixed.size(), route.format == "telegraf" ? 1U : 0U) << route.format;
    if (route.mixed.empty()) continue;
    EXPECT_THAT(route.mixed[0], testing::HasSubstr("differ in the labels cpu (cpu0, cpu1),"));
  }
}

TEST(RouteLearner, sparkplug_is_known_by_its_topics) {
  const std::vector<HeardMessage> messages = {
      {"spBv1.0/plant/NDATA/press", "\x12\x02\x10\x01"}, {"spBv1.0/STATE/scada", "ONLINE"}, {"a/b", "1"}};
  EXPECT_THAT(lines_of(learned_from(messages)),
              ElementsAre("spBv1.0/# as sparkplug: 2", "{device}/{metric} as number: 1"));
}

}  // namespace

}  // namespace edgetide
