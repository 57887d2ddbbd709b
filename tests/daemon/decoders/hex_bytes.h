// Bytes as tests write them: "82 01 f5".
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace edgetide {

inline std::string bytes_of(std::string_view hexadecimal) {
  std::string bytes;
  std::string digits;
  for (const char c : hexadecimal) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::strtoul(digits.c_str(), nullptr, 16));
    digits.clear();
  }
  return bytes;
}

}  // namespace edgetide
