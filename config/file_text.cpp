#include "config/file_text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/service/descriptor.h"

namespace edgetide {

namespace {

constexpr const char* not_regular = "is not a regular file";

// Reads at most one byte more than allowed. False: errno says why.
bool read_up_to(int descriptor, std::size_t max_bytes, std::string& text) {
  char block[16 * 1024];
  while (text.size() <= max_bytes) {
    const std::size_t wanted = std::min(sizeof block, max_bytes + 1 - text.size());
    const ssize_t count = ::read(descriptor, block, wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) return true;
    text.append(block, static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

FileText read_file_text(const std::string& path, std::size_t max_bytes) {
  FileText file;
  struct stat status {};
  // Asked before as well: to open a device may do something to it.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    file.error = not_regular;
    return file;
  }
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!descriptor.is_open()) {
    file.error = std::string("cannot be opened: ") + std::strerror(errno);
    return file;
  }
  if (::fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    file.error = not_regular;
    return file;
  }
  file.mode = static_cast<unsigned>(status.st_mode) & 07777U;
  if (!read_up_to(descriptor.get(), max_bytes, file.text)) {
    file.error = std::string("cannot be read: ") + std::strerror(errno);
  } else if (file.text.size() > max_bytes) {
    file.error = "is larger than " + std::to_string(max_bytes / 1024) + " KiB";
  }
  return file;
}

}  // namespace edgetide
