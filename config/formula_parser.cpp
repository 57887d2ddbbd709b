#include "config/formula_parser.h"

#include <algorithm>
#include <array>
#include <limits>
#include <muParser.h>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t max_text_bytes = 1000;
constexpr std::size_t max_variables = 16;
constexpr const char* name_characters = "0123456789_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// Null, a NaN, differs from nothing, as it equals nothing.
double differs(double a, double b) {
  return a < b || a > b ? 1 : 0;
}
double negated(double value) {
  return value == 0 ? 1 : 0;
}

void prepare(mu::Parser& parser) {
  parser.DefineNameChars(name_characters);
  parser.DefineOprt("<>", differs, mu::prCMP, mu::oaLEFT);
  parser.DefineInfixOprt("!", negated, mu::prLAND + 1);  // as NOT of SQL: after comparisons
}

class MuParserFormula final : public Formula {
 public:
  MuParserFormula(const std::string& text, const std::vector<std::string>& variables) : text_(text) {
    prepare(parser_);
    for (std::size_t i = 0; i < variables.size(); ++i) parser_.DefineVar(variables[i], &values_[i]);
    parser_.SetExpr(text);
    parser_.Eval();  // compiles; a mistake shows here
  }

  double evaluate(std::span<const double> inputs) const noexcept override {
    try {
      for (std::size_t i = 0; i < inputs.size(); ++i) values_[i] = inputs[i];
      return parser_.Eval();
    } catch (...) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  }

  std::string_view text() const noexcept override { return text_; }

 private:
  const std::string text_;
  mutable std::array<double, max_variables> values_{};
  mu::Parser parser_;
};

std::vector<std::string> variables_of(const std::string& text) {
  mu::Parser parser;
  prepare(parser);
  parser.SetExpr(text);
  std::vector<std::string> names;
  for (const auto& [name, value] : parser.GetUsedVar()) names.push_back(name);
  return names;
}

}  // namespace

std::variant<ParsedFormula, FormulaError> parse_formula(const std::string& text) {
  if (text.size() > max_text_bytes) return FormulaError{"longer than 1000 characters", max_text_bytes};
  const std::size_t assignment = text.find('=');
  const bool assigns = assignment != std::string::npos &&
                       text.find_first_of("=<>!", assignment + 1) != assignment + 1 &&
                       (assignment == 0 || std::string("=<>!").find(text[assignment - 1]) == std::string::npos);
  if (assigns) return FormulaError{"a formula assigns nothing", assignment};
  try {
    ParsedFormula parsed;
    parsed.variables = variables_of(text);
    if (parsed.variables.empty()) return FormulaError{"it names no value", 0};
    if (parsed.variables.size() > max_variables) return FormulaError{"more than 16 variables", 0};
    parsed.formula = std::make_shared<MuParserFormula>(text, parsed.variables);
    return parsed;
  } catch (const mu::Parser::exception_type& error) {
    return FormulaError{error.GetMsg(),
                        std::min(static_cast<std::size_t>(std::max<int>(error.GetPos(), 0)), text.size())};
  }
}

}  // namespace edgetide
