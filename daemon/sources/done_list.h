// Which files of a folder are done, where they stay in it: a file with a line "INODE CHANGED_NS SIZE HASH" for each,
// that is appended to, and written again without the files that are gone when they are more than the others. The hash
// is that of file_content.h; a line may be without one.
//
// Owns:   its descriptor. Thread: one. Blocks: for the disk.
// Fails:  by the reason; what was added is then not on disk. A torn last line is ignored: its file is done again.
// Limit:  the files that the folder has (max_listed_files of spool_folder.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/service/descriptor.h"
#include "daemon/sources/spool_folder.h"

namespace edgetide {

class DoneList {
 public:
  // Empty path: there is none.
  explicit DoneList(std::string path) : path_(std::move(path)) {}

  // Throws std::runtime_error.
  void open();
  bool has(const FoundFile& file) const noexcept;
  // Of a file that is there with this size and another time: the hash of its content, if it is known.
  std::optional<std::uint64_t> content_of(const FoundFile& file) const noexcept;
  std::string add(const FoundFile& file, std::optional<std::uint64_t> content);
  std::string sync() noexcept;
  // Those that are not among all files of the folder are forgotten.
  void keep(const std::vector<FoundFile>& files);

 private:
  struct Entry {
    std::int64_t changed_ns;
    std::uint64_t size;
    std::optional<std::uint64_t> content;
  };
  static std::string line_of(std::uint64_t inode, const Entry& entry);
  void load(const std::string& text);
  void write_again();

  const std::string path_;
  Descriptor file_;
  std::map<std::uint64_t, Entry> entries_;  // by inode
  std::size_t lines_ = 0;                   // in the file
  bool is_torn_ = false;                    // its last line may be a part
};

}  // namespace edgetide
