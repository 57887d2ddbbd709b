#include "daemon/decoders/value_text.h"

#include <cmath>

#include "daemon/decoders/number_text.h"
#include "daemon/decoders/units.h"

namespace edgetide {

namespace {

std::variant<ValueOfText, Refusal> in_unit(const NumberText& read, std::string_view unit) noexcept {
  if (read.unit.empty() || unit.empty() || read.unit == unit) return ValueOfText{read.number, read.inexact};
  const std::optional<double> number = converted(read.number, read.unit, unit);
  if (!number) return Refusal::bad_unit;
  return ValueOfText{*number, read.inexact};
}

}  // namespace

std::variant<ValueOfText, Refusal> ValueReader::read(std::string_view text, std::string_view unit) const noexcept {
  if (const auto number = number_of_text(text)) {
    if (coerce_strings_) return in_unit(*number, unit);
    if (exact_number(text)) return ValueOfText{number->number, number->inexact};
    return Refusal::bad_number;
  }
  text = without_blanks(text);
  if (const auto state = states_.find(text)) return ValueOfText{*state};
  return is_not_finite(text) ? Refusal::not_finite : Refusal::bad_number;
}

}  // namespace edgetide
