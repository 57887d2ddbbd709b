#include "config/size_text.h"

#include <array>
#include <charconv>

namespace edgetide {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<Unit, 4> binary_units = {{{"GiB", 1LL << 30}, {"MiB", 1LL << 20}, {"KiB", 1LL << 10}, {"B", 1}}};
constexpr std::array<Unit, 4> decimal_units = {
    {{"GB", 1'000'000'000}, {"MB", 1'000'000}, {"kB", 1'000}, {"KB", 1'000}}};

std::int64_t bytes_of(std::string_view unit) noexcept {
  for (const Unit& known : binary_units) {
    if (known.name == unit) return known.bytes;
  }
  for (const Unit& known : decimal_units) {
    if (known.name == unit) return known.bytes;
  }
  return 0;
}

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  const std::int64_t bytes = bytes_of(unit);
  std::int64_t size = 0;
  if (bytes == 0 || __builtin_mul_overflow(number, bytes, &size)) return std::nullopt;
  return size;
}

std::string size_text(std::int64_t bytes) {
  for (const Unit& unit : binary_units) {
    if (bytes != 0 && bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes).append(unit.name);
  }
  return "0B";
}

}  // namespace edgetide
