// What `edgetide replay` restarts from: a checkpoint that is written to disk and read again, in a temporary folder.
//
// Owns:   the folder; it goes with it.
// Thread: one. Blocks: as long as the disk wants.
// Fails:  std::runtime_error, with a text for a person.
#pragma once

#include <string>

#include "daemon/storage/checkpoint_store.h"
#include "daemon/storage/posix_file_system.h"

namespace edgetide {

class RestartFolder {
 public:
  RestartFolder();
  ~RestartFolder();
  RestartFolder(const RestartFolder&) = delete;
  RestartFolder& operator=(const RestartFolder&) = delete;

  // A pipeline's snapshot, as the disk gives it back.
  std::string through_disk(std::string snapshot);

 private:
  const std::string path_;
  PosixFileSystem files_;
  CheckpointStore store_;
};

}  // namespace edgetide
