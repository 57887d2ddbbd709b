// The state directory of a running daemon: it exists, belongs to us, is writable, and is locked against a second
// daemon.
//
//   <path>/lock  journal/  checkpoint/  outbox/
//
// Owns:   the lock, for as long as it lives.
// Thread: main.
// Fails:  `open` returns the reason as a one-line message.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "daemon/storage/file_system.h"

namespace edgetide {

class StateDirectory {
 public:
  struct Refusal {
    std::string text;
    bool locked = false;  // by another daemon: it may be gone later. Else a person has to help
  };
  // Makes what is not there; one level below what is.
  static std::variant<StateDirectory, Refusal> open(FileSystem& files, const std::string& path);

 private:
  explicit StateDirectory(std::unique_ptr<FileLock> lock) : lock_(std::move(lock)) {}

  std::unique_ptr<FileLock> lock_;
};

}  // namespace edgetide
