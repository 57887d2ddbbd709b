// Decimal numbers of few digits, as nearly all readings are, at the front of a text: the same double as std::from_chars
// gives, in a tenth of its instructions.
//
// Exact: a whole number up to 2^53 and a power of ten up to 10^22 are doubles, so that their quotient is rounded once.
// Thread: pure.
// Fails:  nothing for whatever else may begin here, or may go on (an exponent, "5."): std::from_chars has to say.
// Limit:  19 digits and points.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edgetide {

inline constexpr std::array<double, 20> powers_of_ten = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                                         1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};

struct ShortDecimal {
  std::uint64_t digits = 0;  // without the point
  std::size_t decimals = 0;
  std::size_t length = 0;  // in the text
  bool negative = false;
  bool has_leading_zero = false;  // "012", which some grammars forbid

  // Else `number` is only near it.
  bool is_exact() const noexcept { return digits <= std::uint64_t{1} << 53; }
  double number() const noexcept {
    const double magnitude = static_cast<double>(digits) / powers_of_ten[decimals];
    return negative ? -magnitude : magnitude;
  }
};

// Appends the digits at the front to a number, and says where they end.
[[gnu::always_inline]] inline const char* take_digits(const char* at, const char* end, std::uint64_t& number) noexcept {
  for (; at != end; ++at) {
    const std::uint64_t digit = std::uint64_t{static_cast<unsigned char>(*at)} - '0';
    if (digit > 9) break;
    number = number * 10 + digit;
  }
  return at;
}

[[gnu::always_inline]] inline std::optional<ShortDecimal> short_decimal(std::string_view text) noexcept {
  constexpr std::size_t max_characters = 19;  // so many digits fit in 64 bits
  const char* at = text.data();
  const char* const end = at + text.size();
  ShortDecimal decimal;
  if (at != end && *at == '-') {
    decimal.negative = true;
    ++at;
  }
  const char* const first = at;
  at = take_digits(at, end, decimal.digits);
  if (at == first) return std::nullopt;
  decimal.has_leading_zero = *first == '0' && at - first > 1;
  if (at != end && *at == '.') {
    const char* const point = at;
    at = take_digits(at + 1, end, decimal.digits);
    decimal.decimals = static_cast<std::size_t>(at - point - 1);
    if (decimal.decimals == 0) return std::nullopt;
  }
  const bool goes_on = at != end && (*at == 'e' || *at == 'E');
  if (goes_on || static_cast<std::size_t>(at - first) > max_characters) return std::nullopt;
  decimal.length = static_cast<std::size_t>(at - text.data());
  return decimal;
}

}  // namespace edgetide
