#include "daemon/service/regular_file.h"

#include <sys/stat.h>

namespace edgetide {

namespace {

constexpr off_t max_bytes = 16 * 1024 * 1024;

}  // namespace

std::string unfit_for_reading(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  if (!S_ISREG(status.st_mode)) return "is not a regular file";
  return status.st_size > max_bytes ? "is larger than 16 MiB" : std::string();
}

}  // namespace edgetide
