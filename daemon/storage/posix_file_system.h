// The file system of the machine.
//
// Files are made with mode 0640, folders with 0750, less the umask. `sync` is fdatasync, locks are flock.
// Thread: any. Fails: file_system.h.
#pragma once

#include "daemon/storage/file_system.h"

namespace edgetide {

class PosixFileSystem final : public FileSystem {
 public:
  FileResult<std::unique_ptr<File>> open(const std::string& path, FileAccess access) override;
  FileResult<std::vector<std::string>> list(const std::string& folder) override;
  std::error_code make_folder(const std::string& path) override;
  std::error_code rename(const std::string& from, const std::string& to) override;
  std::error_code remove(const std::string& path) override;
  std::error_code sync_folder(const std::string& path) override;
  FileResult<std::unique_ptr<FileLock>> lock(const std::string& path) override;
};

}  // namespace edgetide
