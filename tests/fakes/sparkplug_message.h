// Payloads of Sparkplug B as edge nodes write them, field by field; written apart from the code under test.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

namespace edgetide::test {

inline std::string varint(std::uint64_t number) {
  std::string bytes;
  do {
    const auto low = static_cast<unsigned char>(number % 128);
    number /= 128;
    bytes += static_cast<char>(number > 0 ? low + 128 : low);
  } while (number > 0);
  return bytes;
}

inline std::string field(unsigned number, std::uint64_t value) {
  return varint(number * 8) + varint(value);
}
inline std::string field(unsigned number, std::string_view bytes) {
  return varint(number * 8 + 2) + varint(bytes.size()) + std::string(bytes);
}
template <typename Real>
std::string real_field(unsigned number, Real value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return varint(number * 8 + (sizeof value == 8 ? 1 : 5)) + bytes;
}

// Parts of a metric.
inline std::string name(std::string_view text) {
  return field(1, text);
}
inline std::string alias(std::uint64_t number) {
  return field(2, number);
}
inline std::string at(std::uint64_t milliseconds) {
  return field(3, milliseconds);
}
inline std::string type(std::uint64_t datatype) {
  return field(4, datatype);
}
inline std::string historical() {
  return field(5, 1);
}
inline std::string null() {
  return field(7, 1);
}
inline std::string int_value(std::uint64_t number) {
  return field(10, number);
}
inline std::string long_value(std::uint64_t number) {
  return field(11, number);
}
inline std::string float_value(float number) {
  return real_field(12, number);
}
inline std::string double_value(double number) {
  return real_field(13, number);
}
inline std::string boolean_value(bool value) {
  return field(14, value ? 1 : 0);
}
inline std::string string_value(std::string_view text) {
  return field(15, text);
}

// Parts of a payload.
inline std::string sent_at(std::uint64_t milliseconds) {
  return field(1, milliseconds);
}
inline std::string seq(std::uint64_t number) {
  return field(3, number);
}
inline std::string metric(std::initializer_list<std::string> parts) {
  std::string bytes;
  for (const std::string& part : parts) bytes += part;
  return field(2, bytes);
}

enum Type : std::uint64_t {
  int8 = 1,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float_type,
  double_type,
  boolean,
  string,
  date_time,
  text,
  uuid,
  data_set,
  bytes,
  file,
  template_type
};

}  // namespace edgetide::test
