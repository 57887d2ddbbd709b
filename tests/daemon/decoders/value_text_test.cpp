// States, numbers and units in text, and that every format reads them alike.
#include "daemon/decoders/value_text.h"

#include <gtest/gtest.h>
#include <string>

#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/number_decoder.h"
#include "daemon/decoders/units.h"
#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

std::string read(const MappingOptions& mapping, std::string_view text, std::string_view unit = {}) {
  const auto read = ValueReader(mapping).read(text, unit);
  if (const auto* const refusal = std::get_if<Refusal>(&read)) return std::string(name_of(*refusal));
  std::ostringstream out;
  out.precision(15);
  out << std::get<ValueOfText>(read).number;
  return out.str();
}

TEST(ValueText, standard_states_are_known_without_regard_to_case) {
  const struct {
    const char* text;
    const char* value;
  } cases[] = {
      {"ON", "1"},     {"on", "1"},     {"On", "1"},       {"true", "1"},       {"TRUE", "1"},    {"yes", "1"},
      {"open", "1"},   {"OPEN\n", "1"}, {"off", "0"},      {"OFF", "0"},        {"false", "0"},   {"no", "0"},
      {"closed", "0"}, {"Close", "0"},  {" closed ", "0"}, {"21.5 °C", "21.5"}, {"230 V", "230"},
  };
  for (const auto& c : cases) EXPECT_EQ(read({}, c.text), c.value) << c.text;
  for (const char* text : {"", "o", "onn", "on off", "online", "heating", "opening", "t", "unknown", "1 on"}) {
    EXPECT_EQ(read({}, text), text == std::string("1 on") ? "1" : "bad_number") << text;
  }
}

TEST(ValueText, route_adds_states_and_replaces_standard_ones) {
  MappingOptions mapping;
  mapping.states = {{"heating", 2}, {"Closed", 1}, {"OPEN", 0}, {"geöffnet", 3}};
  EXPECT_EQ(read(mapping, "HEATING"), "2");
  EXPECT_EQ(read(mapping, "closed"), "1");
  EXPECT_EQ(read(mapping, "Open"), "0");
  EXPECT_EQ(read(mapping, "Geöffnet"), "3");
  EXPECT_EQ(read(mapping, "off"), "0") << "the others stay";
}

TEST(ValueText, without_coercion_only_plain_numbers_and_states_of_the_route_are_read) {
  MappingOptions mapping;
  mapping.coerce_strings = false;
  mapping.states = {{"heating", 2}};
  EXPECT_EQ(read(mapping, "21.5"), "21.5");
  EXPECT_EQ(read(mapping, "heating"), "2");
  for (const char* text : {"on", "true", "21.5 °C", "1,5"}) EXPECT_EQ(read(mapping, text), "bad_number") << text;
}

TEST(ValueText, states_that_cannot_be_are_refused) {
  const auto error = [](std::vector<State> states) {
    MappingOptions mapping;
    mapping.sensor = "s";
    mapping.states = std::move(states);
    return mapping_error(mapping);
  };
  EXPECT_EQ(error({{"a", 1}, {"A", 2}}), "states: 'A' stands there twice");
  EXPECT_EQ(error({{"5", 1}}), "states: '5' is read as a number");
  EXPECT_EQ(error({{"5 V", 1}}), "states: '5 V' is read as a number");
  EXPECT_EQ(error({{"NaN", 1}}), "states: 'NaN' says that there is no value");
  EXPECT_EQ(error({{"", 1}}), "states: '' must be 1 to 128 bytes of printable text");
  EXPECT_EQ(error({{"a\n", 1}}), "states: 'a\\x0a' must be 1 to 128 bytes of printable text");
  EXPECT_EQ(error({{"a", std::numeric_limits<double>::infinity()}}), "states: 'a' must be a number");
  EXPECT_EQ(error(std::vector<State>(101)), "states: more than 100");
}

TEST(ValueText, unit_in_the_text_is_converted_to_that_of_the_route_or_refused) {
  const struct {
    const char* text;
    const char* unit;
    const char* value;
  } cases[] = {
      {"230 V", "V", "230"},
      {"230", "V", "230"},
      {"1.2 kW", "W", "1200"},
      {"1500 W", "kW", "1.5"},
      {"250mV", "V", "0.25"},
      {"70 °F", "°C", "21.1111111111111"},
      {"32 F", "°C", "0"},
      {"100 °C", "°F", "212"},
      {"300 K", "°C", "26.85"},
      {"21.5 C", "°C", "21.5"},
      {"21.5 \xB0"
       "C",
       "°C", "21.5"},
      {"1013 mbar", "hPa", "1013"},
      {"1.013 bar", "hPa", "1013"},
      {"36 km/h", "m/s", "10"},
      {"1 h", "min", "60"},
      {"2 kWh", "Wh", "2000"},
      {"3.6 MJ", "kWh", "1"},
      {"50 °C", "W", "bad_unit"},
      {"5 bananas", "W", "bad_unit"},
      {"5 mw", "W", "bad_unit"},
      {"5 W", "pcs", "bad_unit"},
      {"5 pcs", "pcs", "5"},
      {"5 W", "", "5"},
  };
  for (const auto& c : cases) EXPECT_EQ(read({}, c.text, c.unit), c.value) << c.text << " in " << c.unit;
}

