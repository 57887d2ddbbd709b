// A temporary folder in which `edgetide replay` writes a checkpoint to disk and reads it again.
//
// Owns:   the folder; the destructor removes it.
// Thread: one. Blocks: for disk writes.
// Fails:  std::runtime_error with a message.
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
