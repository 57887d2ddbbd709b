#include "daemon/decoders/time_field.h"

#include <cmath>

#include "daemon/decoders/number_text.h"
#include "pipeline/floor_divide.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

TimeFormat format_by_size(double number) noexcept {
  const double size = std::abs(number);
  if (size < 5e9) return TimeFormat::unix_s;
  if (size < 5e12) return TimeFormat::unix_ms;
  if (size < 5e15) return TimeFormat::unix_us;
  return TimeFormat::unix_ns;
}

std::optional<Timestamp> scaled(std::int64_t number, std::int64_t factor) noexcept {
  std::int64_t microseconds = 0;
  if (__builtin_mul_overflow(number, factor, &microseconds)) return std::nullopt;
  return Timestamp::microseconds(microseconds);
}

std::optional<Timestamp> nearest(double microseconds) noexcept {
  constexpr double limit = 9223372036854774784.0;  // the largest double below 2^63
  if (!(std::abs(microseconds) <= limit)) return std::nullopt;
  return Timestamp::microseconds(static_cast<std::int64_t>(std::round(microseconds)));
}

}  // namespace

std::optional<Timestamp> time_of_integer(std::int64_t number, TimeFormat format) noexcept {
  if (format == TimeFormat::automatic) format = format_by_size(static_cast<double>(number));
  switch (format) {
    case TimeFormat::unix_s:
      return scaled(number, 1'000'000);
    case TimeFormat::unix_ms:
      return scaled(number, 1'000);
    case TimeFormat::unix_us:
      return Timestamp::microseconds(number);
    case TimeFormat::unix_ns:
      return Timestamp::microseconds(floor_divide(number, 1000));
    case TimeFormat::automatic:
    case TimeFormat::rfc3339:
      break;
  }
  return std::nullopt;
}

std::optional<Timestamp> time_of_number(double number, TimeFormat format) noexcept {
  if (format == TimeFormat::automatic) format = format_by_size(number);
  switch (format) {
    case TimeFormat::unix_s:
      return nearest(number * 1e6);
    case TimeFormat::unix_ms:
      return nearest(number * 1e3);
    case TimeFormat::unix_us:
      return nearest(number);
    case TimeFormat::unix_ns:
      return nearest(number / 1e3);
    case TimeFormat::automatic:
    case TimeFormat::rfc3339:
      break;
  }
  return std::nullopt;
}

std::optional<Timestamp> time_of_text(std::string_view text, TimeFormat format) noexcept {
  if (format == TimeFormat::automatic || format == TimeFormat::rfc3339) {
    const auto time = parse_rfc3339(text);
    if (time || format == TimeFormat::rfc3339) return time;
  }
  if (const auto integer = exact_integer(text)) return time_of_integer(*integer, format);
  if (const auto number = exact_number(text)) return time_of_number(*number, format);
  return std::nullopt;
}

}  // namespace edgetide
