#include "daemon/decoders/senml_decoder.h"

#include <gtest/gtest.h>
#include <string>

#include "daemon/decoders/cbor_decoder.h"
#include "tests/daemon/decoders/decoded_text.h"
#include "tests/daemon/decoders/hex_bytes.h"

namespace edgetide {
namespace {

MappingOptions senml() {
  MappingOptions mapping;
  mapping.format = &senml_format;
  return mapping;
}

struct Pack {
  std::string payload, expected;
};

template <std::size_t count>
void check_packs(const Pack (&cases)[count]) {
  for (const Pack& c : cases) EXPECT_EQ(decoded(senml(), c.payload), c.expected) << c.payload;
}

// ---- the examples of RFC 8428

constexpr const char* five_seconds =  // 5.1.2
    R"([{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
        {"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},{"n":"current","t":-3,"v":1.4},
        {"n":"current","t":-2,"v":1.5},{"n":"current","t":-1,"v":1.6},{"n":"current","v":1.7}])";
constexpr const char* readings_of_five_seconds =
    "urn:dev:ow:10e2073a0108006/voltage[V]=120.1@1276020076001000; "
    "urn:dev:ow:10e2073a0108006/current[A]=1.2@1276020071001000; "
    "urn:dev:ow:10e2073a0108006/current[A]=1.3@1276020072001000; "
    "urn:dev:ow:10e2073a0108006/current[A]=1.4@1276020073001000; "
    "urn:dev:ow:10e2073a0108006/current[A]=1.5@1276020074001000; "
    "urn:dev:ow:10e2073a0108006/current[A]=1.6@1276020075001000; "
    "urn:dev:ow:10e2073a0108006/current[A]=1.7@1276020076001000";

TEST(SenmlDecoder, examples_of_the_rfc) {
  check_packs({
      // 5.1.1
      {R"([{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}])", "urn:dev:ow:10e2073a01080063/Cel[°C]=23.1"},
      // 5.1.2
      {R"([{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},{"n":"current","u":"A","v":1.2}])",
       "urn:dev:ow:10e2073a01080063/voltage[V]=120.1; urn:dev:ow:10e2073a01080063/current[A]=1.2"},
      {five_seconds, readings_of_five_seconds},
      // 5.1.3
      {R"([{"bn":"urn:dev:ow:10e2073a01080063","bt":1.320067464e+09,"bu":"%RH","v":20},{"u":"lon","v":24.30621},
           {"u":"lat","v":60.07965},{"t":60,"v":20.3},{"u":"%EL","t":150,"v":98}])",
       "urn:dev:ow:10e2073a01080063/%RH[%]=20@1320067464000000; "
       "urn:dev:ow:10e2073a01080063/lon[°]=24.30621@1320067464000000; "
       "urn:dev:ow:10e2073a01080063/lat[°]=60.07965@1320067464000000; "
       "urn:dev:ow:10e2073a01080063/%RH[%]=20.3@1320067524000000; "
       "urn:dev:ow:10e2073a01080063/%EL[%]=98@1320067614000000"},
      // 5.1.5
      {R"([{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},
           {"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfc-reader","vd":"aGkgCg"}])",
       "urn:dev:ow:10e2073a01080063/temp[°C]=23.1; urn:dev:ow:10e2073a01080063/open=0; "
       "unsupported@0(urn:dev:ow:10e2073a01080063:label); unsupported@0(urn:dev:ow:10e2073a01080063:nfc-reader)"},
  });
}

TEST(SenmlDecoder, cbor_of_the_rfc_gives_the_readings_of_its_json) {
  const std::string pack = bytes_of(  // section 6
      "87 a7 21 78 1b 75 72 6e 3a 64 65 76 3a 6f 77 3a 31 30 65 32 30 37 33 61 30 31 30 38 30 30 36 3a 22 fb 41 d3 03"
      "a1 5b 00 10 62 23 61 41 20 05 00 67 76 6f 6c 74 61 67 65 01 61 56 02 fb 40 5e 06 66 66 66 66 66 a3 00 67 63 75"
      "72 72 65 6e 74 06 24 02 fb 3f f3 33 33 33 33 33 33 a3 00 67 63 75 72 72 65 6e 74 06 23 02 fb 3f f4 cc cc cc cc"
      "cc cd a3 00 67 63 75 72 72 65 6e 74 06 22 02 fb 3f f6 66 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06 21 02"
      "f9 3e 00 a3 00 67 63 75 72 72 65 6e 74 06 20 02 fb 3f f9 99 99 99 99 99 9a a3 00 67 63 75 72 72 65 6e 74 06 00"
      "02 fb 3f fb 33 33 33 33 33 33");
  EXPECT_EQ(decoded(senml(), pack), readings_of_five_seconds);
}

