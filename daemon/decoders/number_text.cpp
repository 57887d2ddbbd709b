#include "daemon/decoders/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

#include "pipeline/characters.h"

namespace edgetide {

namespace {

std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes a number off the front. Numbers begin with a digit or a point, so that "nan" and "inf" are none.
std::optional<double> take_number(std::string_view& text) noexcept {
  const std::size_t sign = !text.empty() && text.front() == '-' ? 1 : 0;
  if (sign == text.size() || (!is_digit(text[sign]) && text[sign] != '.')) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
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

// True for what may follow a number: nothing, or a unit ("°C", "%", " m3/h").
bool is_unit(std::string_view text) noexcept {
  if (text.empty()) return true;
  const bool apart = is_blank(text.front());
  text = without_blanks(text);
  if (text.size() > 16 || (is_ascii(text.front()) && !is_letter(text.front()) && text.front() != '%')) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' || (is_digit(text[i]) && !(apart && is_letter(text[i - 1])))) return false;
  }
  return true;
}

}  // namespace

std::optional<std::int64_t> exact_integer(std::string_view text) noexcept {
  text = without_blanks(text);
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

std::optional<double> number_of_text(std::string_view text) noexcept {
  text = without_blanks(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  std::string_view rest = text;
  auto number = take_number(rest);
  if (!number) return std::nullopt;
  const std::string_view taken = text.substr(0, text.size() - rest.size());
  if (rest.size() > 1 && rest[0] == ',' && is_digit(rest[1])) {
    if (taken.find_first_of(".eE") != std::string_view::npos) return std::nullopt;
    number = take_decimal_comma(taken, rest);
  }
  return is_unit(rest) ? number : std::nullopt;
}

}  // namespace edgetide
