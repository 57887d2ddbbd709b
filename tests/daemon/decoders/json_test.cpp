#include "daemon/decoders/json.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "daemon/decoders/decoder.h"

namespace edgetide {
namespace {

// A document, written again from what the facade shows of it.
void rewrite(JsonValue value, std::string& out) {
  switch (value.kind()) {
    case JsonKind::null:
      out += "null";
      break;
    case JsonKind::boolean:
      out += value.boolean() ? "true" : "false";
      break;
    case JsonKind::number:
      out += value.integer() ? std::to_string(*value.integer()) : std::to_string(value.number());
      break;
    case JsonKind::text:
      out.append("'").append(value.text()).append("'");
      break;
    case JsonKind::array:
      out += '[';
      for (const JsonValue element : value.elements()) {
        rewrite(element, out);
        out += ' ';
      }
      out += ']';
      break;
    case JsonKind::object:
      out += '{';
      for (const auto& [key, member] : value.members()) {
        out.append(key).append(":");
        rewrite(member, out);
        out += ' ';
      }
      out += '}';
      break;
  }
}

std::string rewritten(std::string_view text) {
  JsonParser parser;
  const JsonParsed parsed = parser.parse(text);
  if (!parsed.root) return std::string(name_of(parsed.refusal));
  std::string out;
  rewrite(*parsed.root, out);
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
      {"nan", Refusal::bad_syntax},
      {"[NaN]", Refusal::bad_syntax},
      {"online", Refusal::bad_syntax},
      {"\"\xFF\"", Refusal::bad_syntax},
      {"\"\xED\xA0\x80\"", Refusal::bad_syntax},
      {"\"\\ud800\"", Refusal::bad_syntax},
      {std::string("\"a\0b\"", 5), Refusal::bad_syntax},
      {std::string("{}\0", 3), Refusal::bad_syntax},
      {"\"a\nb\"", Refusal::bad_syntax},
      {"\xEF\xBB\xBF{}", Refusal::bad_syntax},
      {"01", Refusal::bad_number},
      {"1e999", Refusal::bad_number},
      {"[-1e999]", Refusal::bad_number},
      {"012345678901234567890123", Refusal::bad_number},
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
