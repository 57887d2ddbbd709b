// Numbers in strings, as devices write them. The decimal point is '.', in every locale.
//
// Fails:  nothing for anything but a finite number: "nan", "inf", "on", "", 1e999.
// Thread: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace edgetide {

// Digits and nothing else but blanks around them.
std::optional<std::int64_t> exact_integer(std::string_view text) noexcept;
std::optional<double> exact_number(std::string_view text) noexcept;

// A number and what people put around it: blanks, a leading '+', a decimal comma ("1,5"; one comma is always decimal,
// so "1,500" is 1.5), a unit behind it ("21.5 °C", "42F", "12 m3/h"). A text that only begins with a number is none:
// "12:30", "2026-11-21", "1.2.3", "1,000,000", "0x1F", "4C:65:A8".
std::optional<double> number_of_text(std::string_view text) noexcept;

}  // namespace edgetide
