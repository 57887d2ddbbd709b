// One device that says the same over JSON, SenML as JSON and as CBOR, Sparkplug and line protocol gives the same
// readings, to the last bit of value and time.
#include <bit>
#include <charconv>
#include <cmath>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/senml_decoder.h"
#include "daemon/decoders/sparkplug_decoder.h"
#include "tests/daemon/decoders/decoded_text.h"
#include "tests/fakes/sparkplug_message.h"

namespace edgetide {
namespace {

struct Measured {
  std::int64_t milliseconds = 0;
  double t = 0, h = 0;
  bool is_single = false;  // `t` is sent as a float of 32 bits where the format has those
};

std::string shortest(double number) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}

std::string big_endian(auto number) {
  std::string bytes;
  for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8) {
    bytes += static_cast<char>(number >> shift & 0xFF);
  }
  return bytes;
}
std::string cbor_float(double number) {
  return '\xfb' + big_endian(std::bit_cast<std::uint64_t>(number));
}
std::string cbor_single(float number) {
  return '\xfa' + big_endian(std::bit_cast<std::uint32_t>(number));
}

std::string as_json(const Measured& m) {
  return "{\"ts\":" + std::to_string(m.milliseconds) + ",\"t\":" + shortest(m.t) + ",\"h\":" + shortest(m.h) + '}';
}
std::string as_senml(const Measured& m) {
  return "[{\"bt\":" + shortest(static_cast<double>(m.milliseconds) / 1000) + ",\"n\":\"t\",\"v\":" + shortest(m.t) +
         "},{\"n\":\"h\",\"v\":" + shortest(m.h) + "}]";
}
std::string as_senml_cbor(const Measured& m) {
  const std::string t = m.is_single ? cbor_single(static_cast<float>(m.t)) : cbor_float(m.t);
  return "\x82\xa3\x22" + cbor_float(static_cast<double>(m.milliseconds) / 1000) + std::string("\0\x61t\x02", 4) + t +
         std::string("\xa2\0\x61h\x02", 5) + cbor_float(m.h);
}
std::string as_line(const Measured& m) {
  return "climate t=" + shortest(m.t) + ",h=" + shortest(m.h) + ' ' + std::to_string(m.milliseconds) + "000000";
}
std::string as_sparkplug(const Measured& m) {
  constexpr std::uint64_t single = 9, twice = 10;
  const std::string t = m.is_single ? test::type(single) + test::float_value(static_cast<float>(m.t))
                                    : test::type(twice) + test::real_field(13, m.t);
  return test::sent_at(static_cast<std::uint64_t>(m.milliseconds)) + test::metric({test::name("t"), t}) +
         test::metric({test::name("h"), test::type(twice), test::real_field(13, m.h)}) + test::seq(0);
}

std::vector<RouteOptions> routes_of_all() {
  MappingOptions json, senml, sparkplug, influx;
  json.time = {.path = "ts", .format = TimeFormat::unix_ms};
  senml.format = &senml_format;
  sparkplug.format = &sparkplug_format;
  sparkplug.time.format = TimeFormat::unix_ms;
  sparkplug.sensor = "{device}";
  influx.format = &influx_format;
  influx.metric = "{field}";
  influx.time.format = TimeFormat::unix_ns;
  return {{"json/{device}", json}, {"senml/{device}", senml}, {"spBv1.0/#", sparkplug}, {"line/{device}", influx}};
}

struct Bits {
  std::string sensor, metric;
  std::uint64_t value;
  std::optional<Timestamp> time;
  bool operator==(const Bits&) const = default;
};
std::vector<Bits> bits_of(const DecodedBatch& batch) {
  std::vector<Bits> all;
  for (const DecodedReading& reading : batch.readings) {
    all.push_back({std::string(reading.sensor), std::string(reading.metric),
                   std::bit_cast<std::uint64_t>(reading.value), reading.event_time});
  }
  return all;
}

TEST(SameReadings, come_of_one_device_in_five_formats) {
  std::mt19937_64 random{20261130};
  std::uniform_real_distribution<double> any(-1e6, 1e6);
  Router router(routes_of_all());
  for (int i = 0; i < 500; ++i) {
    Measured m{.milliseconds = 1'769'860'800'000 + static_cast<std::int64_t>(random() % 100'000'000),
               .t = any(random),
               .h = std::ldexp(any(random), static_cast<int>(random() % 80) - 60),
               .is_single = i % 2 == 0};
    if (m.is_single) m.t = static_cast<double>(static_cast<std::int64_t>(m.t * 10) % 1000) / 10;  // as 21.4
    const std::vector<Bits> expected = {
        {"press", "t", std::bit_cast<std::uint64_t>(m.t), Timestamp::microseconds(m.milliseconds * 1000)},
        {"press", "h", std::bit_cast<std::uint64_t>(m.h), Timestamp::microseconds(m.milliseconds * 1000)}};
    const struct {
      const char* topic;
      std::string payload;
    } sent[] = {{"json/press", as_json(m)},
                {"senml/press", as_senml(m)},
                {"senml/press", as_senml_cbor(m)},
                {"spBv1.0/plant/DBIRTH/node/press", as_sparkplug(m)},
                {"line/press", as_line(m)}};
    for (const auto& one : sent) {
      DecodedBatch batch;
      router.decode(one.topic, one.payload, batch);
      EXPECT_EQ(bits_of(batch), expected) << one.topic << ' ' << to_text(batch) << ", not " << as_json(m);
    }
  }
}

}  // namespace
}  // namespace edgetide
