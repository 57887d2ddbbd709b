#include "tests/config/configuration_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/parts.h"

namespace edgetide {

TemporaryFolder::TemporaryFolder() : folder_(std::filesystem::temp_directory_path() / "edgetide-config-XXXXXX") {
  if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no temporary folder");
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& text, unsigned mode) const {
  const std::string file = path(name);
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  std::filesystem::remove(file);  // a file that is truncated and written again is slow on some file systems
  std::ofstream(file, std::ios::binary) << text;
  ::chmod(file.c_str(), mode);
  return file;
}

Variable::Variable(const char* name, const char* value) : name_(name) {
  const char* before = std::getenv(name);
  was_set_ = before != nullptr;
  if (was_set_) before_ = before;
  if (value != nullptr) {
    ::setenv(name, value, 1);
  } else {
    ::unsetenv(name);
  }
}

Variable::~Variable() {
  if (was_set_) {
    ::setenv(name_.c_str(), before_.c_str(), 1);
  } else {
    ::unsetenv(name_.c_str());
  }
}

std::string errors_of_file(const std::string& path, const std::string& folder, const LoadOptions& options) {
  std::string text;
  try {
    load_configuration(path, options);
  } catch (const ConfigErrors& errors) {
    text = errors.what();
  }
  for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder))
    text.erase(at, folder.size());
  return text;
}

std::string errors_of(const std::string& text, const LoadOptions& options) {
  const TemporaryFolder folder;
  return errors_of_file(folder.write("edgetide.toml", text), folder.path(""), options);
}

Configuration loaded(const std::string& text, const LoadOptions& options) {
  const TemporaryFolder folder;
  try {
    return load_configuration(folder.write("edgetide.toml", text), options);
  } catch (const ConfigErrors& errors) {
    ADD_FAILURE() << errors.what() << "in:\n" << text;
    return {};
  }
}

bool leaves_parts_out() {
  const Parts& parts = built_in_parts();
  return !parts.sources.left_out.empty() || !parts.formats.left_out.empty() || !parts.windows.left_out.empty() ||
         !parts.sinks.left_out.empty();
}

std::string warnings_of(const std::string& text) {
  std::string warnings;
  for (const ConfigMessage& message : loaded(text).warnings) warnings += to_text(message, "warning");
  return warnings;
}

}  // namespace edgetide
