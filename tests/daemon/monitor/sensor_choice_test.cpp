// What `edgetide sensors` says of sensors with bad clocks, of silent ones, and of those that were only ever refused.
#include "daemon/monitor/sensor_choice.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <string>

namespace edgetide {
namespace {

constexpr std::int64_t start = 1'800'000'000;  // seconds of wall time when the daemon starts

Moment after(std::int64_t seconds) {
  return {Timestamp() + Duration::seconds(start + seconds), Duration::seconds(seconds)};
}

// Two sources that are connected from the start.
class Sensors {
 public:
  explicit Sensors(BadTimePolicy policy = BadTimePolicy::quarantine, WatermarkScope scope = WatermarkScope::sensor)
      : pipeline_(options(policy, scope)) {
    for (const std::uint32_t source : {0, 1}) pipeline_.connected(SourceId{source}, after(0));
  }

  // A reading of a source whose event time is so many seconds ahead of its arrival.
  void read(std::int64_t second, std::uint32_t source, const std::string& sensor, std::int64_t ahead) {
    read_at(second, source, sensor, Timestamp() + Duration::seconds(start + second + ahead));
  }
  void read_at(std::int64_t second, std::uint32_t source, const std::string& sensor, Timestamp time) {
    auto id = pipeline_.series().find(sensor, "t");
    if (!id) id = pipeline_.add_series({sensor, "t", {}, {}}, SourceId{source});
    const Reading reading{*id, time, 1};
    pipeline_.apply({SourceId{source}, after(second), std::span<const Reading>(&reading, 1)});
  }
  void disconnect(std::int64_t second, std::uint32_t source) {
    pipeline_.disconnected(SourceId{source}, after(second));
  }
  void set_unheard(std::uint32_t source, std::int64_t seconds) {
    pipeline_.set_unheard(SourceId{source}, Duration::seconds(seconds));
  }
  void tick(std::int64_t second) {
    Emission rows;
    pipeline_.tick(after(second), Fire::due, rows);
  }

  std::vector<SensorStatus> of(std::int64_t second) {
    tick(second);
    return sensor_statuses(choose_series(pipeline_, SensorChoice::all), SensorChoice::all, pipeline_.options());
  }
  // "second/b -3600 silent; ..." in the order of the list.
  std::string listed(std::int64_t second, SensorChoice choice) {
    tick(second);
    std::string text;
    for (const SensorStatus& sensor : sensor_statuses(choose_series(pipeline_, choice), choice, pipeline_.options())) {
      text += (text.empty() ? "" : "; ") + sensor.source + '/' + sensor.sensor;
      if (sensor.clock_ahead) text += ' ' + std::to_string(sensor.clock_ahead->count() / 1'000'000);
      if (sensor.idle) text += " silent " + std::to_string(sensor.silence.count() / 1'000'000);
    }
    return text;
  }

