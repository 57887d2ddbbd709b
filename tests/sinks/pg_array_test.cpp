#include "sinks/pg_array.h"

#include <gtest/gtest.h>
#include <limits>

namespace edgetide::test {
namespace {

std::string text_of(const std::string& value) {
  PgArray array;
  array.add_text(value);
  return array.take();
}
std::string number_of(double value) {
  PgArray array;
  array.add(value);
  return array.take();
}
std::string integral_of(double value) {
  PgArray array;
  array.add_integral(value);
  return array.take();
}

TEST(PgArray, elements_are_separated_by_commas) {
  PgArray array;
  EXPECT_EQ(array.take(), "{}");
  array.add(std::int64_t{1});
  array.add_null();
  array.add(std::int64_t{-3});
  EXPECT_EQ(array.take(), "{1,NULL,-3}");
  EXPECT_EQ(array.take(), "{}");
}

TEST(PgArray, text_is_always_quoted_with_quotes_and_backslashes_escaped) {
  const struct {
    const char* text;
    const char* array;
  } cases[] = {
      {"", R"({""})"},         {"NULL", R"({"NULL"})"}, {"a,b", R"({"a,b"})"},   {"{x}", R"({"{x}"})"},
      {"\"", R"({"\""})"},     {"\\", R"({"\\"})"},     {"\\\"", R"({"\\\""})"}, {"it's", R"({"it's"})"},
      {"温度", R"({"温度"})"}, {" ", R"({" "})"},
  };
  for (const auto& c : cases) EXPECT_EQ(text_of(c.text), c.array);
}

TEST(PgArray, double_is_the_shortest_text_that_reads_back) {
  const double infinite = std::numeric_limits<double>::infinity();
  const struct {
    double value;
    const char* array;
  } cases[] = {
      {0.1, "{0.1}"},        {-0.0, "{-0}"},
      {1e308, "{1e+308}"},   {-1e308, "{-1e+308}"},
      {5e-324, "{5e-324}"},  {infinite, "{NULL}"},
      {-infinite, "{NULL}"}, {std::numeric_limits<double>::quiet_NaN(), "{NULL}"},
  };
  for (const auto& c : cases) EXPECT_EQ(number_of(c.value), c.array) << c.value;
}

TEST(PgArray, integral_double_has_all_its_digits_and_no_exponent) {
  const struct {
    double value;
    const char* array;
  } cases[] = {
      {0, "{0}"},
      {1e6, "{1000000}"},
      {9007199254740991.0, "{9007199254740991}"},
      {1e18, "{1000000000000000000}"},
      {-3, "{-3}"},
      {std::numeric_limits<double>::quiet_NaN(), "{NULL}"},
  };
  for (const auto& c : cases) EXPECT_EQ(integral_of(c.value), c.array) << c.value;
  EXPECT_EQ(integral_of(std::numeric_limits<double>::max()).size(), 311U);
}

TEST(PgArray, integers_reach_both_ends) {
  PgArray array;
  array.add(std::numeric_limits<std::int64_t>::min());
  array.add(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(array.take(), "{-9223372036854775808,9223372036854775807}");
}

}  // namespace
}  // namespace edgetide::test
