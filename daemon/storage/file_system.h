// The only access to files. Everything that opens, writes, syncs, renames, lists or locks goes through this interface,
// so that tests can use a file system that fails, tears writes and forgets unsynced bytes
// (tests/fakes/memory_file_system.h).
//
// What holds after a power cut: the bytes of a file as of its last `sync` that succeeded, and the names in a folder as
// of its last `sync_folder`; of anything newer an arbitrary part; a write may be there in part. When the process
// dies, nothing is lost for which a call has returned.
//
// Thread: a FileSystem, any. A File, one at a time, except that `sync` may run while another thread writes.
// Fails:  by a std::error_code with the errno. After a failed `write` any part of its bytes may be in the file. After a
//         failed `sync` the content on disk is unknown, even if a later `sync` succeeds: abandon the file.
// Blocks: every call may wait for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace edgetide {

// A value, or the reason that there is none.
template <typename Value>
struct [[nodiscard]] FileResult {
  Value value{};
  std::error_code error;
};

// An open file. Closed when destroyed.
class File {
 public:
  virtual ~File() = default;

  // All of `bytes`, or an error.
  [[nodiscard]] virtual std::error_code write(std::uint64_t offset, std::string_view bytes) noexcept = 0;
  // How many bytes were read: fewer than wanted only at the end of the file.
  virtual FileResult<std::size_t> read(std::uint64_t offset, std::span<char> into) noexcept = 0;
  virtual FileResult<std::uint64_t> size() noexcept = 0;
  [[nodiscard]] virtual std::error_code truncate(std::uint64_t size) noexcept = 0;
  // Takes disk space for `size` bytes in all without making the file longer. `truncate` gives back what is not used.
  [[nodiscard]] virtual std::error_code preallocate(std::uint64_t size) noexcept = 0;
  [[nodiscard]] virtual std::error_code sync() noexcept = 0;
};

// A lock file that is held. Let go when destroyed, and when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class FileAccess {
  read,
  update,      // read and write what is there
  create_new,  // fails if the name is there
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // invalid_argument: it is there and no regular file, but a folder, a FIFO, a socket, a device or a link.
  virtual FileResult<std::unique_ptr<File>> open(const std::string& path, FileAccess access) = 0;
  // The names in a folder, in no order.
  virtual FileResult<std::vector<std::string>> list(const std::string& folder) = 0;
  // One level. Fine if it is there.
  [[nodiscard]] virtual std::error_code make_folder(const std::string& path) = 0;
  // Within one folder; replaces what is called `to`, at once or not at all.
  [[nodiscard]] virtual std::error_code rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual std::error_code remove(const std::string& path) = 0;
  [[nodiscard]] virtual std::error_code sync_folder(const std::string& path) = 0;
  // The file is made when it is not there. operation_would_block: another process, or another lock of ours, holds it.
  virtual FileResult<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

}  // namespace edgetide
