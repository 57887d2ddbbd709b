#include "daemon/decoders/cbor_decoder.h"

#include <gtest/gtest.h>
#include <string>

#include "daemon/decoders/cbor_json.h"
#include "tests/daemon/decoders/decoded_text.h"
#include "tests/daemon/decoders/hex_bytes.h"

namespace edgetide {
namespace {

// What is refused begins with the reason.
std::string json_of(const std::string& bytes) {
  std::string text = "left from before";
  const auto refused = json_of_cbor(bytes, text);
  if (!refused) return text;
  return std::string(name_of(refused->reason)) + '@' + std::to_string(refused->offset);
}

std::string repeated(std::size_t count, const std::string& part) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += part;
  return all;
}

struct Item {
  const char* bytes;
  const char* expected;
};

template <std::size_t count>
void check_items(const Item (&cases)[count]) {
  for (const Item& c : cases) EXPECT_EQ(json_of(bytes_of(c.bytes)), c.expected) << c.bytes;
}

// Most are of RFC 8949, appendix A.
TEST(CborJson, items_become_json) {
  check_items({
      {"00", "0"},
      {"17", "23"},
      {"18 64", "100"},
      {"19 03e8", "1000"},
      {"1a 000f4240", "1000000"},
      {"1b ffffffffffffffff", "18446744073709551615"},
      {"20", "-1"},
      {"38 63", "-100"},
      {"39 03e7", "-1000"},
      {"3a 000f423f", "-1000000"},
      {"3b ffffffffffffffff", "-18446744073709551616"},
      {"f9 3e00", "1.5"},
      {"f9 8000", "-0"},
      {"f9 0001", "5.9604645e-08"},
      {"fa 41ab3333", "21.4"},
      {"fa 47c35000", "1e+05"},
      {"fb 3ff199999999999a", "1.1"},
      {"fb 7e37e43c8800759c", "1e+300"},
      {"fb 444b1ae4d6e2ef50", "1e+21"},
      {"f9 7c00", "\"\\u0001Infinity\""},
      {"f9 7e00", "\"\\u0001NaN\""},
      {"fb fff0000000000000", "\"\\u0001Infinity\""},
      {"f4", "false"},
      {"f5", "true"},
      {"f6", "null"},
      {"f7", "null"},
      {"60", "\"\""},
      {"62 225c", "\"\\\"\\\\\""},
      {"62 c3bc", "\"\u00fc\""},
      {"63 610a62", "\"a\\u000ab\""},
      {"44 010203ff", "\"0x010203ff\""},
      {"40", "\"0x\""},
      {"80", "[]"},
      {"83 01 02 03", "[1,2,3]"},
      {"83 01 82 02 03 82 04 05", "[1,[2,3],[4,5]]"},
      {"a0", "{}"},
      {"a2 01 02 03 04", "{\"1\":2,\"3\":4}"},
      {"a2 61 61 01 21 82 02 03", "{\"a\":1,\"-2\":[2,3]}"},
      {"a1 61 61 80", "{\"a\":[]}"},
  });
}

TEST(CborJson, strings_arrays_and_maps_without_a_length_end_with_a_break) {
  check_items({
      {"5f 42 0102 43 030405 ff", "\"0x0102030405\""},
      {"7f 65 7374726561 64 6d696e67 ff", "\"streaming\""},
      {"7f ff", "\"\""},
      {"9f ff", "[]"},
      {"9f 01 82 02 03 9f 04 05 ff ff", "[1,[2,3],[4,5]]"},
      {"bf 61 61 01 61 62 9f 02 03 ff ff", "{\"a\":1,\"b\":[2,3]}"},
      {"bf 7f 61 61 61 62 ff 01 ff", "{\"ab\":1}"},
      {"ff", "bad_syntax@0"},
      {"81 ff", "bad_syntax@1"},
      {"bf 61 61 ff", "bad_syntax@3"},
      {"7f 01 ff", "bad_syntax@1"},
      {"7f 41 61 ff", "bad_syntax@1"},
      {"7f 7f ff ff", "bad_syntax@1"},
      {"5f 61 61 ff", "bad_syntax@1"},
      {"7f c0 61 61 ff", "bad_syntax@1"},
      {"9f c1 ff", "bad_syntax@2"},
      {"9f 01", "bad_syntax@2"},
  });
}

TEST(CborJson, tags_are_read_or_skipped) {
  check_items({
      {"c0 74 323031332d30332d32315432303a30343a30305a", "\"2013-03-21T20:04:00Z\""},
      {"c1 1a 514b67b0", "1363896240"},
      {"c1 fb 41d452d9ec200000", "1363896240.5"},
      {"d9 d9f7 a1 61 61 01", "{\"a\":1}"},
      {"d7 44 01020304", "\"0x01020304\""},
      {"c4 82 21 19 6ab3", "27315e-2"},
      {"82 c4 82 01 20 05", "[-1e1,5]"},
      {"c4 82 21 3b ffffffffffffffff", "-18446744073709551616e-2"},
      {"c2 49 010000000000000000", "\"\\u00010x010000000000000000\""},
      {"c3 5f 41 01 ff", "\"\\u00010x01\""},
      {"c5 82 20 03", "1.5"},
      {"c5 82 01 22", "-6"},
      {"c5 82 1a 00989680 01", "\"\\u0001Infinity\""},
      {"c5 82 3a 00989680 01", "0"},
      {"c5 82 1b ffffffffffffffff 00", "0"},
      {"c4 9f 01 02 ff", "2e1"},
      {"c4 82 1a 00989680 01", "1e9999"},
      {"82 c4 83 01 02 03 05", "[\"\\u0001fraction\",5]"},
      {"82 c4 80 05", "[\"\\u0001fraction\",5]"},
      {"82 c5 a1 01 02 05", "[\"\\u0001fraction\",5]"},
      {"82 c4 82 01 c2 41 01 05", "[\"\\u0001fraction\",5]"},
      {"82 c4 82 f9 3e00 01 05", "[\"\\u0001fraction\",5]"},
      {"82 c4 82 01 82 02 03 05", "[\"\\u0001fraction\",5]"},
      {"82 c4 03 05", "[3,5]"},
      {"a1 c1 01 01", "{\"1\":1}"},
      {"a1 c4 82 01 02 01", "{\"2e1\":1}"},
      {"a1 c4 80 01", "{\"fraction\":1}"},
      {"a1 c2 41 01 01", "{\"0x01\":1}"},
      {"c1", "bad_syntax@1"},
  });
}

TEST(CborJson, what_is_not_one_item_is_refused_where_it_is_broken) {
  check_items({
      {"", "bad_syntax@0"},
      {"01 02", "bad_syntax@1"},
      {"80 00", "bad_syntax@1"},
      {"82 01", "bad_syntax@2"},
      {"a1 61 61", "bad_syntax@3"},
      {"81 19 03", "bad_syntax@1"},
      {"82 01 62 61", "bad_syntax@2"},
      {"81 1c", "bad_syntax@1"},
      {"81 f8", "bad_syntax@1"},
      {"81 f8 18", "bad_syntax@1"},
      {"81 fc", "bad_syntax@1"},
      {"9b ffffffffffffffff 01", "bad_syntax@0"},
      {"bb 8000000000000000 01", "bad_syntax@0"},
      {"7b ffffffffffffffff 01", "bad_syntax@0"},
  });
}

TEST(CborJson, key_that_is_not_text_is_the_text_of_what_it_is) {
  check_items({
      {"a2 f5 01 f6 02", "{\"true\":1,\"null\":2}"},
      {"a1 f9 3e00 01", "{\"1.5\":1}"},
      {"a1 f9 7e00 01", "{\"NaN\":1}"},
      {"a1 41 61 01", "{\"0x61\":1}"},
      {"a2 80 01 82 01 82 02 03 02", "{\"[]\":1,\"[]\":2}"},
      {"a1 a1 a1 01 02 03 04", "{\"{}\":4}"},
      {"a1 e3 01", "{\"simple\":1}"},
      {"bf 9f ff 01 ff", "{\"[]\":1}"},
  });
}

TEST(CborJson, simple_value_without_a_meaning_costs_only_itself) {
  check_items({
      {"82 e0 05", "[\"\\u0001simple\",5]"},
      {"82 f3 05", "[\"\\u0001simple\",5]"},
      {"82 f8 ff 05", "[\"\\u0001simple\",5]"},
      {"e0", "\"\\u0001simple\""},
      {"7f e0 ff", "bad_syntax@1"},
  });
}

TEST(CborJson, depth_and_text_are_bounded) {
  EXPECT_EQ(json_of(repeated(16, "\x81") + bytes_of("c4 82 01 02")), repeated(16, "[") + "2e1" + repeated(16, "]"));
  EXPECT_EQ(json_of(repeated(16, "\x81") + bytes_of("c4 82 c4 82 01 02 02")), "too_deep@19");
  EXPECT_EQ(json_of(repeated(16, "\x81") + '\x01'), repeated(16, "[") + '1' + repeated(16, "]"));
  EXPECT_EQ(json_of(repeated(17, "\x81") + '\x01'), "too_deep@16");
  const std::string nulls = bytes_of("99 d000") + repeated(0xd000, "\xf6");  // 5 bytes each in JSON
  EXPECT_EQ(json_of(nulls), "too_large@52431");
  const std::string controls = bytes_of("7a 00020000") + std::string(0x20000, '\x02');
  EXPECT_EQ(json_of(controls), "too_large@0");
}

MappingOptions mapping() {
  MappingOptions mapping;
  mapping.format = &cbor_format;
  mapping.sensor = "s";
  return mapping;
}

TEST(CborDecoder, every_value_is_taken_by_its_path) {
  const struct {
    const char* bytes;
    const char* expected;
  } cases[] = {
      {"a2 61 74 fa 41ab3333 61 68 18 2d", "s/t=21.4; s/h=45"},
      {"a1 61 61 a1 61 62 82 01 f5", "s/a.b[0]=1; s/a.b[1]=1"},
      {"a1 20 05", "s/-1=5"},
      {"a2 61 61 f9 7e00 61 62 01", "s/b=1; not_finite@0(a)"},
      {"a2 61 61 c2 41 01 61 62 01", "s/b=1; bad_number@0(a)"},
      {"a2 61 61 41 12 61 62 01", "s/b=1"},
      {"a2 61 61 62 4f4e 61 62 f6", "s/a=1"},
      {"a2 61 61 01 61 61 02", "s/a=1; repeated_name@0(a)"},
      {"a1 61 61 1b 0020000000000001", "s/a=9.00719925474099e+15; 1 inexact"},
      {"a1 62 61 ff 01", "s/a\u00ff=1"},
      {"18 2a", "s/value=42"},
      {"a1 61 61", "bad_syntax@3"},
      {"a3 61 61 c4 80 61 62 e0 61 63 01", "s/c=1; bad_number@0(a); bad_number@0(b)"},
      {"a2 61 61 c5 82 20 03 f5 01", "s/a=1.5; s/true=1"},
  };
  for (const auto& c : cases) EXPECT_EQ(decoded(mapping(), bytes_of(c.bytes)), c.expected) << c.bytes;
}

TEST(CborDecoder, second_value_of_one_name_is_refused_where_values_are_listed) {
  MappingOptions listed = mapping();
  listed.values = {{.path = "a"}};
  EXPECT_EQ(decoded(listed, bytes_of("a2 61 61 01 61 61 02")), "s/a=1; repeated_name@0(a)");
}

TEST(CborDecoder, mapping_is_that_of_json) {
  MappingOptions cbor;
  cbor.format = &cbor_format;
  cbor.sensor_path = "id";
  cbor.time.path = "ts";
  cbor.each = {"r[*]"};
  cbor.values = {{.path = "v", .metric = "power", .unit = "W", .scale = 2}, {.path = "-2"}};
  cbor.labels = {{"site", "site"}};
  MappingOptions json = cbor;
  json.format = &json_format;
  const std::string payload = bytes_of(
      "a3 62 6964 48 70b3d57ed0000001 64 73697465 64 6c796f6e"
      "61 72 82 a3 62 7473 c1 1a 514b67b0 61 76 0a 21 07 a2 62 7473 c0 74 323031332d30332d32315432303a30343a30315a"
      "61 76 64 31322f35");
  EXPECT_EQ(decoded(cbor, payload),
            "0x70b3d57ed0000001/power[W]=20@1363896240000000{site=lyon}; "
            "0x70b3d57ed0000001/-2=7@1363896240000000{site=lyon}; bad_number@0(v)");
  EXPECT_EQ(decoded(cbor, payload), decoded(json, json_of(payload)));
}

}  // namespace
}  // namespace edgetide
