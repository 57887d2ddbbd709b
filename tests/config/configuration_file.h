// Configuration files in a temporary folder, and the messages of loading them.
#pragma once

#include <string>

#include "config/config.h"

namespace edgetide {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return folder_ + '/' + name; }
  // Readable by the owner only, unless told otherwise. Returns the path.
  std::string write(const std::string& name, const std::string& text, unsigned mode = 0600) const;

 private:
  std::string folder_;
};

// Sets a variable of the environment, or unsets it (nullptr), until the end of the scope.
class Variable {
 public:
  Variable(const char* name, const char* value);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
  std::string before_;
  bool was_set_;
};

// What is printed for a text that does not load, with the folder left out of the file's name; empty when it loads.
std::string errors_of(const std::string& text, const LoadOptions& options = {});
std::string errors_of_file(const std::string& path, const std::string& folder, const LoadOptions& options = {});

// Requires: the text loads; the test fails otherwise.
Configuration loaded(const std::string& text, const LoadOptions& options = {});

// For tests that need every part: a build option leaves one out, and they skip.
bool leaves_parts_out();

// All warnings, as printed.
std::string warnings_of(const std::string& text);

}  // namespace edgetide
