#include "daemon/decoders/number_decoder.h"

#include <gtest/gtest.h>

#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

MappingOptions number_mapping() {
  MappingOptions mapping;
  mapping.format = &number_format;
  return mapping;
}

TEST(NumberDecoder, topic_names_sensor_and_metric) {
  EXPECT_EQ(decoded(number_mapping(), " 21.5 °C\n", "sensors/{device}/{metric}", "sensors/k1/temperature"),
            "k1/temperature=21.5");
  EXPECT_EQ(decoded(number_mapping(), "42", "sensors/{sensor}", "sensors/k1"), "k1/value=42");
}

TEST(NumberDecoder, templates_and_unit_are_applied) {
  MappingOptions mapping = number_mapping();
  mapping.sensor = "{area}/{device}";
  mapping.metric = "m-{kind}";
  mapping.unit = "°C";
  EXPECT_EQ(decoded(mapping, "1,5", "{area}/{device}/{kind}", "hall/press/t"), "hall/press/m-t[°C]=1.5");
}

TEST(NumberDecoder, payload_without_a_number_is_refused) {
  for (const char* payload : {"", "online", "{}", "unavailable", "unknown", "12:30", "true false"}) {
    EXPECT_EQ(decoded(number_mapping(), payload, "s/{device}", "s/a"), "bad_number@0(s/a)") << payload;
  }
  for (const char* payload : {"nan", "NaN\n", "-inf", "Infinity", "1e999"}) {
    EXPECT_EQ(decoded(number_mapping(), payload, "s/{device}", "s/a"), "not_finite@0(s/a)") << payload;
  }
}

TEST(NumberDecoder, without_coercion_only_exact_numbers_are_taken) {
  MappingOptions mapping = number_mapping();
  mapping.coerce_strings = false;
  EXPECT_EQ(decoded(mapping, "42\n", "s/{device}", "s/a"), "a/value=42");
  EXPECT_EQ(decoded(mapping, "42 F", "s/{device}", "s/a"), "bad_number@0(s/a)");
  EXPECT_EQ(decoded(mapping, "1,5", "s/{device}", "s/a"), "bad_number@0(s/a)");
}

TEST(NumberDecoder, quotes_around_the_value_are_left_out) {
  EXPECT_EQ(decoded(number_mapping(), " \"21.5 C\"\n", "s/{device}", "s/a"), "a/value=21.5");
  EXPECT_EQ(decoded(number_mapping(), "\"ON\"", "s/{device}", "s/a"), "a/value=1");
  EXPECT_EQ(decoded(number_mapping(), "\"1", "s/{device}", "s/a"), "bad_number@0(s/a)");
}

TEST(NumberDecoder, topic_that_names_no_valid_sensor_is_refused) {
  EXPECT_EQ(decoded(number_mapping(), "1", "s/{device}", "s/"), "bad_id@0(s/)");
  const std::string topic = "s/" + std::string(129, 'x');
  EXPECT_EQ(decoded(number_mapping(), "1", "s/{device}", topic), "bad_id@0(" + topic + ")");
  MappingOptions mapping = number_mapping();
  mapping.sensor = "{a}-{b}";
  EXPECT_EQ(decoded(mapping, "1", "{a}/{b}", "x/"), "bad_id@0(x/)");
}

TEST(NumberDecoder, options_it_cannot_use_are_refused) {
  MappingOptions mapping = number_mapping();
  EXPECT_EQ(mapping_error(mapping), "sensor: nothing names the sensor; capture {device} in the topic or set 'sensor'");
  mapping.sensor = "{devise}";
  EXPECT_EQ(mapping_error(mapping, {"area", "device"}),
            "sensor: '{devise}' is not captured by the topic, which captures {area}, {device}");
  mapping.sensor = "a{";
  EXPECT_EQ(mapping_error(mapping), "sensor: 'a{' has a brace without its partner");
  mapping.sensor = "a}";
  EXPECT_EQ(mapping_error(mapping), "sensor: 'a}' has a brace without its partner");
  mapping.sensor = "a";
  mapping.each = {"x"};
  EXPECT_EQ(mapping_error(mapping), "each: not used by format 'number'");
  mapping.each.clear();
  mapping.unit = "\n";
  EXPECT_EQ(mapping_error(mapping), "unit: must be at most 128 bytes of printable text");
}

}  // namespace
}  // namespace edgetide