TEST(Units, prefixes_and_named_conversions_are_exact_where_the_result_is) {
  const struct {
    double value;
    const char* from;
    const char* to;
    double expected;
  } cases[] = {
      {1.2, "kW", "W", 1200},   {1200, "W", "kW", 1.2},  {0.1, "kWh", "Wh", 100},    {3, "mA", "µA", 3000},
      {3, "uA", "μA", 3},       {1, "MW", "mW", 1e9},    {212, "°F", "°C", 100},     {-40, "F", "C", -40},
      {1, "m3/h", "l/h", 1000}, {10, "m/s", "km/h", 36}, {5, "min", "s", 300},       {1, "Pa", "hPa", 0.01},
      {25.4, "mm", "in", 1},    {1, "d", "h", 24},       {1000, "rpm", "rpm", 1000}, {50, "%", "‰", 500},
  };
  for (const auto& c : cases) EXPECT_DOUBLE_EQ(converted(c.value, c.from, c.to).value_or(-1e99), c.expected) << c.from;
  EXPECT_FALSE(converted(1, "W", "V"));
  EXPECT_FALSE(converted(1, "k", "W"));
  EXPECT_FALSE(converted(1, "kk", "W"));
  EXPECT_FALSE(converted(1, "m°C", "°C")) << "takes no prefix";
}

MappingOptions mapping_of(const Format* format) {
  MappingOptions mapping;
  mapping.format = format;
  mapping.sensor = "s";
  mapping.states = {{"heating", 2}};
  return mapping;
}

TEST(ValueText, every_format_reads_states_alike) {
  EXPECT_EQ(decoded(mapping_of(&number_format), "heating"), "s/value=2");
  EXPECT_EQ(decoded(mapping_of(&number_format), "true"), "s/value=1");
  EXPECT_EQ(decoded(mapping_of(&number_format), "cooling"), "bad_number@0");
  EXPECT_EQ(decoded(mapping_of(&json_format), R"({"a":"heating","b":"OFF","c":true,"d":"cooling","e":"5 V"})"),
            "s/a=2; s/b=0; s/c=1; s/e=5");
  EXPECT_EQ(decoded(mapping_of(&json_format), "true"), "s/value=1");
  EXPECT_EQ(decoded(mapping_of(&json_format), "ON"), "s/value=1") << "no JSON, but a value";
  EXPECT_EQ(decoded(mapping_of(&json_format), "cooling"), "bad_syntax@0");
  EXPECT_EQ(decoded(mapping_of(&csv_format), "a,b,c\nheating,OFF,cooling"), "s/a=2; s/b=0");
  EXPECT_EQ(decoded(mapping_of(&influx_format), "m a=\"heating\",b=\"OFF\",c=\"cooling\",d=true"),
            "s/m.a=2; s/m.b=0; s/m.d=1");
}

TEST(ValueText, route_may_turn_booleans_around) {
  MappingOptions mapping = mapping_of(&json_format);
  mapping.states = {{"true", 0}, {"false", 1}};
  EXPECT_EQ(decoded(mapping, R"({"contact":true})"), "s/contact=0");
  mapping.values = {{.path = "contact"}};
  EXPECT_EQ(decoded(mapping, R"({"contact":false})"), "s/contact=1");
}

TEST(ValueText, listed_values_compare_units_unless_they_are_scaled) {
  MappingOptions mapping = mapping_of(&json_format);
  mapping.values = {{.path = "p", .unit = "W"}, {.path = "q", .unit = "kPa", .scale = 6.894757}};
  EXPECT_EQ(decoded(mapping, R"({"p":"1.2 kW","q":"10 psi"})"), "s/p[W]=1200; s/q[kPa]=68.94757");
  EXPECT_EQ(decoded(mapping, R"({"p":"5 V","q":1})"), "s/q[kPa]=6.894757; bad_unit@0(p)");
  mapping = mapping_of(&csv_format);
  mapping.values = {{.path = "p", .unit = "W"}};
  EXPECT_EQ(decoded(mapping, "p\n1.2 kW\n3 V\n4\n"), "s/p[W]=1200; s/p[W]=4; bad_unit@9(p)");
  mapping = mapping_of(&number_format);
  mapping.unit = "°C";
  EXPECT_EQ(decoded(mapping, "70 °F"), "s/value[°C]=21.1111111111111");
  EXPECT_EQ(decoded(mapping, "70 V"), "bad_unit@0");
}

TEST(ValueText, integers_that_a_double_does_not_hold_are_taken_and_counted) {
  EXPECT_EQ(decoded(mapping_of(&json_format),
                    R"({"a":9007199254740993,"b":9007199254740992,"c":"9007199254740993","d":18446744073709551615})"),
            "s/a=9.00719925474099e+15; s/b=9.00719925474099e+15; s/c=9.00719925474099e+15; s/d=1.84467440737096e+19; "
            "3 inexact");
  EXPECT_EQ(decoded(mapping_of(&json_format), R"({"a":123456789012345678901,"b":1e300})"),
            "s/a=1.23456789012346e+20; s/b=1e+300; 2 inexact")
      << "beside an integer beyond 64 bits large numbers are taken for such";
  EXPECT_EQ(decoded(mapping_of(&number_format), "9007199254740993"), "s/value=9.00719925474099e+15; 1 inexact");
  EXPECT_EQ(decoded(mapping_of(&influx_format), "m a=9007199254740993i,b=5i"),
            "s/m.a=9.00719925474099e+15; s/m.b=5; 1 inexact");
  EXPECT_EQ(decoded(mapping_of(&csv_format), "a\n9007199254740993\n"), "s/a=9.00719925474099e+15; 1 inexact");
}

}  // namespace
}  // namespace edgetide
