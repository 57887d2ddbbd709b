// What senders put around and into payloads: it costs the bad value, never its neighbours.
#include <gtest/gtest.h>
#include <string>

#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/number_decoder.h"
#include "tests/daemon/decoders/decoded_text.h"

namespace edgetide {
namespace {

using namespace std::string_literals;

MappingOptions mapping_of(const Format* format) {
  MappingOptions mapping;
  mapping.format = format;
  mapping.sensor = "s";
  return mapping;
}

struct Dirty {
  std::string payload;
  std::string expected;
};

template <std::size_t count>
void check(const MappingOptions& mapping, const Dirty (&cases)[count]) {
  for (const Dirty& c : cases) EXPECT_EQ(decoded(mapping, c.payload), c.expected) << c.payload;
}

const std::string bom = "\xEF\xBB\xBF";

TEST(DirtyPayload, number) {
  const Dirty cases[] = {
      {"21.5\0"s, "s/value=21.5"},
      {"21.5\0\0\0"s, "s/value=21.5"},
      {"\0"
       "21.5"s,
       "s/value=21.5"},
      {bom + "21.5", "s/value=21.5"},
      {" \t\r\n21.5\v\f ", "s/value=21.5"},
      {"21.5\n\0"s, "s/value=21.5"},
      {"ON\0"s, "s/value=1"},
      {"21.5\xC2\xA0°C", "s/value=21.5"},
      {"21.5 \xB0"
       "C",
       "s/value=21.5"},
      {"2\0"
       "1"s,
       "bad_number@0"},
      {"nan", "not_finite@0"},
      {"\0"s, "bad_number@0"},
      {bom, "bad_number@0"},
  };
  check(mapping_of(&number_format), cases);
}

TEST(DirtyPayload, json) {
  const Dirty cases[] = {
      {R"({"name":"\ud83d","a":1})", "s/a=1"},
      {R"({"name":"x\udc00y","a":1,"b":"\ud83d\ude00"})", "s/a=1"},
      {R"({"name":"\ud83d\u0041\ud83d","a":1})", "s/a=1"},
      {R"({"name":"\\ud83d","a":1})", "s/a=1"},
      {"{\"a\":1}\0"s, "s/a=1"},
      {"\0{\"a\":1}"s, "s/a=1"},
      {bom + "{\"a\":1}", "s/a=1"},
      {bom + "{\"a\":1}\r\n\0"s, "s/a=1"},
      {"{\"a\":1,\0\"b\":2}"s, "s/a=1; s/b=2"},
      {R"({"a":NaN,"b":2})", "s/b=2; not_finite@0(a)"},
      {R"({"a":nan,"b":-Infinity,"c":inf,"d":2})", "s/d=2; not_finite@0(a); not_finite@0(b); not_finite@0(c)"},
      {R"({"a":1e999,"b":2})", "s/b=2; not_finite@0(a)"},
      {R"({"a":"NaN","b":2})", "s/b=2; not_finite@0(a)"},
      {R"({"x":{"a":[1,nan,3]}})", "s/x.a[0]=1; s/x.a[2]=3; not_finite@0(x.a[1])"},
      {R"({"a":error,"b":2})", "s/b=2; bad_number@0(a)"},
      {R"({"a":012,"b":.5,"c":5.,"d":+1,"e":True,"f":2})", "s/a=12; s/b=0.5; s/c=5; s/d=1; s/e=1; s/f=2"},
      {"{\"a\":\"line\nbreak\",\"b\":2}", "s/b=2"},
      {"{\"a\":\"21.5 \xB0"
       "C\",\"b\":2}",
       "s/a=21.5; s/b=2"},
      {"{\"caf\xE9\":1}", "s/café=1"},
      {"{\"a\x01\":1,\"b\":2}", "s/b=2; bad_id@0(a\x01)"},
      {"nan", "not_finite@0(value)"},
      {"{\"a\":1", "bad_syntax@0"},
      {"{\"a\":1}{\"b\":2}", "s/a=1; s/b=2"},
      {"{a:1}", "bad_syntax@0"},
  };
  check(mapping_of(&json_format), cases);
}

TEST(DirtyPayload, json_with_listed_values) {
  MappingOptions mapping = mapping_of(&json_format);
  mapping.each = {"r[*]"};
  mapping.time.path = "t";
  mapping.values = {{.path = "v"}, {.path = "w"}};
  const Dirty cases[] = {
      {R"({"r":[{"t":1,"v":NaN,"w":1},{"t":2,"v":2,"w":Infinity}]})",
       "s/w=1@1000000; s/v=2@2000000; not_finite@0(v); not_finite@0(w)"},
      {R"({"r":[{"t":NaN,"v":1},{"t":2,"v":2}]})", "s/v=1@unreadable; s/v=2@2000000"},
      {R"({"r":[{"t":1,"v":broken,"w":1}]})", "s/w=1@1000000; bad_number@0(v)"},
      {"{\"r\":[{\"t\":1,\"v\":1}]}\0"s, "s/v=1@1000000"},
      {"nan", "bad_syntax@0"},
  };
  check(mapping, cases);
}

TEST(DirtyPayload, json_names_that_stood_without_quotes_are_no_ids) {
  MappingOptions mapping;
  mapping.sensor_path = "id";
  mapping.labels = {{"l", "l"}};
  EXPECT_EQ(decoded(mapping, R"({"id":kitchen,"v":1})"), "bad_id@0(id)");
  EXPECT_EQ(decoded(mapping, R"([{"id":"a","l":x,"v":1},{"id":"b","v":1}])"), "b/v=1; bad_id@0(l)");
}

TEST(DirtyPayload, csv) {
  MappingOptions mapping = mapping_of(&csv_format);
  const Dirty cases[] = {
      {"t,h\n1,2\0"s, "s/t=1; s/h=2"},
      {"t,h\0\n1,2\0\n3,4\0\r\n\0\0"s, "s/t=1; s/h=2; s/t=3; s/h=4"},
      {"\0t,h\n\0"
       "1,2\n"s,
       "s/t=1; s/h=2"},
      {bom + "t,h\n1,2\n", "s/t=1; s/h=2"},
      {"t,h\nNaN,2\n", "s/h=2; not_finite@4"},
      {"t,h\n,2\ninf,-inf\n", "s/h=2; not_finite@7; not_finite@11"},
      {"t,h\nn/a,2\n", "s/h=2"},
  };
  check(mapping, cases);
  mapping.columns = {"t", "h"};
  mapping.values = {{.path = "t"}, {.path = "h"}};
  const Dirty listed[] = {
      {"n/a,2\n3,NaN\n", "s/h=2; s/t=3; bad_number@0(t); not_finite@8(h)"},
      {"1,2\n\0"
       "3,4\0"s,
       "s/t=1; s/h=2; s/t=3; s/h=4"},
  };
  check(mapping, listed);
}

TEST(DirtyPayload, influx) {
  const Dirty cases[] = {
      {"m v=1\0"s, "s/m.v=1"},
      {"m v=1\0\0\0"s, "s/m.v=1"},
      {"m v=1 5\0"s, "s/m.v=1@5000000"},
      {"m v=1\0\nm v=2\0\r\n"s, "s/m.v=1; s/m.v=2"},
      {"m v=1\n\0m v=2\n\0"s, "s/m.v=1; s/m.v=2"},
      {bom + "m v=1", "s/m.v=1"},
      {"m a=nan,b=2,c=Infinity,d=\"NaN\",e=\"text\"", "s/m.b=2; not_finite@2; not_finite@12; not_finite@23"},
  };
  check(mapping_of(&influx_format), cases);
}

}  // namespace
}  // namespace edgetide
