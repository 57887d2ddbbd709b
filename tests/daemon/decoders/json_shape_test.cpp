#include "daemon/decoders/json_shape.h"

#include <bit>
#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include "tests/daemon/decoders/walked_json.h"

namespace edgetide {
namespace {

// All that the facade shows of a document, to the last bit.
std::string parsed_by(JsonParser& parser, std::string_view text) {
  const JsonParsed parsed = parser.parse(text);
  if (!parsed.root) return std::string(name_of(parsed.refusal));
  std::string out = parsed.has_long_integers ? "long " : "";
  append_walked(*parsed.root, out, [](JsonValue value, std::string& bits) {
    bits += std::to_string(std::bit_cast<std::uint64_t>(value.number())) + (value.inexact() ? "~" : "");
    if (value.integer()) bits += "i" + std::to_string(*value.integer());
  });
  return out;
}

// By a parser that remembers nothing.
std::string parsed(std::string_view text) {
  JsonParser parser;
  return parsed_by(parser, text);
}

class Texts {
 public:
  explicit Texts(std::uint64_t seed) : random_(seed) {}

  // A document as text, with a '#' for each value.
  std::string layout(int depth = 0) {
    static constexpr const char* keys[] = {"t", "temperature", "a\\\"b", "", "\\u00e9", "é", "x:1", "{", "time"};
    const auto kind = draw(depth > 3 ? 2 : 5);
    if (kind < 2 && depth > 0) return "#";
    std::string text = kind < 4 ? "{" : "[";
    for (std::size_t i = draw(4); i > 0; --i) {
      if (text.size() > 1) text += draw(4) == 0 ? " ,\n" : ",";
      if (kind < 4) text += '"' + std::string(keys[draw(std::size(keys))]) + (draw(5) == 0 ? "\" : " : "\":");
      text += layout(depth + 1);
    }
    return text + (kind < 4 ? "}" : "]");
  }

  // The layout with values; they are of other kinds only now and then.
  std::string filled(const std::string& layout) {
    std::string text;
    std::size_t place = 0;
    for (const char c : layout) {
      if (c == '#') {
        text += value(draw(8) == 0 ? draw(3) : place++ % 3);
      } else {
        text += c;
      }
    }
    if (draw(20) == 0 && !text.empty()) text[draw(text.size())] = static_cast<char>(draw(256));
    return text;
  }

 private:
  std::size_t draw(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }

