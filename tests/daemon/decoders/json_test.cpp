#include "daemon/decoders/json.h"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "daemon/decoders/decoder.h"
#include "tests/daemon/decoders/walked_json.h"

namespace edgetide {
namespace {

std::string rewritten(std::string_view text) {
  JsonParser parser;
  const JsonParsed parsed = parser.parse(text);
  if (!parsed.root) return std::string(name_of(parsed.refusal));
  std::string out;
  append_walked(*parsed.root, out, [](JsonValue value, std::string& written) {
    written += value.integer() ? std::to_string(*value.integer()) : std::to_string(value.number());
  });
  return out;
}

TEST(Json, every_kind_is_walked_in_order) {
  EXPECT_EQ(rewritten(R"({"a":1,"b":[2.5,-3,true,false,null,"x",[],{}],"c":{"d":"e"}})"),
            "{a:1 b:[2.500000 -3 true false null 'x' [] {} ] c:{d:'e' } }");
  EXPECT_EQ(rewritten("42"), "42");
  EXPECT_EQ(rewritten(" \"x\" "), "'x'");
  EXPECT_EQ(rewritten("[]"), "[]");
  EXPECT_EQ(rewritten(R"({"\u00e9\ud83c\udf21":"\n"})"), "{é🌡:'\n' }");
}

TEST(Json, integer_is_exact_within_64_bits_and_a_double_beyond) {
  JsonParser parser;
  EXPECT_EQ(parser.parse("9223372036854775807").root->integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parser.parse("-9223372036854775808").root->integer(), std::numeric_limits<std::int64_t>::min());
  const struct {
    const char* text;
    double number;
  } cases[] = {
      {"9223372036854775808", 9223372036854775808.0},
      {"18446744073709551615", 18446744073709551615.0},
      {"18446744073709551616", 18446744073709551616.0},
      {"-9223372036854775809", -9223372036854775809.0},
      {"123456789012345678901234567890", 123456789012345678901234567890.0},
      {"1e3", 1000},
      {"1.0", 1},
      {"1e-400", 0},
  };
  for (const auto& c : cases) {
    const JsonParsed parsed = parser.parse(c.text);
    ASSERT_TRUE(parsed.root) << c.text;
    EXPECT_EQ(parsed.root->number(), c.number) << c.text;
    EXPECT_FALSE(parsed.root->integer()) << c.text;
  }
}

TEST(Json, huge_integer_spoils_nothing_beside_it) {
  JsonParser parser;
  const JsonParsed parsed = parser.parse(
      R"({"id":123456789012345678901234,"ns":1732100000123456789,"s":"123456789012345678901234","f":1.25})");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(parsed.root->find("id")->number(), 123456789012345678901234.0);
  EXPECT_EQ(parsed.root->find("ns")->integer(), 1'732'100'000'123'456'789);
  EXPECT_EQ(parsed.root->find("s")->text(), "123456789012345678901234");
  EXPECT_EQ(parsed.root->find("f")->number(), 1.25);
}

TEST(Json, find_takes_the_first_of_repeated_keys_and_nothing_from_other_kinds) {
  JsonParser parser;
  const JsonParsed parsed = parser.parse(R"({"a":1,"a":2,"":3,"n":null})");
  ASSERT_TRUE(parsed.root);
  EXPECT_EQ(parsed.root->find("a")->integer(), 1);
  EXPECT_EQ(parsed.root->find("")->integer(), 3);
  EXPECT_TRUE(parsed.root->find("n")->is(JsonKind::null));
  EXPECT_FALSE(parsed.root->find("b"));
  EXPECT_FALSE(parsed.root->find("a")->find("a"));
  EXPECT_FALSE(parser.parse("[1]").root->find("a"));
}

TEST(Json, broken_text_is_refused_by_reason) {
  const struct {
    std::string text;
    Refusal reason;
  } cases[] = {
      {"", Refusal::bad_syntax},
      {" ", Refusal::bad_syntax},
      {"{", Refusal::bad_syntax},
      {"{\"a\":1", Refusal::bad_syntax},
      {"{\"a\":}", Refusal::bad_syntax},
      {"{a:1}", Refusal::bad_syntax},
      {"[1,]", Refusal::bad_syntax},
      {"{} {}", Refusal::bad_syntax},
      {"not json", Refusal::bad_syntax},
      {"{NaN:1}", Refusal::bad_syntax},
      {"[C:\\dir]", Refusal::bad_syntax},
      {"[1,NaN", Refusal::bad_syntax},
      {"{\"a\":NaN} x", Refusal::bad_syntax},
      {std::string(max_payload_bytes - 1, '\x01') + "[", Refusal::bad_syntax},
      {"\"" + std::string(max_payload_bytes - 2, '\xFF') + "\"", Refusal::bad_syntax},
      {std::string(max_payload_bytes + 1, ' '), Refusal::too_large},
  };
  JsonParser parser;
  for (const auto& c : cases) {
    const JsonParsed parsed = parser.parse(c.text);
    EXPECT_FALSE(parsed.root) << c.text.substr(0, 40);
    EXPECT_EQ(name_of(parsed.refusal), name_of(c.reason)) << c.text.substr(0, 40);
  }
  EXPECT_TRUE(parser.parse("{}").root) << "a parser is as good as new after refusals";
}

TEST(Json, one_bad_value_or_character_costs_no_other) {
  const struct {
    std::string text;
    const char* expected;  // ^: bare_mark
  } cases[] = {
      {R"({"a":NaN,"b":-Infinity,"c":1})", "{a:'^NaN' b:'^-Infinity' c:1 }"},
      {R"([1e999,012,.5,5.,+1,0x1F,True,None,-])", "['^1e999' '^012' '^.5' '^5.' '^+1' '^0x1F' '^True' '^None' '^-' ]"},
      {R"([NaN,1.5,-2e3,true,null,"x\"y",12345678901234567890123])",
       "['^NaN' 1.500000 -2000.000000 true null 'x\"y' "
       "12345678901234567741440.000000 ]"},
      {"nan", "'^nan'"},
      {" Online\n", "'^Online'"},
      {"[21.5 \xB0"
       "C,1]",
       "not JSON: two words in a row"},
      {"[\"21.5 \xB0"
       "C\",1]",
       "['21.5 °C' 1 ]"},
      {"\"\xFF\xED\xA0\x80\"", "'ÿí\xC2\xA0\xC2\x80'"},
      {"{\"a\":\"x\ty\",\"b\":1}", "{a:'x\ty' b:1 }"},
      {std::string("[\"a\0b\",\0 1]", 12), "['a@b' 1 ]"},
      {std::string("{\"a\":1}\0\0", 9), "{a:1 }"},
      {std::string("\0{\"a\":1}", 8), "{a:1 }"},
      {"\xEF\xBB\xBF{\"a\":1}", "{a:1 }"},
      {"\v[\f1]", "[1 ]"},
  };
  for (const auto& c : cases) {
    std::string rewritten_text = rewritten(c.text);
    std::replace(rewritten_text.begin(), rewritten_text.end(), bare_mark, '^');
    std::replace(rewritten_text.begin(), rewritten_text.end(), '\0', '@');
    if (std::string_view(c.expected).starts_with("not JSON")) {
      EXPECT_EQ(rewritten_text, "bad_syntax") << c.text;
    } else {
      EXPECT_EQ(rewritten_text, c.expected) << c.text;
    }
  }
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + "1" + std::string(depth, ']');
}

TEST(Json, depth_is_bounded) {
  JsonParser parser;
  EXPECT_TRUE(parser.parse(nested(max_json_depth)).root);
  const JsonParsed parsed = parser.parse(nested(max_json_depth + 1));
  EXPECT_FALSE(parsed.root);
  EXPECT_EQ(parsed.refusal, Refusal::too_deep);
  EXPECT_EQ(parser.parse(nested(max_payload_bytes / 2 - 1)).refusal, Refusal::too_deep);
}

TEST(Json, buffers_grow_to_the_largest_payload) {
  JsonParser parser;
  for (const std::size_t size : {std::size_t{1}, std::size_t{1023}, std::size_t{1024}, std::size_t{1025},
                                 std::size_t{70'000}, max_payload_bytes - 2}) {
    const JsonParsed parsed = parser.parse("\"" + std::string(size, 'x') + "\"");
    ASSERT_TRUE(parsed.root) << size;
    EXPECT_EQ(parsed.root->text().size(), size);
  }
}

}  // namespace
}  // namespace edgetide
