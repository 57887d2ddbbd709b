#include "daemon/decoders/influx_decoder.h"

#include <gtest/gtest.h>
#include <string>

#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

MappingOptions influx() {
  MappingOptions mapping;
  mapping.format = &influx_format;
  return mapping;
}

struct InfluxCase {
  std::string payload;
  const char* expected;
};

TEST(InfluxDecoder, lines_become_readings) {
  const InfluxCase cases[] = {
      {"weather,site=lyon temp=21.4,hum=45i,ok=t 1465839830100400200",
       "weather/temp=21.4@1465839830100400{site=lyon}; weather/hum=45@1465839830100400{site=lyon}; "
       "weather/ok=1@1465839830100400{site=lyon}"},
      {"cpu usage=1", "cpu/usage=1"},
      {"cpu usage=1\ncpu usage=2\r\n", "cpu/usage=1; cpu/usage=2"},
      {"\n# comment\n  \n  cpu usage=1\n\n", "cpu/usage=1"},
      {"m a=-1e3,b=+2,c=.5,d=45u,e=F,f=TRUE", "m/a=-1000; m/b=2; m/c=0.5; m/d=45; m/e=0; m/f=1"},
      {"m text=\"a, b=c\",v=1", "m/v=1"},
      {"m text=\"q\\\"\\\\\",v=1", "m/v=1"},
      {"m text=\"two\nlines\",v=1", "m/v=1"},
      {"m v=18446744073709551615u", "m/v=1.84467440737096e+19; 1 inexact"},
      {"m v=1 -1000", "m/v=1@-1000000000"},
      {"\tm v=1\n \t m v=2", "m/v=1; m/v=2"},
      {"m  v=1   1700000000  ", "m/v=1@1700000000000000"},
  };
  for (const InfluxCase& c : cases) EXPECT_EQ(decoded(influx(), c.payload), c.expected) << c.payload;
}

TEST(InfluxDecoder, escapes_are_taken_off) {
  const InfluxCase cases[] = {
      {R"(my\ m\,x,a\=b=c\ d v\ 1=1)", "my m,x/v 1=1{a=b=c d}"},
      {R"(m,path=C:\dir v=1)", "m/v=1{path=C:\\dir}"},
      {R"(m,path=C:\\dir v=1)", "m/v=1{path=C:\\dir}"},
      {R"(m=x v=1)", "m=x/v=1"},
  };
  for (const InfluxCase& c : cases) EXPECT_EQ(decoded(influx(), c.payload), c.expected) << c.payload;
}

TEST(InfluxDecoder, sensor_comes_from_a_tag_or_the_measurement) {
  const InfluxCase cases[] = {
      {"cpu,host=a idle=1,value=2", "a/cpu.idle=1{host=a}; a/cpu=2{host=a}"},
      {"cpu,id=i,host=h,device=d,sensor=s v=1", "s/cpu.v=1{id=i,host=h,device=d,sensor=s}"},
      {"cpu,id=i,host=h,device=d v=1", "d/cpu.v=1{id=i,host=h,device=d}"},
      {"cpu,id=i,host=h v=1", "h/cpu.v=1{id=i,host=h}"},
      {"cpu,id=i v=1", "i/cpu.v=1{id=i}"},
      {"cpu,host=cpu v=1", "cpu/cpu.v=1{host=cpu}"},
      {"cpu,rack=r value=1", "cpu/value=1{rack=r}"},
  };
  for (const InfluxCase& c : cases) EXPECT_EQ(decoded(influx(), c.payload), c.expected) << c.payload;
}

TEST(InfluxDecoder, templates_use_captures_measurement_tags_and_field) {
  EXPECT_EQ(decoded(influx(), "cpu,host=a v=1", "x/{device}", "x/gw"), "gw/cpu.v=1{host=a}");
  MappingOptions mapping = influx();
  mapping.sensor = "{site}/{host}/{measurement}";
  mapping.metric = "{measurement}:{field}";
  EXPECT_EQ(decoded(mapping, "cpu,host=a v=1", "x/{site}", "x/lyon"), "lyon/a/cpu/cpu:v=1{host=a}");
  EXPECT_EQ(decoded(mapping, "cpu v=1", "x/{site}", "x/lyon"), "bad_id@0(sensor)") << "the line has no tag 'host'";
  mapping.sensor = "{measurement}";
  mapping.metric.clear();
  EXPECT_EQ(decoded(mapping, "cpu v=1"), "cpu/v=1");
}

TEST(InfluxDecoder, time_is_read_in_the_given_unit) {
  MappingOptions mapping = influx();
  mapping.time.format = TimeFormat::unix_ms;
  EXPECT_EQ(decoded(mapping, "m v=1 5"), "m/v=1@5000");
  mapping.time.format = TimeFormat::unix_ns;
  EXPECT_EQ(decoded(mapping, "m v=1 1999"), "m/v=1@1");
  mapping.time.format = TimeFormat::automatic;
  EXPECT_EQ(decoded(mapping, "m v=1 1732100000123"), "m/v=1@1732100000123000");
  EXPECT_EQ(decoded(mapping, "m v=1 soon\nm v=2"), "m/v=1@unreadable; m/v=2");
  mapping.time.format = TimeFormat::unix_s;
  EXPECT_EQ(decoded(mapping, "m v=1 9223372036854775807"), "m/v=1@unreadable");
}

