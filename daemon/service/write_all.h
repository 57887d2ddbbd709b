// Writes all bytes to a descriptor, in as many parts as it takes.
//
// Thread: any. Blocks: as write(2). Fails: the error; some of the bytes may be written then.
#pragma once

#include <cerrno>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace edgetide {

inline std::error_code write_all(int descriptor, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return {errno, std::generic_category()};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace edgetide
