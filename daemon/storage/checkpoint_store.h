// The checkpoints of a state directory: `checkpoint/checkpoint-<number, 16 hex digits>`, the newest few of them.
//
// A new one is written under another name, synced and renamed; then the folder is synced. Only then is the oldest one
// removed. So after any failure or power cut the former newest one still exists (FORMAT.md, "Writing").
//
// Owns:   nothing of the file system, which outlives it.
// Thread: one owner at a time (the storage thread, once the daemon runs).
// Blocks: for disk writes and syncs.
// Fails:  `write` by std::error_code; nothing is lost then, and it can be tried again at any time.
// Limit:  options.keep files, one more during a write, and damaged ones until as many intact ones are newer.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/storage/checkpoint.h"
#include "daemon/storage/file_system.h"
#include "daemon/storage/journal_options.h"

namespace edgetide {

class CheckpointStore {
 public:
  CheckpointStore(FileSystem& files, const std::string& state_directory, CheckpointOptions options);

  struct Found {
    std::optional<Checkpoint> checkpoint;
    std::string path;                   // of it
    std::vector<std::string> warnings;  // newer files that were skipped, and why; one line each
    std::vector<std::string> damaged;   // paths of those whose content is not that of a checkpoint
    // Of all that are kept: its path, and the first journal record that it does not contain.
    std::vector<std::pair<std::string, std::uint64_t>> kept;
  };
  // The newest that is whole. Or why a person has to decide: a newer version of the format, or a file that may not be
  // read. Requires: before `write`.
  std::variant<Found, std::string> newest();

  [[nodiscard]] std::error_code write(const Checkpoint& checkpoint);

  // The first journal record that some kept checkpoint does not contain. 0: all of the journal is needed, as there are
  // fewer than options.keep, and falling back from the last of them would mean beginning at its start.
  std::uint64_t journal_from() const noexcept;

 private:
  struct Kept {
    std::uint64_t number;
    std::uint64_t journal_next;
  };

  std::string path_of(std::uint64_t number) const;
  FileResult<std::vector<std::uint64_t>> numbers() const;
  std::variant<Checkpoint, BadCheckpoint> load(const std::string& path) const;
  std::error_code write_file(const Checkpoint& checkpoint);
  std::error_code put_in_place(const Checkpoint& checkpoint);
  void remove_older();

  FileSystem& files_;
  const std::string folder_;
  const std::string unnamed_path_;  // where a checkpoint is written before it gets its name
  const std::size_t keep_;
  std::deque<Kept> kept_;  // whole and safe, oldest first; at most keep_
  std::uint64_t next_number_ = 1;
};

}  // namespace edgetide
