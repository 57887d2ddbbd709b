#include "daemon/service/boot_age.h"

#include <cstdlib>
#include <fstream>

namespace edgetide {

namespace {

constexpr int digits_of_id = 32;

int hexadecimal(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::uint64_t boot_of_text(std::string_view text) noexcept {
  std::uint64_t high = 0, low = 0;
  int digits = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const int digit = hexadecimal(c);
    if (digit < 0) return 0;
    high = high << 4 | low >> 60;
    low = low << 4 | static_cast<std::uint64_t>(digit);
    ++digits;
  }
  return digits == digits_of_id ? high ^ low : 0;
}

std::uint64_t this_boot(const std::string& root) {
  std::string line;
  std::ifstream file(root + "proc/sys/kernel/random/boot_id");
  std::getline(file, line);
  if (const std::uint64_t boot = boot_of_text(line)) return boot;
  const char* const passed = std::getenv("EDGETIDE_BOOT_ID");
  return passed == nullptr ? 0 : boot_of_text(passed);
}

}  // namespace edgetide
