#include "config/rate_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace edgetide {

namespace {

struct RateUnit {
  std::string_view name;
  std::int64_t in_an_hour;
};
constexpr std::array<RateUnit, 3> rate_units = {{{"/s", 3600}, {"/m", 60}, {"/h", 1}}};

}  // namespace

std::optional<double> parse_rate(std::string_view text) noexcept {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  for (const RateUnit& unit : rate_units) {
    if (unit.name == text) return number * static_cast<double>(unit.in_an_hour);
  }
  return std::nullopt;
}

std::string rate_text(std::int64_t per_hour) {
  for (const RateUnit& unit : rate_units) {
    if (per_hour % unit.in_an_hour == 0) return std::to_string(per_hour / unit.in_an_hour).append(unit.name);
  }
  return {};
}

}  // namespace edgetide
