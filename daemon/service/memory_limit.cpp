#include "daemon/service/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace edgetide {

namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

// A group is limited by those above it too. "max" does not limit.
std::uint64_t limit_of_groups() {
  std::ifstream groups("/proc/self/cgroup");
  std::uint64_t limit = no_limit;
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::/")) continue;
    std::string path = line.substr(3);
    while (!path.empty()) {
      std::ifstream file("/sys/fs/cgroup" + path + "/memory.max");
      std::uint64_t bytes = 0;
      if (file >> bytes) limit = std::min(limit, bytes);
      path.resize(path.rfind('/'));
    }
  }
  return limit;
}

std::uint64_t limit_of_process() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return no_limit;
  return limit.rlim_cur;
}

std::uint64_t size_of_machine() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return no_limit;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
}

}  // namespace

std::uint64_t memory_limit_bytes() {
  return std::min({limit_of_groups(), limit_of_process(), size_of_machine()});
}

}  // namespace edgetide
