#pragma once

#include <optional>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "daemon/storage/checkpoint.h"
#include "daemon/storage/file_system.h"
#include "daemon/storage/journal_options.h"

namespace edgetide {

class CheckpointStore {
 public:
  CheckpointStore(FileSystem& files, const std::string& state_directory, CheckpointOptions options)
      : files_(files), folder_(state_directory + "/checkpoint"), options_(options) {}

  struct Found {
    std::optional<Checkpoint> checkpoint;
    std::vector<std::string> complaints;
  };
  std::variant<Found, std::string> newest() const;
  std::error_code write(const Checkpoint& checkpoint);
  std::uint64_t journal_from() const noexcept { return kept_.empty() ? 0 : kept_.front().journal_next; }

 private:
  struct Kept {
    std::string path;
    std::uint64_t journal_next;
  };
  FileSystem& files_;
  const std::string folder_;
  const CheckpointOptions options_;
  mutable std::vector<Kept> kept_;
  mutable std::uint64_t next_ = 1;
};

}  // namespace edgetide