// ---- fields

TEST(SenmlDecoder, base_fields_hold_until_the_next_of_the_same) {
  check_packs({
      {R"([{"bn":"a:","bu":"V","bv":20,"bt":1e9},{"n":"x","v":1},{"bn":"b:","n":"y","v":2,"t":1},{"n":"z","v":3}])",
       "a/x[V]=21@1000000000000000; b/y[V]=22@1000000001000000; b/z[V]=23@1000000000000000"},
      {R"([{"n":"early:x","v":1},{"bn":"a:","n":"x","v":2},{"bn":"","n":"b:x","v":3}])", "early/x=1; a/x=2; b/x=3"},
      {R"([{"bn":"a:","bv":20,"n":"x"},{"n":"y","t":-1},{"n":"z","vb":true}])",
       "a/x=20; a/y=20@arrival-1000000; a/z=1"},
      {R"([{"bn":"a:","bs":100,"n":"x","v":1,"s":5},{"n":"y","v":2},{"n":"z","s":-1}])",
       "a/x=1; a/x.sum=105; a/y=2; a/y.sum=100; a/z.sum=99"},
  });
}

TEST(SenmlDecoder, sums_are_readings_besides) {
  check_packs({
      {R"([{"bn":"a:","n":"power","u":"W","v":5,"s":3600}])", "a/power[W]=5; a/power.sum[W·s]=3600"},
      {R"([{"bn":"a:","bv":1,"n":"power","s":3600}])", "a/power.sum=3600"},
      {R"([{"bn":"a:","n":"p","v":"x","s":1},{"n":"p","v":1,"s":"x"}])",
       "a/p.sum=1; a/p=1; bad_number@0(a:p); bad_number@0(a:p)"},
      {"[{\"n\":\"a:" + std::string(125, 'm') + R"(","v":1,"s":1}])",
       "a/" + std::string(125, 'm') + "=1; bad_id@0([0].s)"},
  });
}

TEST(SenmlDecoder, small_times_count_from_the_arrival) {
  check_packs({
      {R"([{"n":"a:x","v":1},{"n":"a:x","t":0,"v":2},{"n":"a:x","t":-5.5,"v":3},{"n":"a:x","t":60,"v":4}])",
       "a/x=1; a/x=2; a/x=3@arrival-5500000; a/x=4@arrival+60000000"},
      {R"([{"n":"a:x","t":268435455,"v":1},{"n":"a:x","t":268435456,"v":2}])",
       "a/x=1@arrival+268435455000000; a/x=2@268435456000000"},
      {R"([{"bn":"a:","bt":1600000000,"n":"x","t":-1599999999,"v":1}])", "a/x=1@arrival+1000000"},
      {R"([{"n":"a:x","t":-268435456,"v":1},{"n":"a:x","t":"now","v":2},{"n":"a:x","t":1e300,"v":3}])",
       "a/x=1@unreadable; a/x=2@unreadable; a/x=3@unreadable"},
  });
}

TEST(SenmlDecoder, small_times_count_from_the_time_of_the_transport) {
  Router router({RouteOptions{"", senml()}});
  DecodedBatch batch;
  router.decode({.topic = "",
                 .payload = R"([{"n":"a:x","t":-5,"v":1},{"n":"a:x","v":2},{"n":"a:x","t":1e9,"v":3}])",
                 .time = Timestamp::microseconds(7'000'000)},
                batch);
  EXPECT_EQ(to_text(batch), "a/x=1@2000000; a/x=2@7000000; a/x=3@1000000000000000");
}

TEST(SenmlDecoder, values_other_than_numbers) {
  check_packs({
      {R"([{"n":"a:x","vb":true},{"n":"a:x","vb":1},{"n":"a:x","vs":"OFF"},{"n":"a:x","vs":"42"},{"n":"a:x","vs":7}])",
       "a/x=1; a/x=0; bad_number@0(a:x); unsupported@0(a:x); unsupported@0(a:x)"},
      {R"([{"n":"a:x","v":NaN},{"n":"a:x","v":"70 °F","u":"Cel"},{"n":"a:x","v":"high"},{"n":"a:x","v":null}])",
       "a/x[°C]=21.1111111111111; not_finite@0(a:x); bad_number@0(a:x); bad_number@0(a:x)"},
      {R"([{"n":"a:x","v":9007199254740993}])", "a/x=9.00719925474099e+15; 1 inexact"},
  });
  MappingOptions mapping = senml();
  mapping.states = {{"heating", 2}, {"true", 5}};
  EXPECT_EQ(decoded(mapping, R"([{"n":"a:x","vs":"Heating"},{"n":"a:x","vb":true}])"), "a/x=2; a/x=5");
}

