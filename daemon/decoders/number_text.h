// Numbers in strings, as devices write them. The decimal point is '.', in every locale. A number that is too small for
// a double, such as 1e-400, is 0; one that is too large is not finite.
//
// Fails:  nothing for anything but a finite number: "nan", "inf", "on", "", 1e999.
// Thread: pure.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edgetide {

// Digits and nothing else but blanks around them.
std::optional<std::int64_t> exact_integer(std::string_view text) noexcept;
std::optional<double> exact_number(std::string_view text) noexcept;

struct NumberText {
  double number = 0;
  std::string_view unit = {};  // what stands behind it, without blanks
  bool inexact = false;        // an integer beyond 2^53 that a double cannot hold
};

// A number and what people put around it: blanks, a leading '+', a decimal comma ("1,5"; one comma is always decimal,
// so "1,500" is 1.5), a unit behind it ("21.5 °C", "42F", "12 m3/h"). A text that only begins with a number is none:
// "12:30", "2026-11-21", "1.2.3", "1,000,000", "0x1F", "4C:65:A8".
std::optional<NumberText> number_of_text(std::string_view text) noexcept;

// True for integers that a double does not hold: some of those beyond 2^53.
inline bool is_inexact(std::uint64_t number) noexcept {
  constexpr std::uint64_t exact = std::uint64_t{1} << 53;
  return number > exact && (number >> std::countr_zero(number)) > exact;
}
inline bool is_inexact(std::int64_t number) noexcept {
  const auto bits = static_cast<std::uint64_t>(number);
  return is_inexact(number < 0 ? std::uint64_t{0} - bits : bits);
}

// True for what stands for a value that is not finite: "nan", "-inf", "+Infinity" without regard to case, 1e999.
bool is_not_finite(std::string_view text) noexcept;

// What std::from_chars says is out of range, with all that it took: 0 for what is too small, else infinity.
double out_of_range_number(std::string_view digits) noexcept;

std::string_view without_blanks(std::string_view text) noexcept;

}  // namespace edgetide
