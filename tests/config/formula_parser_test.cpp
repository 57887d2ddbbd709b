#include "config/formula_parser.h"

#include <cmath>
#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(FormulaParser, formulas_name_their_variables_and_compute) {
  const struct {
    const char* text;
    std::vector<std::string> variables;
    std::vector<double> inputs;
    double value;
  } cases[] = {
      {"voltage * current", {"current", "voltage"}, {3, 5}, 15},
      {"u.max - u.min", {"u.max", "u.min"}, {9, 4}, 5},
      {"(t - 32) / 1.8", {"t"}, {212}, 100},
      {"sqrt(x^2 + y^2)", {"x", "y"}, {3, 4}, 5},
      {"a > 3 ? 1 : 0", {"a"}, {4}, 1},
      {"a >= 3 && a != 4", {"a"}, {4}, 0},
      {"p1_temp.p99.9", {"p1_temp.p99.9"}, {7}, 7},
      {"a / 0", {"a"}, {1}, INFINITY},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_formula(c.text);
    ASSERT_TRUE(std::holds_alternative<ParsedFormula>(parsed)) << c.text;
    EXPECT_EQ(std::get<ParsedFormula>(parsed).variables, c.variables) << c.text;
    EXPECT_DOUBLE_EQ(std::get<ParsedFormula>(parsed).formula->evaluate(c.inputs), c.value) << c.text;
    EXPECT_EQ(std::get<ParsedFormula>(parsed).formula->text(), c.text);
  }
}

TEST(FormulaParser, mistakes_are_reported_with_their_position) {
  const struct {
    std::string text;
    const char* reason;
  } cases[] = {
      {"", ""},
      {"u *", ""},
      {"u * * i", ""},
      {"(u", ""},
      {"u i", ""},
      {"nothere(u)", ""},
      {"\"text\"", ""},
      {"1 + 2", "it names no value"},
      {"u = 3", "assigns nothing"},
      {"u += 3", "assigns nothing"},
      {std::string(1001, 'u'), "longer than 1000 characters"},
      {"a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q", "more than 16 variables"},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_formula(c.text);
    const auto* const error = std::get_if<FormulaError>(&parsed);
    ASSERT_NE(error, nullptr) << c.text;
    EXPECT_THAT(error->reason, HasSubstr(c.reason)) << c.text;
    EXPECT_LE(error->position, c.text.size() + 1) << c.text;
  }
}

}  // namespace
}  // namespace edgetide::test