TEST(SenmlDecoder, units_are_written_as_usual) {
  check_packs({
      {R"([{"n":"a:x","u":"/100","v":1},{"n":"a:x","u":"/","v":1},{"n":"a:x","u":"m3","v":1},{"n":"a:x","v":1}])",
       "a/x[%]=1; a/x=1; a/x[m³]=1; a/x=1"},
      {R"([{"n":"a:x","u":5,"v":1},{"n":"a:x","u":"a\nb","v":1},{"n":"a:x","v":1}])",
       "a/x=1; bad_unit@0([0].u); bad_unit@0([1].u)"},
  });
}

// ---- names

TEST(SenmlNames, names_are_devices_and_metrics) {
  const struct {
    const char* name;
    const char* expected;
  } cases[] = {
      {"urn:dev:ow:10e2073a01080063:voltage", "urn:dev:ow:10e2073a01080063/voltage"},
      {"urn:dev:mac:0024befffe804ff1_hum/1", "urn:dev:mac:0024befffe804ff1/hum/1"},
      {"urn:dev:ow:10e2073a01080063", "urn:dev:ow:10e2073a01080063/value"},
      {"urn:dev:ow:10e2073a01080063:", "urn:dev:ow:10e2073a01080063/value"},
      {"urn:dev:ow", "urn:dev/ow"},
      {"urn:oid:1.2.3/t", "urn:oid:1.2.3/t"},
      {"urn:x", "urn/x"},
      {"/3303/0/5700", "/3303/0/5700"},
      {"site/lyon:pump-7/temp_1", "site/lyon:pump-7/temp_1"},
      {"pump-7", "pump-7/value"},
      {"/a", "/a/value"},
      {"a:", "a/value"},
      {"::", "bad_id@0([0].n)"},
      {"-a", "bad_id@0([0].n)"},
      {"a b", "bad_id@0([0].n)"},
      {"", "bad_id@0([0].n)"},
      {"h\u00f4te:x", "bad_id@0([0].n)"},
  };
  for (const auto& c : cases) {
    const std::string expected = std::string(c.expected) + (std::string(c.expected).find('@') < 20 ? "" : "=1");
    EXPECT_EQ(decoded(senml(), R"([{"n":")" + std::string(c.name) + R"(","v":1}])"), expected) << c.name;
  }
}

TEST(SenmlNames, topic_and_templates_name_them_too) {
  const std::string pack = R"([{"bn":"urn:dev:ow:1:","n":"t","v":1},{"bn":"urn:dev:ow:2","u":"lat","v":2},)"
                           R"({"bn":"","n":"hum","v":3}])";
  EXPECT_EQ(decoded(senml(), pack, "g/{device}", "g/gate"),
            "gate/urn:dev:ow:1:t=1; gate/urn:dev:ow:2:lat[°]=2; gate/hum=3");
  MappingOptions mapping = senml();
  mapping.metric = "{metric}";
  EXPECT_EQ(decoded(mapping, pack, "g/{device}", "g/gate"), "gate/t=1; gate/lat[°]=2; gate/hum=3");
  mapping.sensor = "{gate}/{device}";
  EXPECT_EQ(decoded(mapping, pack, "g/{gate}", "g/7"), "7/urn:dev:ow:1/t=1; 7/urn:dev:ow:2/lat[°]=2; 7/hum/hum=3");
  mapping.sensor = "{bn}";
  mapping.metric = "{n}";
  EXPECT_EQ(decoded(mapping, pack), "urn:dev:ow:1/t=1; bad_id@0([1].n); bad_id@0([2].n)");
  mapping.sensor = "{name}";
  mapping.metric = "m";
  EXPECT_EQ(decoded(mapping, pack), "urn:dev:ow:1:t/m=1; urn:dev:ow:2/m[°]=2; hum/m=3");
}

// ---- what is refused

TEST(SenmlDecoder, bad_record_costs_only_itself) {
  check_packs({
      {R"([{"n":"a:x","v":1},7,{"n":"a:y"},{},{"n":5,"v":1},{"n":"a:z","v":2}])",
       "a/x=1; a/z=2; bad_syntax@0([1]); bad_syntax@0([2].v); bad_id@0([3].n); bad_id@0([4].n)"},
      {R"([{"n":"a:x","v":1,"vs":"x"},{"n":"a:y","v":1}])", "a/y=1; bad_syntax@0(a:x)"},
      {R"([{"n":")" + std::string(129, 'a') + R"(","v":1},{"n":"a:y","v":1}])", "a/y=1; bad_id@0([0].n)"},
      {R"([{"n":"a:y","v":1,"v":2,"x":[{}],"ut":5}])", "a/y=1"},
      {"[]", ""},
      {R"([{"bn":"a:"}])", ""},
  });
}

