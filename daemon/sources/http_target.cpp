#include "daemon/sources/http_target.h"

#include <utility>

namespace edgetide {

namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// '+' and '#' too: they are wildcards in a route, not in what it is compared with.
bool may_be_in_topic(char c) noexcept {
  return static_cast<unsigned char>(c) >= ' ' && c != 0x7F;
}

}  // namespace

std::optional<std::string> topic_of_path(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::string topic;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      if (i + 2 >= path.size()) return std::nullopt;
      const int high = hex_digit(path[i + 1]), low = hex_digit(path[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (c == '/') return std::nullopt;
      i += 2;
    }
    if (!may_be_in_topic(c)) return std::nullopt;
    topic += c;
  }
  return topic;
}

std::optional<TimeFormat> time_format_of_precision(std::string_view precision) noexcept {
  constexpr std::pair<std::string_view, TimeFormat> known[] = {
      {"ns", TimeFormat::unix_ns},     {"n", TimeFormat::unix_ns},   {"us", TimeFormat::unix_us},
      {"u", TimeFormat::unix_us},      {"ms", TimeFormat::unix_ms},  {"s", TimeFormat::unix_s},
      {"m", TimeFormat::unix_minutes}, {"h", TimeFormat::unix_hours}};
  for (const auto& [word, format] : known) {
    if (precision == word) return format;
  }
  return std::nullopt;
}

}  // namespace edgetide
