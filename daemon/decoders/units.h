// Units that are written behind numbers, as far as one can be converted to another: those of one quantity, with their
// decimal prefixes ("kW" to "W", "°F" to "°C", "mbar" to "hPa").
//
// Fails:  nothing for a unit that is not known, or of another quantity.
// Thread: pure.
#pragma once

#include <optional>
#include <string_view>

namespace edgetide {

// `value` in the unit `from`, in the unit `to`.
std::optional<double> converted(double value, std::string_view from, std::string_view to) noexcept;

// The same, looked up once: (value + before) * multiply / divide - after.
struct UnitConversion {
  double before = 0;
  double multiply = 1;
  double divide = 1;
  double after = 0;
  // One multiplication and one division, so that kW to W and W to kW are exact where the result is.
  double operator()(double value) const noexcept {
    const double shifted = value + before;
    return (multiply == divide ? shifted : shifted * multiply / divide) - after;
  }
  bool operator==(const UnitConversion&) const = default;
};
std::optional<UnitConversion> unit_conversion(std::string_view from, std::string_view to) noexcept;

}  // namespace edgetide
