#include "config/condition_parser.h"

#include <gmock/gmock.h>
#include <limits>

namespace edgetide::test {
namespace {

constexpr double null = std::numeric_limits<double>::quiet_NaN();

TEST(ConditionParser, conditions_may_be_written_as_in_sql_or_as_formulas) {
  const struct {
    const char* text;
    std::vector<double> inputs;  // by name of the variable
    bool holds;
  } cases[] = {
      {"avg > 30 or count = 0", {31, 4}, true},
      {"avg > 30 or count = 0", {30, 4}, false},
      {"avg > 30 or count = 0", {null, 0}, true},
      {"avg > 30 OR count == 0", {null, 4}, false},
      {"avg>30 AND count<>0", {31, 1}, true},
      {"avg>30 and count != 0", {31, 0}, false},
      {"not (avg > 30)", {30}, true},
      {"not avg > 30 and not count >= 3", {30, 2}, true},
      {"avg <> 3", {null}, false},
      {"avg = 3", {null}, false},
      {"max - min >= 5", {9, 4}, true},
      {"(last - avg) / stddev > 3", {1, 10, 2}, true},
      {"p99.9 <= 4", {4}, true},
      {"orange + android > notes", {1, 2, 3}, true},               // android, notes, orange
      {"min <= -5 || max >= 40 && count > 2", {3, 41, -4}, true},  // count, max, min
  };
  for (const auto& c : cases) {
    const auto parsed = parse_condition(c.text);
    ASSERT_TRUE(std::holds_alternative<ParsedFormula>(parsed))
        << c.text << ": " << std::get<FormulaError>(parsed).reason;
    const auto& formula = std::get<ParsedFormula>(parsed);
    ASSERT_EQ(formula.variables.size(), c.inputs.size()) << c.text;
    EXPECT_EQ(formula.formula->evaluate(c.inputs) != 0, c.holds) << c.text;
  }
}

TEST(ConditionParser, mistakes_have_their_position_in_the_text_as_written) {
  const struct {
    const char* text;
    std::size_t position;
  } cases[] = {
      {"avg = 3 and count > ) 4", 20},
      {"1 = 1", 0},
      {"avg >", 5},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_condition(c.text);
    ASSERT_TRUE(std::holds_alternative<FormulaError>(parsed)) << c.text;
    EXPECT_EQ(std::get<FormulaError>(parsed).position, c.position) << c.text;
  }
}

}  // namespace
}  // namespace edgetide::test
