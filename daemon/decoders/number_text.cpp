#include "daemon/decoders/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <system_error>

#include "daemon/decoders/short_decimal.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr double exact_integers_end = 9007199254740992;    // 2^53
constexpr std::int64_t far_power = std::int64_t{1} << 60;  // power of ten, beyond what any text shifts

constexpr bool is_space(char c) noexcept {
  return is_blank(c) || c == '\v' || c == '\f';
}

[[gnu::always_inline]] inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Blanks in front, also the no-break space and the narrow one that stand between a number and its unit.
std::string_view unit_behind(std::string_view rest) noexcept {
  for (const std::string_view space : {"\xC2\xA0", "\xE2\x80\xAF"}) {
    if (rest.starts_with(space)) rest.remove_prefix(space.size());
  }
  return without_blanks(rest);
}

// Numbers begin with a digit or a point, so that "nan" and "inf" are none.
[[gnu::noinline]] std::optional<double> take_unusual_number(std::string_view& text) noexcept {
  const std::size_t sign = !text.empty() && text.front() == '-' ? 1 : 0;
  if (sign == text.size() || (!is_digit(text[sign]) && text[sign] != '.')) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error == std::errc::result_out_of_range) number = out_of_range_number(text.substr(0, length));
  if (error == std::errc::invalid_argument || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(length);
  return number;
}

// Takes a number off the front.
[[gnu::always_inline]] inline std::optional<double> take_number(std::string_view& text) noexcept {
  const auto decimal = short_decimal(text);
  if (!decimal || !decimal->is_exact()) [[unlikely]]
    return take_unusual_number(text);
  text.remove_prefix(decimal->length);
  return decimal->number();
}

// Behind the whole digits `whole` of "1,5": the number with its comma as a point.
std::optional<double> take_decimal_comma(std::string_view whole, std::string_view& rest) noexcept {
  std::array<char, 64> digits{};
  std::size_t length = 1;
  while (length < rest.size() && is_digit(rest[length])) ++length;
  if (whole.size() + length > digits.size()) return std::nullopt;
  std::copy(whole.begin(), whole.end(), digits.begin());
  std::copy_n(rest.begin(), length, digits.begin() + static_cast<std::ptrdiff_t>(whole.size()));
  digits[whole.size()] = '.';
  std::string_view point(digits.data(), whole.size() + length);
  rest.remove_prefix(length);
  return take_number(point);
}

// What may follow a number: nothing, or a unit ("°C", "%", " m3/h"); `apart`: a blank stood between.
bool is_unit(std::string_view text, bool apart) noexcept {
  if (text.empty()) return true;
  if (text.size() > 16 || (is_ascii(text.front()) && !is_letter(text.front()) && text.front() != '%')) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' || (is_digit(text[i]) && !(apart && is_letter(text[i - 1])))) return false;
  }
  return true;
}

// Requires: `digits` is the text of `number`, which is beyond 2^53.
bool is_inexact_text(std::string_view digits, double number) noexcept {
  if (digits.find_first_of(".eE") != std::string_view::npos) return false;
  std::uint64_t magnitude = 0;
  const std::string_view unsigned_digits = digits.substr(digits.front() == '-' ? 1 : 0);
  const auto [end, error] =
      std::from_chars(unsigned_digits.data(), unsigned_digits.data() + unsigned_digits.size(), magnitude);
  return error != std::errc() || std::abs(number) != static_cast<double>(magnitude) || is_inexact(magnitude);
}

}  // namespace

std::string_view without_blanks(std::string_view text) noexcept {
  return trimmed(text);
}

bool is_not_finite(std::string_view text) noexcept {
  text = without_blanks(text);
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const auto is = [&](std::string_view word) {
    return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                      [](char a, char b) { return (static_cast<unsigned char>(a) | 0x20) == b; });
  };
  if (text.empty() || is("nan") || is("inf") || is("infinity")) return !text.empty();
  if (!is_digit(text.front()) && text.front() != '.') return false;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc::result_out_of_range && end == text.data() + text.size() && out_of_range_number(text) != 0;
}

// By the power of ten of the first digit that is not 0: what is out of range is far from 1.
double out_of_range_number(std::string_view digits) noexcept {
  const bool is_negative = digits.starts_with('-');
  if (is_negative) digits.remove_prefix(1);
  const std::size_t mark = std::min(digits.find_first_of("eE"), digits.size());
  const std::size_t point = std::min(digits.find('.'), mark), first = digits.find_first_of("123456789");
  std::int64_t power = 0;
  if (mark < digits.size()) {
    std::string_view exponent = digits.substr(mark + 1);
    const bool is_small = exponent.starts_with('-');
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    const auto [end, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
    if (error == std::errc::result_out_of_range) power = is_small ? -far_power : far_power;
  }
  power =
      std::clamp(power, -far_power, far_power) + static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  const double number = power < 0 ? 0 : std::numeric_limits<double>::infinity();
  return is_negative ? -number : number;
}

std::optional<std::int64_t> exact_integer(std::string_view text) noexcept {
  text = without_blanks(text);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (const auto whole = short_decimal(text);
      whole && whole->length == text.size() && whole->decimals == 0 && whole->digits <= most) [[likely]] {
    const auto magnitude = static_cast<std::int64_t>(whole->digits);
    return whole->negative ? -magnitude : magnitude;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> exact_number(std::string_view text) noexcept {
  text = without_blanks(text);
  const auto number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

std::optional<NumberText> number_of_text(std::string_view text) noexcept {
  text = trimmed(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  std::string_view rest = text;
  auto number = take_number(rest);
  if (!number) return std::nullopt;
  const std::string_view taken = text.substr(0, text.size() - rest.size());
  if (rest.empty() && std::abs(*number) < exact_integers_end) return NumberText{*number};
  bool inexact = false;
  if (rest.size() > 1 && rest[0] == ',' && is_digit(rest[1])) {
    if (taken.find_first_of(".eE") != std::string_view::npos) return std::nullopt;
    number = take_decimal_comma(taken, rest);
    if (!number) return std::nullopt;
  } else if (std::abs(*number) >= exact_integers_end) {
    inexact = is_inexact_text(taken, *number);
  }
  const std::string_view unit = unit_behind(rest);
  if (!is_unit(unit, unit.size() < rest.size())) return std::nullopt;
  return NumberText{*number, unit, inexact};
}

}  // namespace edgetide
