#include "daemon/storage/numbered_name.h"

#include <charconv>

namespace edgetide {

namespace {

constexpr std::size_t digits = 16;
constexpr std::uint64_t max_number = std::uint64_t{1} << 62;
constexpr std::string_view hex = "0123456789abcdef";

}  // namespace

std::string numbered_name(std::string_view name, std::uint64_t number, std::string_view suffix) {
  std::string file = std::string(name) + '-';
  for (std::size_t i = digits; i-- > 0;) file += hex[(number >> (4 * i)) & 15];
  return file.append(suffix);
}

std::optional<std::uint64_t> parse_numbered_name(std::string_view name, std::string_view file,
                                                 std::string_view suffix) noexcept {
  if (file.size() != name.size() + 1 + digits + suffix.size()) return std::nullopt;
  if (!file.starts_with(name) || file[name.size()] != '-' || !file.ends_with(suffix)) return std::nullopt;
  const std::string_view text = file.substr(name.size() + 1, digits);
  if (text.find_first_not_of(hex) != std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (number > max_number) return std::nullopt;  // those that follow it would not fit
  return number;
}

}  // namespace edgetide
