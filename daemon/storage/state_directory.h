#pragma once

#include <memory>
#include <string>
#include <variant>

#include "daemon/storage/file_system.h"

namespace edgetide {

class StateDirectory {
 public:
  struct Refusal {
    std::string text;
    bool locked = false;
  };
  static std::variant<StateDirectory, Refusal> open(FileSystem& files, const std::string& path) {
    if (auto error = files.make_folder(path)) return Refusal{path + ": " + error.message()};
    for (const char* const part : {"/journal", "/checkpoint", "/outbox"}) {
      if (auto error = files.make_folder(path + part)) return Refusal{path + part + ": " + error.message()};
    }
    auto lock = files.lock(path + "/lock");
    if (lock.error == std::errc::operation_would_block) {
      return Refusal{path + ": another instance of edgetide is using it", true};
    }
    if (lock.error) return Refusal{path + "/lock: " + lock.error.message()};
    return StateDirectory(std::move(lock.value));
  }

 private:
  explicit StateDirectory(std::unique_ptr<FileLock> lock) : lock_(std::move(lock)) {}
  std::unique_ptr<FileLock> lock_;
};

}  // namespace edgetide