TEST(SenmlDecoder, broken_pack_is_refused_as_a_whole) {
  check_packs({
      {R"([{"n":"a:x","v":1},{"n":"a:y","v":1,"later_":1}])", "unsupported@0([1].later_)"},
      {R"([{"n":"a:x","v":1},{"bt":"x","n":"a:y","v":1}])", "bad_syntax@0([1].bt)"},
      {R"([{"n":"a:x","v":1},{"bn":5,"n":"a:y","v":1}])", "bad_syntax@0([1].bn)"},
      {R"([{"bv":NaN,"n":"a:y","v":1}])", "bad_syntax@0([0].bv)"},
      {R"([{"bver":11,"n":"a:y","v":1}])", "unsupported@0([0].bver)"},
      {R"([{"bver":0,"n":"a:y","v":1}])", "unsupported@0([0].bver)"},
      {R"([{"bver":26,"n":"a:y","v":1}])", "a/y=1"},
      {R"({"n":"a:y","v":1})", "bad_syntax@0"},
      {R"([{"n":"a:y","v":1})", "bad_syntax@0"},
      {"", "bad_syntax@0"},
      {bytes_of("81 a2 00 63 613a79 02"), "bad_syntax@8"},
      {bytes_of("a2 00 63 613a79 02 01"), "bad_syntax@0"},
      {bytes_of("82 a2 00 63 613a79 02 01 a1 62 785f 01"), "unsupported@0([1].x_)"},
  });
}

TEST(SenmlDecoder, values_of_a_pack_are_bounded) {
  std::string pack = R"([{"bn":"a:x","v":1})";
  for (int i = 0; i < 999; ++i) pack += R"(,{"v":1})";
  EXPECT_EQ(decoded(senml(), pack + ']').find("too_many_values"), std::string::npos);
  EXPECT_EQ(decoded(senml(), pack + R"(,{"v":1}])"), "too_many_values@0");
}

TEST(SenmlDecoder, forms_are_distinguished_by_their_first_byte) {
  check_packs({
      {" \n[{\"n\":\"a:y\",\"v\":1}]", "a/y=1"},
      {"\xEF\xBB\xBF[{\"n\":\"a:y\",\"v\":1}]", "a/y=1"},
      {bytes_of("81 a2 00 63 613a79 02 01"), "a/y=1"},
      {bytes_of("9f bf 00 63 613a79 02 01 ff ff"), "a/y=1"},
      {bytes_of("d9d9f7 81 a2 00 63 613a79 02 00"), "a/y=0"},
      {bytes_of("81 a3 00 63 613a79 05 01 08 41 12"), "a/y.sum=1; unsupported@0(a:y)"},
      {bytes_of("81 a2 61 6e 63 613a79 61 76 c4 82 20 18 d6"), "a/y=21.4"},
      {R"([{"0":"a:y","2":1,"n":"b:y","v":2}])", "b/y=2"},
      {bytes_of("81 a3 00 63 613a79 02 01 18 63 01"), "a/y=1"},
  });
}

// ---- one device in four formats

TEST(SenmlDecoder, same_readings_as_json_and_cbor) {
  MappingOptions json;
  json.time.path = "ts";
  json.values = {{.path = "t", .metric = "temperature", .unit = "°C"}, {.path = "on"}};
  MappingOptions cbor = json;
  cbor.format = &cbor_format;
  const struct {
    const MappingOptions& mapping;
    std::string payload;
  } cases[] = {
      {json, R"({"ts":1320067464.5,"t":21.4,"on":true})"},
      {cbor, bytes_of("a3 62 7473 fb 41d3aba862200000 61 74 fa 41ab3333 62 6f6e f5")},
      {senml(), R"([{"bt":1320067464.5,"n":"temperature","u":"Cel","v":21.4},{"n":"on","vb":true}])"},
      {senml(), bytes_of("82 a4 22 fb 41d3aba862200000 00 6b 74656d7065726174757265 01 63 43656c 02 fa 41ab3333"
                         "a2 00 62 6f6e 04 f5")},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(decoded(c.mapping, c.payload, "s/{device}", "s/boiler"),
              "boiler/temperature[°C]=21.4@1320067464500000; boiler/on=1@1320067464500000")
        << c.payload;
  }
}

}  // namespace
}  // namespace edgetide
