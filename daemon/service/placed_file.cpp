#include "daemon/service/placed_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "daemon/service/write_all.h"

namespace edgetide {

namespace {

std::string last_error(const std::string& path) {
  return path + ": " + std::generic_category().message(errno);
}

}  // namespace

PlacedFile place_file(const std::string& path, std::string_view bytes) {
  const std::string unnamed = path + ".new";
  Descriptor file(::open(unnamed.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file.is_open()) return {Descriptor(), last_error(unnamed)};
  if (const std::error_code error = write_all(file.get(), bytes))
    return {Descriptor(), unnamed + ": " + error.message()};
  if (::fdatasync(file.get()) != 0) return {Descriptor(), last_error(unnamed)};
  if (::rename(unnamed.c_str(), path.c_str()) != 0) return {Descriptor(), last_error(unnamed)};
  const std::size_t end = path.rfind('/');
  const std::string folder = end == std::string::npos ? "." : path.substr(0, end + 1);
  const std::error_code error = sync_folder(folder);
  return {std::move(file), error ? folder + ": " + error.message() : std::string()};
}

std::error_code sync_folder(const std::string& path) noexcept {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.is_open() && ::fsync(folder.get()) == 0) return {};
  return {errno, std::generic_category()};
}

}  // namespace edgetide
