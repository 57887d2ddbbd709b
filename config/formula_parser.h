// Formulas of derived metrics: text to a Formula and the metrics it reads. The only user of muParser.
//
// A variable is a metric (its average), or metric.aggregate: voltage, voltage.max, p1_temp.p95. Operators and functions
// are muParser's: + - * / ^ ( ) ?: < > == && ||, sqrt, abs, exp, ln, log10, sin, min, max, sum, avg...; and <>, !.
//
// Limit:  1000 characters, 16 variables. Thread: parse on any thread; a Formula has one user at a time.
// Fails:  with a reason and the position in the text.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/formula.h"

namespace edgetide {

struct ParsedFormula {
  std::vector<std::string> variables;  // as written, in the order in which the formula takes them
  std::shared_ptr<const Formula> formula;
};

struct FormulaError {
  std::string reason;
  std::size_t position = 0;  // in the text
};

std::variant<ParsedFormula, FormulaError> parse_formula(const std::string& text);

}  // namespace edgetide
