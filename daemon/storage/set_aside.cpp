#include "daemon/storage/set_aside.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace edgetide {

namespace {

constexpr std::string_view suffix = ".damaged";
constexpr std::size_t max_files = 4;

}  // namespace

std::error_code set_aside(FileSystem& files, const std::string& path) {
  if (const std::error_code error = files.rename(path, path + std::string(suffix))) return error;
  const std::string folder = path.substr(0, path.rfind('/'));
  FileResult<std::vector<std::string>> names = files.list(folder);
  std::erase_if(names.value, [](const std::string& name) { return !name.ends_with(suffix); });
  std::sort(names.value.begin(), names.value.end());
  for (std::size_t i = 0; i + max_files < names.value.size(); ++i) {
    if (const std::error_code error = files.remove(folder + '/' + names.value[i])) return error;
  }
  return {};
}

}  // namespace edgetide
