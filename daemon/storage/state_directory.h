// The state directory of a running daemon: it exists, belongs to us, is writable, and is locked against a second
// daemon.
//
//   <path>/lock  journal/  checkpoint/  outbox/
//
// One of them that is something else, a plain file or a link to nothing, is set aside as `*.damaged` and made again.
//
// Owns:   the lock, for as long as it lives.
// Thread: main.
// Fails:  `open` returns the reason as a one-line message.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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

  // What was set aside, one line each.
  const std::vector<std::string>& reports() const noexcept { return reports_; }

 private:
  StateDirectory(std::unique_ptr<FileLock> lock, std::vector<std::string> reports)
      : lock_(std::move(lock)), reports_(std::move(reports)) {}

  std::unique_ptr<FileLock> lock_;
  std::vector<std::string> reports_;
};

}  // namespace edgetide
