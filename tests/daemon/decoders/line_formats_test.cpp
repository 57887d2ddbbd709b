// Formats of short lines: graphite, statsd, keyvalue.
#include <gtest/gtest.h>
#include <string>

#include "daemon/decoders/graphite_decoder.h"
#include "daemon/decoders/keyvalue_decoder.h"
#include "daemon/decoders/statsd_decoder.h"
#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

using namespace std::string_literals;

struct Lines {
  std::string payload, expected;
};

template <std::size_t count>
void check(const MappingOptions& mapping, const Lines (&cases)[count]) {
  for (const Lines& c : cases) EXPECT_EQ(decoded(mapping, c.payload), c.expected) << c.payload;
}

MappingOptions of(const Format& format) {
  MappingOptions mapping;
  mapping.format = &format;
  mapping.time.format = TimeFormat::unix_s;
  return mapping;
}

std::string many(std::size_t count, const std::string& line) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += line;
  return text;
}

TEST(GraphiteDecoder, lines_are_read) {
  const Lines cases[] = {
      {"site.lyon.temp 21.4 1465839830\n", "site.lyon/temp=21.4@1465839830000000"},
      {"a.b 1\r\n\n a.c\t2  -1 \na.d 3 N", "a/b=1; a/c=2; a/d=3"},
      {"load 0.5 1465839830.25", "load/value=0.5@1465839830250000"},
      {"cpu.load;host=a;core=0 1 5", "cpu/load=1@5000000{host=a,core=0}"},
      {"a.b 1e3 5\0"s, "a/b=1000@5000000"},
      {"a.b 9007199254740993 5", "a/b=9.00719925474099e+15@5000000; 1 inexact"},
      {"a.b 1 yesterday", "a/b=1@unreadable"},
  };
  check(of(graphite_format), cases);
}

TEST(GraphiteDecoder, bad_line_costs_only_itself) {
  const Lines cases[] = {
      {"a.b\na.c 1", "a/c=1; bad_syntax@0"},
      {"a.b 1 2 3\na.c 1", "a/c=1; bad_syntax@0"},
      {"a.b x\na.c nan\na.d 1e999\na.e 1", "a/e=1; bad_number@0; not_finite@6; not_finite@14"},
      {"a;x 1\na;=y 1\na;x= 1\n.a 1\na. 1\n;x=y 1",
       "bad_syntax@0; bad_id@8(tag key); bad_id@17(tag value); bad_id@20(sensor); bad_id@25(metric); "
       "bad_id@30(sensor)"},
      {"a" + many(33, ";t=v") + " 1", "too_many_values@0"},
      {many(1001, "a.b 1\n"), "too_many_values@0"},
  };
  check(of(graphite_format), cases);
}

TEST(DottedNames, templates_name_sensor_and_metric) {
  MappingOptions mapping = of(graphite_format);
  mapping.sensor = "{2}/{host}";
  EXPECT_EQ(decoded(mapping, "site.lyon.temp;host=a 1"), "lyon/a/site.lyon.temp=1{host=a}");
  mapping.metric = "{3}";
  EXPECT_EQ(decoded(mapping, "site.lyon.temp;host=a 1\nsite.lyon 1"), "lyon/a/temp=1{host=a}; bad_id@24(sensor)");
  mapping.sensor = "{path}";
  EXPECT_EQ(decoded(mapping, "x.y.z 1"), "x.y.z/z=1");
  MappingOptions topic = of(graphite_format);
  EXPECT_EQ(decoded(topic, "a.b 1", "g/{device}", "g/pump"), "pump/a.b=1");
}

TEST(StatsdDecoder, gauges_and_timers_are_readings) {
  const Lines cases[] = {
      {"load.time:320|ms|@0.1", "load/time[ms]=320"},
      {"users.current:32|g\nx.y:0.5|h\nx.z:7|d", "users/current=32; x/y=0.5; x/z=7"},
      {"a.b:1:2:3|ms", "a/b[ms]=1; a/b[ms]=2; a/b[ms]=3"},
      {"a.b:1|g:2|g", "a/b=1; a/b=2"},
      {"a.b:5|g|#host:x,up|T1656581400|c:abc", "a/b=5@1656581400000000{host=x,up=}"},
      {"a.b:+5|ms", "a/b[ms]=5"},
      {"a:5|g", "a/value=5"},
  };
  check(of(statsd_format), cases);
}

