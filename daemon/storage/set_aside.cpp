#include "daemon/storage/set_aside.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace edgetide {

namespace {

constexpr std::string_view damaged_suffix = ".damaged";
constexpr std::size_t max_files = 4;
constexpr int max_tries = 9;

// Something of another kind may have the name: a folder is not replaced.
bool is_taken(std::error_code error) noexcept {
  return error == std::errc::is_a_directory || error == std::errc::not_a_directory ||
         error == std::errc::directory_not_empty || error == std::errc::file_exists;
}

std::error_code rename_aside(FileSystem& files, const std::string& path) {
  std::error_code error = files.rename(path, path + std::string(damaged_suffix));
  for (int i = 2; is_taken(error) && i <= max_tries; ++i) {
    error = files.rename(path, path + '.' + std::to_string(i) + std::string(damaged_suffix));
  }
  return error;
}

}  // namespace

std::error_code set_aside(FileSystem& files, const std::string& path) {
  if (const std::error_code error = rename_aside(files, path)) return error;
  const std::string folder = path.substr(0, path.rfind('/'));
  FileResult<std::vector<std::string>> names = files.list(folder);
  std::erase_if(names.value, [](const std::string& name) { return !name.ends_with(damaged_suffix); });
  std::sort(names.value.begin(), names.value.end());
  for (std::size_t i = 0; i + max_files < names.value.size(); ++i) {
    const std::error_code error = files.remove(folder + '/' + names.value[i]);
    if (error && error != std::errc::is_a_directory) return error;  // a folder is not ours to empty
  }
  return {};
}

}  // namespace edgetide
