// Conditions on rows: `where` of a sink. A formula (formula_parser.h) over the aggregates of a row that may also be
// written as in SQL: and, or, not, =, <>.
//
// Limit, thread, fails: formula_parser.h; positions are those in the text as written.
#pragma once

#include <string>
#include <variant>

#include "config/formula_parser.h"

namespace edgetide {

std::variant<ParsedFormula, FormulaError> parse_condition(const std::string& text);

}  // namespace edgetide
