// The folder of a spool source: which files it has, when that changes, and where those go that are done.
//
// Only regular files count, and no symbolic links: a name that leads elsewhere or to a FIFO is not opened. Names that
// begin with '.' or end in ".tmp" or ".part" are not taken: their writers are to rename them when they are complete.
//
// Owns:   descriptors of the folder, of the one for what is done, and of inotify.
// Thread: one. Blocks: for the disk.
// Fails:  `open` throws std::runtime_error; the others say why.
// Limit:  max_listed_files of a folder are looked at, and as many that are not taken by their names; of more, the
//         others' turn comes when those are done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "daemon/service/descriptor.h"
#include "daemon/sources/spool_options.h"

namespace edgetide {

inline constexpr std::size_t max_listed_files = 10'000;

struct FoundFile {
  std::string name;
  std::uint64_t inode = 0;
  std::int64_t changed_ns = 0;  // modification time, since 1970
  std::uint64_t size = 0;
  bool is_taken = false;  // by its name
};

// As the system sees it now.
FoundFile found_file(std::string name, const struct stat& status, bool is_taken);

class SpoolFolder {
 public:
  // Outlive this.
  explicit SpoolFolder(const SpoolOptions& options) : options_(options) {}

  // Makes the folder for what is done; opens all.
  void open();
  void close() noexcept;
  // The path leads to the folder that is open.
  bool is_current() const noexcept;

  // Its regular files, those that changed first in front. Nothing: it cannot be read.
  std::optional<std::vector<FoundFile>> list() const;
  // The file of this name, if it is a regular one.
  std::optional<FoundFile> find(const std::string& name) const;
  // Closed: it is not what was found, or cannot be opened (errno).
  Descriptor open_file(const FoundFile& file) const;

  // Of inotify; -1: there is none, and the folder must be listed now and then.
  int changes() const noexcept { return changes_.get(); }
  // What has changed since the last time: whether files came or went, and whether some grew (with `tail`).
  struct Change {
    bool names = false, content = false;
  };
  Change read_changes();

  // As `when_done` says, but for `keep`. The reason that it cannot be done; none if the file is gone already. One that
  // is damaged is not deleted, but renamed to ".NAME.damaged".
  std::string put_away(const FoundFile& file, bool is_damaged);
  // So that a power cut does not bring back what was put away.
  std::string sync() noexcept;

 private:
  bool takes(const std::string& name) const noexcept;
  void open_done_folder();
  void watch();
  std::string move(const std::string& name);

  const SpoolOptions& options_;
  Descriptor folder_, done_, changes_;
};

}  // namespace edgetide
