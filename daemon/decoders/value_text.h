// How a route reads values that are written as text: numbers, numbers with a unit, and the words of states.
//
// Units:  a unit in the text is compared with the route's, and converted where it can be (units.h). It is not looked at
//         where the route names none, or has a scale or an offset, which may be there for the conversion.
// Owns:   the words. Thread: immutable after construction.
// Fails:  a refusal: bad_number for text that is none of these, not_finite for "nan" and "inf", bad_unit. Construction
//         throws std::invalid_argument with a reason ("states: ...").
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/states.h"
#include "daemon/decoders/units.h"

namespace edgetide {

struct ValueOfText {
  double number = 0;
  bool inexact = false;  // an integer that a double does not hold
};

class ValueReader {
 public:
  explicit ValueReader(const MappingOptions& options)
      : states_(options.states, options.coerce_strings),
        coerce_strings_(options.coerce_strings),
        true_(states_.find("true").value_or(1)),
        false_(states_.find("false").value_or(0)) {}

  double boolean(bool value) const noexcept { return value ? true_ : false_; }
  std::optional<double> state(std::string_view word) const noexcept { return states_.find(word); }
  // `unit`: that of the value as it is taken, empty where none is compared.
  std::variant<ValueOfText, Refusal> read(std::string_view text, std::string_view unit) const noexcept;

 private:
  States states_;
  bool coerce_strings_;
  double true_;
  double false_;
};

// "F->C": the two units; both empty where the field converts nothing.
struct UnitNames {
  std::string_view from, to;
};
inline UnitNames units_of(std::string_view convert) noexcept {
  constexpr std::string_view arrow = "->";
  const std::size_t at = convert.find(arrow);
  if (at == std::string_view::npos) return {};
  return {without_blanks(convert.substr(0, at)), without_blanks(convert.substr(at + arrow.size()))};
}
// Nothing: there is none of that name.
inline std::optional<UnitConversion> conversion_of(const ValueField& field) noexcept {
  const UnitNames names = units_of(field.convert);
  return unit_conversion(names.from, names.to);
}

// A value that is listed in `values`.
class ListedValue {
 public:
  // Requires: `field` is valid, and outlives this.
  explicit ListedValue(const ValueField& field) : field_(&field), conversion_(conversion_of(field)) {}

  const ValueField& field() const noexcept { return *field_; }
  // What `read` is given for it.
  std::string_view compared_unit() const noexcept {
    if (conversion_) return units_of(field_->convert).from;
    return field_->scale == 1 && field_->offset == 0 ? std::string_view(field_->unit) : std::string_view();
  }
  std::string_view unit() const noexcept { return conversion_ ? units_of(field_->convert).to : field_->unit; }
  double taken(double number) const noexcept {
    return (conversion_ ? (*conversion_)(number) : number) * field_->scale + field_->offset;
  }

 private:
  const ValueField* field_;
  std::optional<UnitConversion> conversion_;
};

}  // namespace edgetide