  std::string value(std::size_t kind) {
    static constexpr const char* strings[] = {"\"\"",
                                              "\"kitchen\"",
                                              "\"2026-11-21T01:30:00Z\"",
                                              "\"a\\nb\"",
                                              "\"21 °C\"",
                                              "\"\x7f\"",
                                              "\"12345678\"",
                                              "\"1234567\\\\\"",
                                              "\"a\tb\"",
                                              "\"\\u0001\"",
                                              "\"a,b:c}\"",
                                              "\"x",
                                              "\"21.5\"",
                                              "\"é🌡é\"",
                                              "\"\xC3\"",
                                              "\"\xED\xA0\x80\"",
                                              "\"\xF4\x90\x80\x80\"",
                                              "\"\xC0\x80\""};
    static constexpr const char* words[] = {"true", "false", "null", "nul", "NaN", "True", "[]", "{}", "truetrue", ""};
    static constexpr const char* numbers[] = {"0",
                                              "-0",
                                              "-0.0",
                                              "1.",
                                              ".5",
                                              "01",
                                              "-",
                                              "1e5",
                                              "1E-3",
                                              "9007199254740993",
                                              "9223372036854775807",
                                              "9223372036854775808",
                                              "-9223372036854775808",
                                              "18446744073709551615",
                                              "123456789012345678901",
                                              "1e999",
                                              "21.499999999999996",
                                              "0.1234567890123456789",
                                              "9007199254740993.5",
                                              "1732100000123456789",
                                              "+1",
                                              "1 2"};
    if (kind == 0) return strings[draw(std::size(strings))];
    if (kind == 1 && draw(3) == 0) return words[draw(std::size(words))];
    if (draw(3) == 0) return numbers[draw(std::size(numbers))];
    std::string digits = draw(3) == 0 ? "-" : "";
    digits += std::to_string(draw(draw(2) == 0 ? 100 : 100'000'000));
    if (draw(2) == 0) digits += '.' + std::to_string(draw(draw(2) == 0 ? 100 : 100'000'000'000));
    return digits;
  }

  std::mt19937_64 random_;
};

TEST(JsonShape, text_of_a_known_shape_reads_as_any_parser_reads_it) {
  Texts texts(19);
  for (int tried = 0; tried < 300; ++tried) {
    const std::string layout = texts.layout();
    JsonParser remembering;
    for (int i = 0; i < 40; ++i) {
      const std::string text = texts.filled(layout);
      ASSERT_EQ(parsed_by(remembering, text), parsed(text)) << text;
    }
  }
}

TEST(JsonShape, many_shapes_in_turn_read_as_any_parser_reads_them) {
  Texts texts(20);
  std::vector<std::string> layouts(2 * JsonShapes::max_shapes);
  for (std::string& layout : layouts) layout = texts.layout();
  JsonParser remembering;
  for (std::size_t i = 0; i < 5000; ++i) {
    const std::string text = texts.filled(layouts[i % layouts.size()]);
    ASSERT_EQ(parsed_by(remembering, text), parsed(text)) << text;
  }
}

// What JsonShapes says of a text after those before.
bool knows(JsonShapes& shapes, std::string_view text) {
  if (shapes.read(text) != nullptr) return true;
  static JsonParser parser;
  const JsonParsed parsed = parser.parse(text);
  if (parsed.root) shapes.remember(text, parser.tape());
  return false;
}

TEST(JsonShape, text_that_differs_only_in_its_values_is_known) {
  JsonShapes shapes;
  EXPECT_FALSE(knows(shapes, R"({"time":"2026-11-21T01:30:00Z","t":21.5,"on":true,"n":null,"list":[1,-2]})"));
  EXPECT_TRUE(
      knows(shapes, R"({"time":"2026-11-21T01:30:10.5Z","t":-1,"on":null,"n":"a b","list":[17,21.499999999999996]})"));
  EXPECT_TRUE(knows(shapes, R"({"time":"21 °C","t":-1.5,"on":"é","n":"🌡","list":[17,0]})"));
  EXPECT_FALSE(knows(shapes, R"({"time":"2026-11-21T01:30:10.5Z","t":-1,"on":null,"n":"a b","list":[17,1,2]})"));
  EXPECT_FALSE(knows(shapes, R"({"time":"x","t":1e3,"on":true,"n":null,"list":[1,-2]})"));
  EXPECT_TRUE(knows(shapes, R"({"time":"x","t":1,"on":true,"n":null,"list":[1,-2]})")) << "it is still remembered";
  EXPECT_FALSE(knows(shapes, R"({"time":"x","t":"21.5","on":true,"n":null,"list":[1,-2]})"));
  EXPECT_FALSE(knows(shapes, R"({"time":"x","u":21.5,"on":true,"n":null,"list":[1,-2]})"));
  EXPECT_FALSE(knows(shapes, R"({"time":"x","t":21.5,"on":true,"n":null,"list":[1,-2]} )"));
  EXPECT_FALSE(knows(shapes, R"({"time":"x","t":21.5,"on":true,"n":null,"list":[1,-2)"));
  EXPECT_FALSE(knows(shapes, ""));
}

TEST(JsonShape, values_that_are_always_unusual_are_rarely_tried_and_usual_ones_are_soon_read_again) {
  JsonShapes shapes;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(knows(shapes, R"(["a\nb"])"));
  int asked = 0;
  while (!knows(shapes, R"(["a"])")) ++asked;
  EXPECT_GT(asked, 0);
  EXPECT_LT(asked, 64);
  EXPECT_FALSE(knows(shapes, R"(["a\nb"])"));
  EXPECT_TRUE(knows(shapes, R"(["b"])"));
}

TEST(JsonShape, large_text_is_not_remembered) {
  JsonShapes shapes;
  const std::string large = R"({"s":")" + std::string(JsonShape::max_text_bytes, 'x') + R"("})";
  std::string many = "[0";
  for (std::size_t i = 0; i < JsonShape::max_values; ++i) many += ",0";
  many += "]";
  for (const std::string& text : {large, many}) {
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(knows(shapes, text)) << text;
  }
  EXPECT_FALSE(knows(shapes, "")) << "what is left of it matches nothing";
}

TEST(JsonShape, shapes_that_all_differ_are_remembered_less_and_less_often) {
  JsonShapes shapes;
  const auto text = [](int i) { return "{\"k" + std::to_string(i) + "\":1}"; };
  for (int i = 0; i < 300; ++i) EXPECT_FALSE(knows(shapes, text(i)));
  int asked = 1;
  while (!knows(shapes, "[1]")) ++asked;
  EXPECT_GT(asked, 100);
  EXPECT_LT(asked, 300);
  EXPECT_TRUE(knows(shapes, "[2]"));
  EXPECT_FALSE(knows(shapes, "[1,2]"));
  EXPECT_FALSE(knows(shapes, "[1,2]"));
  EXPECT_TRUE(knows(shapes, "[1,2]")) << "once one has helped, the next is remembered soon";
}

}  // namespace
}  // namespace edgetide
