#include "daemon/monitor/text_table.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace edgetide {

std::string short_text(Duration duration) {
  const std::int64_t microseconds = duration.count();
  if (microseconds < 0) return "-" + short_text(Duration() - duration);
  const std::int64_t seconds = microseconds / 1'000'000;
  const auto two = [](std::int64_t large, const char* unit, std::int64_t small, const char* small_unit) {
    return std::to_string(large) + unit + (small == 0 ? "" : ' ' + std::to_string(small) + small_unit);
  };
  if (seconds < 1) return std::to_string(microseconds / 1000) + "ms";
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3600, "h");
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + "B";
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f%s", value, units[unit]);
  return text.data();
}

}  // namespace edgetide
