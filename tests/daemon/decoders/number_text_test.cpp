#include "daemon/decoders/number_text.h"

#include <bit>
#include <charconv>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <system_error>

namespace edgetide {
namespace {

struct NumberCase {
  const char* text;
  double number;
};

TEST(NumberText, number_with_what_people_put_around_it_is_read) {
  const NumberCase cases[] = {
      {"21.5", 21.5},
      {" 42\n", 42},
      {"-3", -3},
      {"+7", 7},
      {"1e3", 1000},
      {".5", 0.5},
      {"5.", 5},
      {"21.5 °C", 21.5},
      {"21.5°C", 21.5},
      {"42 F", 42},
      {"50%", 50},
      {"50 %\r\n", 50},
      {"1,5", 1.5},
      {"-0,25 V", -0.25},
      {"1,500", 1.5},
      {"12 m3/h", 12},
      {"997.2 hPa", 997.2},
      {"0", 0},
      {"007", 7},
      {"1e-3 A", 0.001},
      {"12V", 12},
      {"3 µg/m³", 3},
      {"18446744073709551616", 18446744073709551616.0},
      {"4.9e-324", std::numeric_limits<double>::denorm_min()},
  };
  for (const NumberCase& c : cases) {
    const auto number = number_of_text(c.text);
    ASSERT_TRUE(number) << c.text;
    EXPECT_EQ(number->number, c.number) << c.text;
  }
}

// The double that the standard library reads, to the last bit.
TEST(NumberText, decimals_of_any_length_are_rounded_once) {
  std::mt19937_64 random(19);
  const auto draw = [&](std::uint64_t below) { return random() % below; };
  for (int i = 0; i < 200'000; ++i) {
    std::string text = draw(3) == 0 ? "-" : "";
    const auto append_digits = [&](std::uint64_t most) {
      for (std::uint64_t digits = draw(most + 1); digits > 0; --digits) text += static_cast<char>('0' + draw(10));
    };
    append_digits(draw(2) == 0 ? 4 : 20);
    if (draw(4) != 0) text += '.';
    append_digits(draw(2) == 0 ? 4 : 20);
    if (draw(10) == 0) text += "e" + std::to_string(draw(40));
    double expected = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), expected);
    const auto number = exact_number(text);
    ASSERT_EQ(number.has_value(), error == std::errc() && end == text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(number.value_or(expected)), std::bit_cast<std::uint64_t>(expected)) << text;
    std::int64_t whole = 0;
    const auto [whole_end, whole_error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    const bool is_whole = whole_error == std::errc() && whole_end == text.data() + text.size();
    ASSERT_EQ(exact_integer(text), is_whole ? std::optional(whole) : std::nullopt) << text;
  }
}

TEST(NumberText, text_that_only_begins_with_a_number_is_none) {
  for (const char* text : {"",
                           " ",
                           "nan",
                           "NaN",
                           "-nan",
                           "inf",
                           "-inf",
                           "infinity",
                           "on",
                           "ON",
                           "true",
                           "unavailable",
                           "+",
                           "-",
                           "+-1",
                           "--1",
                           ".",
                           ",",
                           ",5",
                           "-,5",
                           "1,2,3",
                           "1,000,000",
                           "1.500,25",
                           "1,234.5",
                           "1.2.3",
                           "192.168.0.1",
                           "12:30",
                           "00:15:22",
                           "2026-11-21",
                           "5-10",
                           "1/2",
                           "0x1F",
                           "566CC39",
                           "4C:65:A8",
                           "4C:65",
                           "10 of 20",
                           "1 2",
                           "1e999",
                           "-1e999",
                           "1e5,3",
                           "{\"a\":1}",
                           "5 a unit that is too long",
                           "1\n2",
                           "1 \xE2\x80\xAE"
                           "2"}) {
    EXPECT_FALSE(number_of_text(text)) << text;
  }
}

TEST(NumberText, nul_behind_a_number_is_not_a_unit) {
  EXPECT_FALSE(number_of_text(std::string_view("1\0", 2)));
  EXPECT_FALSE(number_of_text(std::string_view("1 \0", 3)));
}

TEST(NumberText, unit_stands_behind_the_number) {
  const struct {
    const char* text;
    const char* unit;
  } cases[] = {
      {"21.5", ""},         {" 21.5\n", ""},          {"21.5 °C", "°C"},       {"21.5°C ", "°C"},   {"1,5 V", "V"},
      {"3 µg/m³", "µg/m³"}, {"21.5\xC2\xA0°C", "°C"}, {"5\xE2\x80\xAF%", "%"}, {"12 m3/h", "m3/h"},
  };
  for (const auto& c : cases) {
    const auto number = number_of_text(c.text);
    ASSERT_TRUE(number) << c.text;
    EXPECT_EQ(number->unit, c.unit) << c.text;
  }
}

TEST(NumberText, integer_that_a_double_does_not_hold_is_inexact) {
  const struct {
    const char* text;
    bool inexact;
  } cases[] = {
      {"9007199254740992", false},    {"9007199254740993", true},      {"-9007199254740993", true},
      {"9007199254740994", false},    {"9223372036854775808", false},  {"9223372036854775807", true},
      {"18446744073709551616", true}, {"9007199254740993.0", false},   {"9.007199254740993e15", false},
      {"9007199254740993 Wh", true},  {"123456789012345678901", true},
  };
  for (const auto& c : cases) EXPECT_EQ(number_of_text(c.text)->inexact, c.inexact) << c.text;
}

TEST(NumberText, words_and_sizes_that_are_not_finite) {
  for (const char* text : {"nan", "NaN", " NAN\n", "-nan", "inf", "+Inf", "-Infinity", "1e999", "-1e999", "0.1e999"}) {
    EXPECT_TRUE(is_not_finite(text)) << text;
  }
  for (const char* text : {"", "-", "nano", "in", "infinite", "1e-999", "0.1e-999", "1e5", "n/a", "1e999 W"}) {
    EXPECT_FALSE(is_not_finite(text)) << text;
  }
}

TEST(NumberText, exact_number_allows_only_blanks_around) {
  EXPECT_EQ(exact_number(" 21.5\n"), 21.5);
  EXPECT_EQ(exact_number("-1e2"), -100);
  EXPECT_EQ(exact_number("1e-999"), 0);
  for (const char* text : {"", "21.5 C", "1,5", "+7", "nan", "inf", "1e999", "0x10", "1 2"}) {
    EXPECT_FALSE(exact_number(text)) << text;
  }
}

TEST(NumberText, exact_integer_keeps_every_digit_and_refuses_overflow) {
  EXPECT_EQ(exact_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(exact_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", "9223372036854775808", "1.0", "1e3", "+1", "0x1"}) {
    EXPECT_FALSE(exact_integer(text)) << text;
  }
}

}  // namespace
}  // namespace edgetide
