#include "daemon/monitor/status_json.h"

#include <cmath>
#include <gtest/gtest.h>

#include "daemon/decoders/json.h"
#include "daemon/monitor/sensor_list.h"
#include "tests/daemon/monitor/monitor_fixture.h"

namespace edgetide {

namespace {

// The value at "sources.0.name".
JsonValue at(JsonValue value, std::string_view path) {
  while (true) {
    const std::size_t dot = path.find('.');
    const std::string key(path.substr(0, dot));
    if (value.is(JsonKind::array)) {
      int left = std::stoi(key);
      for (const JsonValue element : value.elements()) {
        if (left-- == 0) {
          value = element;
          break;
        }
      }
    } else {
      const auto member = value.find(key);
      if (!member) throw std::out_of_range(key);
      value = *member;
    }
    if (dot == path.npos) return value;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

TEST(StatusJson, is_json_with_the_figures_of_the_status) {
  GatewayStatus status = healthy_status();
  status.sources[0].last_refusal = "bad \"quote\"\n";
  status.newest_sensors[0].sensor = "</script>";
  status.sources[0].files = FileCounts{7, 2, Duration::seconds(90)};
  JsonParser parser;
  const std::string text = status_json(status);
  const auto parsed = parser.parse(text);
  ASSERT_TRUE(parsed.root) << text;
  const JsonValue root = *parsed.root;
  EXPECT_EQ(at(root, "gateway").text(), "plant-7");
  EXPECT_TRUE(at(root, "ready").boolean());
  EXPECT_EQ(at(root, "sources.0.readings").integer(), 55);
  EXPECT_EQ(at(root, "sources.0.mixed").integer(), 4);
  EXPECT_EQ(at(root, "sources.0.unmatched").integer(), 5);
  EXPECT_EQ(at(root, "sources.0.refuses_series").text(), "");
  EXPECT_FALSE(at(root, "sources.0.awaited").boolean());
  EXPECT_EQ(at(root, "sources.0.refused.bad_syntax").integer(), 3);
  EXPECT_EQ(at(root, "sources.0.last_refusal").text(), "bad \"quote\"\n");
  EXPECT_EQ(at(root, "sources.0.messages_without_reading.0.route").text(), "a/{device}");
  EXPECT_EQ(at(root, "sources.0.messages_without_reading.0.no_value").integer(), 7);
  EXPECT_EQ(at(root, "sources.0.delays.0").integer(), 1);
  EXPECT_EQ(at(root, "sources.0.files.done").integer(), 7);
  EXPECT_EQ(at(root, "sources.0.files.lag").number(), 90);
  EXPECT_EQ(at(root, "windows.0.spans.0.windows").integer(), 3);
  EXPECT_EQ(at(root, "sinks.0.outbox_rows").integer(), 2);
  EXPECT_EQ(at(root, "checkpoint.interval").number(), 30);
  EXPECT_EQ(at(root, "newest_sensors.0.sensor").text(), "</script>");
  EXPECT_EQ(at(root, "newest_sensors.0.value").number(), 21.5);
}

TEST(StatusJson, what_is_not_known_is_null) {
  SensorStatus sensor;
  sensor.value = std::nan("");
  EXPECT_EQ(sensors_json({sensor}),
            R"({"source":"","sensor":"","metric":"","unit":"","value":null,"newest":null,"watermark":null,"silence":0,)"
            R"("idle":false,"clock_ahead":null,"time_shift":null,"late_accepted":0,"late_dropped":0,"bad_time":0})"
            "\n");
}

}  // namespace edgetide
