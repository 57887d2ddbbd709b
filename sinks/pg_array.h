// A PostgreSQL array as the text that `$1::bigint[]` and its like read, built element by element.
//
// Doubles are the shortest text that reads back equal; what is not finite is NULL, as in every other sink.
// See: PostgreSQL documentation, 8.15.6 "Array Input and Output Syntax".
// Thread: a value. Fails: never; bytes that are no text for the server are the server's to refuse.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

class PgArray {
 public:
  void add(std::int64_t value) { add_number(value); }
  void add(double value) { std::isfinite(value) ? add_number(value) : add_null(); }
  // In full digits without exponent, for a bigint column.
  void add_integral(double value) { std::isfinite(value) ? add_number(value, std::chars_format::fixed) : add_null(); }
  void add_text(std::string_view value) {
    separate();
    text_ += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
  }
  void add_bytes(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    separate();
    text_ += "\"\\\\x";
    for (const char c : bytes) {
      text_ += digits[static_cast<unsigned char>(c) >> 4];
      text_ += digits[static_cast<unsigned char>(c) & 15];
    }
    text_ += '"';
  }
  void add_null() {
    separate();
    text_ += "NULL";
  }

  // The whole literal; the array is empty afterwards.
  std::string take() {
    text_ += '}';
    std::string whole(1, '{');
    whole.swap(text_);
    return whole;
  }

 private:
  void separate() {
    if (text_.size() > 1) text_ += ',';
  }

  template <typename... Format>
  void add_number(Format... value) {
    separate();
    char digits[320];  // the largest double has 309 digits before its point
    const auto result = std::to_chars(digits, digits + sizeof digits, value...);
    text_.append(digits, static_cast<std::size_t>(result.ptr - digits));
  }

  std::string text_ = std::string(1, '{');
};

}  // namespace edgetide