 private:
  static PipelineOptions options(BadTimePolicy policy, WatermarkScope scope) {
    PipelineOptions options;
    options.sources = {{"first", {}}, {"second", {}}};
    for (SourceOptions& source : options.sources) {
      source.time.on_bad_time = policy;
      source.time.scope = scope;
    }
    WindowOptions window;
    window.name = "w";
    window.inputs = {SourceId{0}, SourceId{1}};
    options.windows.push_back(window);
    return options;
  }
  Pipeline pipeline_;
};

TEST(SensorChoice, sensor_that_was_only_refused_has_its_own_source_state_and_offset) {
  Sensors sensors;
  sensors.read(1, 0, "good", 0);
  sensors.read(1, 1, "bad", 3600);
  EXPECT_EQ(sensors.listed(11, SensorChoice::all), "second/bad 3600; first/good 0");
  EXPECT_EQ(sensors.listed(11, SensorChoice::silent), "");
  EXPECT_EQ(sensors.listed(71, SensorChoice::silent), "second/bad 3600 silent 70; first/good 0 silent 70");
}

TEST(SensorChoice, watermark_that_waits_for_a_source_is_none) {
  Sensors sensors(BadTimePolicy::quarantine, WatermarkScope::global);
  sensors.read(1, 0, "a", 0);
  ASSERT_EQ(sensors.of(2).size(), 1U);
  EXPECT_TRUE(sensors.of(2)[0].newest.has_value());
  EXPECT_EQ(sensors.of(2)[0].watermark, std::nullopt);
  sensors.read(2, 1, "b", 0);
  EXPECT_TRUE(sensors.of(3)[0].watermark.has_value());
}

TEST(WatermarkRange, is_of_those_that_have_a_watermark) {
  const auto at = [](std::int64_t second) { return Timestamp() + Duration::seconds(second); };
  EXPECT_EQ(range_of({}).median, std::nullopt);
  EXPECT_EQ(range_of({Timestamp::earliest(), Timestamp::earliest()}).slowest, std::nullopt);
  const WatermarkRange range = range_of({at(3), Timestamp::earliest(), at(1), at(2)});
  EXPECT_EQ(range.slowest, at(1));
  EXPECT_EQ(range.median, at(2));
}

TEST(SensorChoice, sensor_that_keeps_sending_bad_times_is_not_silent) {
  Sensors sensors;
  sensors.read(1, 0, "a", 0);
  for (std::int64_t second = 10; second < 200; second += 10) sensors.read(second, 0, "a", -30 * 86'400);
  EXPECT_EQ(sensors.listed(200, SensorChoice::silent), "");
  EXPECT_EQ(sensors.listed(200, SensorChoice::all), "first/a -2592000");
  EXPECT_EQ(sensors.listed(260, SensorChoice::silent), "first/a -2592000 silent 70");
}

TEST(SensorChoice, skewed_sensors_are_ranked_by_how_far_their_clocks_are_off) {
  Sensors sensors;
  for (int i = 0; i < 20; ++i) sensors.read(1, 0, "often", 301);
  sensors.read(1, 0, "far", -20 * 86'400);
  sensors.read(1, 1, "ahead", 7200);
  sensors.read(1, 0, "little", 2);
  sensors.read(1, 0, "well", 0);
  EXPECT_EQ(sensors.listed(2, SensorChoice::skewed),
            "first/far -1728000; second/ahead 7200; first/often 301; first/little 2");
}

TEST(SensorChoice, clock_of_a_restamped_sensor_shows_what_it_sent) {
  Sensors sensors(BadTimePolicy::use_arrival);
  sensors.read(1, 1, "a", 3600);
  EXPECT_EQ(sensors.listed(2, SensorChoice::skewed), "second/a 3600");
  sensors.read(3, 1, "a", 0);
  EXPECT_EQ(sensors.listed(4, SensorChoice::all), "second/a 0");
}

// Neither the silence of a source that is away or not heard, nor a reading that was far ahead once, moves it.
TEST(SensorChoice, clock_stays_as_it_was_when_the_newest_reading_came) {
  Sensors sensors;
  for (std::int64_t second = 1; second <= 10; ++second) sensors.read(second, 0, "a", -30);
  for (const std::int64_t now : {11, 40, 100}) {
    EXPECT_EQ(sensors.listed(now, SensorChoice::all).substr(0, 11), "first/a -30") << now;
  }
  sensors.set_unheard(0, 50);
  EXPECT_EQ(sensors.listed(110, SensorChoice::all).substr(0, 11), "first/a -30") << "not all was heard";
  sensors.disconnect(110, 0);
  EXPECT_EQ(sensors.listed(900, SensorChoice::all).substr(0, 11), "first/a -30") << "away";
  sensors.read(901, 1, "b", 200);
  for (std::int64_t second = 902; second < 1100; second += 20) {
    sensors.read(second, 1, "b", 5);
    EXPECT_EQ(sensors.listed(second, SensorChoice::skewed), "second/b 5") << second;
  }
}

TEST(SensorChoice, time_that_cannot_be_read_says_nothing_of_the_clock) {
  Sensors sensors;
  sensors.read_at(1, 1, "a", unreadable_time);
  EXPECT_EQ(sensors.listed(2, SensorChoice::skewed), "second/a");
}

}  // namespace
}  // namespace edgetide
