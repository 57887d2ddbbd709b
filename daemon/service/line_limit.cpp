#include "daemon/service/line_limit.h"

namespace edgetide {

std::vector<std::pair<std::string, std::uint64_t>> LineLimit::take_withheld() {
  std::vector<std::pair<std::string, std::uint64_t>> withheld;
  for (const auto& [kind, lines] : std::exchange(lines_, {})) {
    if (lines > max_lines) withheld.emplace_back(kind, lines - max_lines);
  }
  return withheld;
}

}  // namespace edgetide