TEST(InfluxDecoder, second_field_of_one_name_is_refused) {
  EXPECT_EQ(decoded(influx(), "m a=1,a=2,b=3\nm a=4"), "m/a=1; m/b=3; m/a=4; repeated_name@6(a)");
  MappingOptions mapping = influx();
  mapping.metric = "{measurement}";
  EXPECT_EQ(decoded(mapping, "m a=1,b=2"), "m/m=1; repeated_name@6(m)");
}

TEST(InfluxDecoder, bad_field_costs_only_itself) {
  const InfluxCase cases[] = {
      {"m a=1,b=abc,c=3", "m/a=1; m/c=3; bad_number@6"},
      {"m a=1.5i,b=1", "m/b=1; bad_number@2"},
      {"m a=9223372036854775808i,b=1", "m/b=1; bad_number@2"},
      {"m a=-1u,b=1", "m/b=1; bad_number@2"},
      {"m a=nan,b=inf,c=1e999,d=i,e=+,f=+-1,g=0x1,h=1",
       "m/h=1; not_finite@2; not_finite@8; not_finite@14; bad_number@22; "
       "bad_number@26; bad_number@30; bad_number@36"},
      {"m \x01=1,b=1", "m/b=1; bad_id@2(field)"},
  };
  for (const InfluxCase& c : cases) EXPECT_EQ(decoded(influx(), c.payload), c.expected) << c.payload;
}

TEST(InfluxDecoder, bad_line_is_refused_and_the_next_goes_on) {
  const InfluxCase cases[] = {
      {"m", "bad_syntax@1"},
      {"m ", "bad_syntax@2"},
      {"m v", "bad_syntax@3"},
      {"m v=", "bad_syntax@4"},
      {"m v=,w=1", "bad_syntax@4"},
      {"m =1", "bad_syntax@2"},
      {"m v=1,", "bad_syntax@6"},
      {",a=b v=1", "bad_syntax@0"},
      {"m,a v=1", "bad_syntax@3"},
      {"m,a= v=1", "bad_syntax@4"},
      {"m,=b v=1", "bad_syntax@2"},
      {"m,a=b=c v=1", "bad_syntax@5"},
      {"m,a=b,a=c v=1", "bad_syntax@6"},
      {"m,a=b", "bad_syntax@5"},
      {"m v=\"open", "bad_syntax@4"},
      {"m v=\"open\nm w=1", "m/w=1; bad_syntax@4"},
      {"m v=\"x\"y", "bad_syntax@4"},
      {"m v=1 2 3", "bad_syntax@8"},
      {"bad\nm v=1\nbad,\nm v=2", "m/v=1; m/v=2; bad_syntax@3; bad_syntax@14"},
      {"m v=1\rm v=2", "bad_syntax@5"},
      {std::string("m\0 v=1", 7), "bad_id@0(measurement)"},
      {"m,a=\xFF v=1", "bad_id@4(tag value)"},
      {"m,\xFF=a v=1", "bad_id@2(tag key)"},
      {std::string(129, 'm') + " v=1", "bad_id@0(measurement)"},
      {"m,k=" + std::string(129, 'v') + " v=1", "bad_id@4(tag value)"},
      {"m v=1\\", "bad_number@2"},
      {"m\\", "bad_syntax@2"},
  };
  for (const InfluxCase& c : cases) EXPECT_EQ(decoded(influx(), c.payload), c.expected) << c.payload;
}

TEST(InfluxDecoder, tags_and_values_are_bounded) {
  std::string tags = "m";
  for (int i = 0; i < 32; ++i) tags += ",k" + std::to_string(i) + "=v";
  EXPECT_EQ(decoded(influx(), tags + " v=1").substr(0, 5), "m/v=1");
  EXPECT_EQ(decoded(influx(), tags + ",more=v v=1"), "too_many_values@" + std::to_string(tags.size() + 1));

  std::string lines;
  for (std::size_t i = 0; i < max_values_per_message; ++i) lines += "m,a=b v=1\n";
  DecodedBatch batch;
  Router router({{"", influx()}});
  router.decode("", lines, batch);
  EXPECT_EQ(batch.readings.size(), max_values_per_message);
  batch.clear();
  router.decode("", lines + "m v=1,w=2", batch);
  EXPECT_EQ(to_text(batch), "too_many_values@0");

  std::string fields = "m a=1";
  for (std::size_t i = 0; i < max_values_per_message; ++i) fields += ",a=1";
  EXPECT_EQ(decoded(influx(), fields).substr(0, 15), "too_many_values");
}

TEST(InfluxDecoder, options_it_cannot_use_are_refused) {
  MappingOptions mapping = influx();
  mapping.values = {{.path = "v"}};
  EXPECT_EQ(mapping_error(mapping), "values: not used by format 'influx'");
  mapping = influx();
  mapping.time.path = "t";
  EXPECT_EQ(mapping_error(mapping), "time: not used by format 'influx'");
  mapping = influx();
  mapping.sensor = "{}";
  EXPECT_EQ(mapping_error(mapping), "sensor: '{}' is not captured by the topic, which captures nothing");
}

}  // namespace
}  // namespace edgetide
