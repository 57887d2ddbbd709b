#include "daemon/storage/posix_file_system.h"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "daemon/service/descriptor.h"
#include "daemon/service/placed_file.h"

namespace edgetide {

namespace {

constexpr mode_t file_mode = 0640;
constexpr mode_t folder_mode = 0750;

std::error_code last_error() noexcept {
  return {errno, std::generic_category()};
}

std::error_code error_unless(bool fine) noexcept {
  return fine ? std::error_code() : last_error();
}

class PosixFile final : public File {
 public:
  explicit PosixFile(Descriptor descriptor) noexcept : descriptor_(std::move(descriptor)) {}

  std::error_code write(std::uint64_t offset, std::string_view bytes) noexcept override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return last_error();
      if (written == 0) return std::make_error_code(std::errc::io_error);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  FileResult<std::size_t> read(std::uint64_t offset, std::span<char> into) noexcept override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t count =
          ::pread(descriptor_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return {done, last_error()};
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return {done, {}};
  }

  FileResult<std::uint64_t> size() noexcept override {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0) return {0, last_error()};
    return {static_cast<std::uint64_t>(status.st_size), {}};
  }

  std::error_code truncate(std::uint64_t size) noexcept override {
    return error_unless(::ftruncate(descriptor_.get(), static_cast<off_t>(size)) == 0);
  }
  std::error_code preallocate(std::uint64_t size) noexcept override {
    return error_unless(::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0);
  }
  std::error_code sync() noexcept override { return error_unless(::fdatasync(descriptor_.get()) == 0); }

 private:
  Descriptor descriptor_;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor descriptor) noexcept : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

// Of `open`, with O_NOFOLLOW: a link, a socket, a folder that is to be written.
bool is_other_kind(int error) noexcept {
  return error == ELOOP || error == ENXIO || error == EISDIR;
}

int flags_of(FileAccess access) noexcept {
  switch (access) {
    case FileAccess::read:
      return O_RDONLY;
    case FileAccess::update:
      return O_RDWR;
    case FileAccess::create_new:
      break;
  }
  return O_RDWR | O_CREAT | O_EXCL;
}

}  // namespace

FileResult<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, FileAccess access) {
  // Without O_NONBLOCK a FIFO would keep us waiting for ever.
  Descriptor descriptor(::open(path.c_str(), flags_of(access) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, file_mode));
  if (!descriptor.is_open()) {
    if (is_other_kind(errno)) return {nullptr, std::make_error_code(std::errc::invalid_argument)};
    return {nullptr, last_error()};
  }
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) return {nullptr, last_error()};
  if (!S_ISREG(status.st_mode)) return {nullptr, std::make_error_code(std::errc::invalid_argument)};
  return {std::make_unique<PosixFile>(std::move(descriptor)), {}};
}

FileResult<std::vector<std::string>> PosixFileSystem::list(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
  if (entries == nullptr) return {{}, last_error()};
  FileResult<std::vector<std::string>> names;
  while (true) {
    errno = 0;  // only errno shows whether readdir failed or reached the end
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.value.emplace_back(name);
  }
  names.error = error_unless(errno == 0);
  return names;
}

std::error_code PosixFileSystem::make_folder(const std::string& path) {
  return error_unless(::mkdir(path.c_str(), folder_mode) == 0 || errno == EEXIST);
}

std::error_code PosixFileSystem::rename(const std::string& from, const std::string& to) {
  return error_unless(::rename(from.c_str(), to.c_str()) == 0);
}

std::error_code PosixFileSystem::remove(const std::string& path) {
  return error_unless(::unlink(path.c_str()) == 0);
}

std::error_code PosixFileSystem::sync_folder(const std::string& path) {
  return edgetide::sync_folder(path);
}

FileResult<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, file_mode));
  if (!descriptor.is_open() || ::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) return {nullptr, last_error()};
  return {std::make_unique<PosixLock>(std::move(descriptor)), {}};
}

}  // namespace edgetide
