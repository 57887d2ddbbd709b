// Bytes as text: base64 with padding.
//
// See: RFC 4648, 4. Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

inline void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = i; k < i + 3; ++k) {
      three = three << 8 | (k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0U);
    }
    const std::size_t used = 1 + (bytes.size() - i < 3 ? bytes.size() - i : 3);
    for (std::size_t k = 0; k < 4; ++k) out += k < used ? digits[three >> (18 - 6 * k) & 63] : '=';
  }
}

}  // namespace edgetide