TEST(StatsdDecoder, anything_but_a_reading_is_refused) {
  const Lines cases[] = {
      {"a.b:1|c\na.c:1|g", "a/c=1; unsupported@0"},
      {"a:1|s\na:+3|g\na:-3|g\n_e{1,2}:a|bc\n_sc|a|0",
       "unsupported@0; unsupported@6; unsupported@13; unsupported@20; unsupported@33"},
      {"users:32|g:+10|g", "users/value=32; unsupported@0"},
      {"a:1|c:2|g", "a/value=2; unsupported@0"},
      {"a\na:\na:1\n:1|g\na:x|g\na:nan|g",
       "bad_syntax@0; bad_syntax@2; bad_syntax@5; bad_id@9(name); bad_number@14; "
       "not_finite@20"},
      {"a:1|g|#:x", "bad_id@7(tag key)"},
      {"a:1|g|#x:\x01", "bad_id@9(tag value)"},
      {"a:1|g|T1x", "a/value=1@unreadable"},
      {"a:1|g|#" + many(33, "t:v,"), "too_many_values@135"},
  };
  check(of(statsd_format), cases);
}

TEST(KeyvalueDecoder, pairs_are_values_by_their_names) {
  MappingOptions mapping = of(keyvalue_format);
  mapping.sensor = "s";
  const Lines cases[] = {
      {"temp=21.5,hum=40 state=ON", "s/temp=21.5; s/hum=40; s/state=1"},
      {"a=1;b=2&c=3\tnote=x", "s/a=1; s/b=2; s/c=3"},
      {"t=\"21.5 C\" u=\"a\\\"b\"", "s/t=21.5"},
      {"a=nan b=2", "s/b=2; not_finite@0(a)"},
      {"a=1 a=2", "s/a=1; repeated_name@0(a)"},
      {"a=", ""},
      {"a=1\n\r\nb=2", "s/a=1; s/b=2"},
  };
  check(mapping, cases);
}

TEST(KeyvalueDecoder, second_value_of_one_name_is_refused_where_values_are_listed) {
  MappingOptions mapping = of(keyvalue_format);
  mapping.sensor = "s";
  mapping.values = {{.path = "a", .metric = "m"}};
  const Lines cases[] = {{"a=1 a=2 b=3", "s/m=1; repeated_name@0(m)"}, {"a=1\na=2", "s/m=1; s/m=2"}};
  check(mapping, cases);
}

TEST(KeyvalueDecoder, mapping_is_that_of_json) {
  MappingOptions mapping = of(keyvalue_format);
  mapping.sensor_path = "id";
  mapping.time.path = "t";
  mapping.labels = {{"site", "site"}};
  mapping.values = {{.path = "v", .metric = "power", .unit = "W"}};
  EXPECT_EQ(decoded(mapping, "id=p1 t=5 site=lyon v=\"1.5 kW\" w=2\nid=p2 v=3"),
            "p1/power[W]=1500@5000000{site=lyon}; p2/power[W]=3");
}

TEST(KeyvalueDecoder, what_is_not_a_pair_costs_only_itself) {
  MappingOptions mapping = of(keyvalue_format);
  mapping.sensor = "s";
  const Lines cases[] = {
      {"a", "bad_syntax@0"},
      {"=1", "bad_syntax@0"},
      {"a=1 b", "s/a=1; bad_syntax@0"},
      {"a=1,b,c=3", "s/a=1; s/c=3; bad_syntax@0"},
      {"a=1,=5,c=3", "s/a=1; s/c=3; bad_syntax@0"},
      {"a = 1, b = 2", "s/a=1; s/b=2"},
      {"a= b=2", "s/b=2"},
      {"a=1\njunk\nb=2", "s/a=1; s/b=2; bad_syntax@4"},
      {"a=1 x=\"1\nb=2", "s/a=1; s/b=2; bad_syntax@0"},
      {",", "bad_syntax@0"},
      {"a=\"1", "bad_syntax@0"},
      {"a b=1", "s/b=1; bad_syntax@0"},
      {"", ""},
      {many(1001, "a=1\n"), "too_many_values@0"},
  };
  check(mapping, cases);
}

}  // namespace
}  // namespace edgetide
