#include "daemon/sources/spool_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <memory>
#include <stdexcept>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <system_error>
#include <tuple>

#include "daemon/sources/file_bytes.h"

namespace edgetide {

namespace {

constexpr mode_t done_folder_mode = 0750;
constexpr int max_equal_names = 1000;

std::string reason() {
  return std::generic_category().message(errno);
}

}  // namespace

FoundFile found_file(std::string name, const struct stat& status, bool is_taken) {
  return {std::move(name), status.st_ino, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
          static_cast<std::uint64_t>(status.st_size), is_taken};
}

void SpoolFolder::open() {
  folder_ = Descriptor(::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_.is_open()) throw std::runtime_error("folder " + options_.folder + ": " + reason());
  if (!list()) throw std::runtime_error("folder " + options_.folder + ": " + reason());
  if (options_.when_done == WhenDone::move && !options_.tail) open_done_folder();
  watch();
}

void SpoolFolder::open_done_folder() {
  const std::string& path = options_.done_folder;
  if (mkdir(path.c_str(), done_folder_mode) != 0 && errno != EEXIST) {
    throw std::runtime_error("done_folder " + path + ": " + reason());
  }
  done_ = Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat here {
  }, there{};
  if (!done_.is_open() || fstat(folder_.get(), &here) != 0 || fstat(done_.get(), &there) != 0) {
    throw std::runtime_error("done_folder " + path + ": " + reason());
  }
  if (here.st_dev != there.st_dev) {
    throw std::runtime_error("done_folder " + path +
                             " is on another file system than folder, so files cannot be moved");
  }
}

void SpoolFolder::watch() {
  changes_ = Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes_.is_open()) return;
  std::uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (options_.tail) mask |= IN_CREATE | IN_MODIFY;
  if (inotify_add_watch(changes_.get(), options_.folder.c_str(), mask) < 0) changes_ = Descriptor();
}

void SpoolFolder::close() noexcept {
  changes_ = Descriptor();
  done_ = Descriptor();
  folder_ = Descriptor();
}

bool SpoolFolder::is_current() const noexcept {
  struct stat open {
  }, named{};
  return folder_.is_open() && fstat(folder_.get(), &open) == 0 && stat(options_.folder.c_str(), &named) == 0 &&
         open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

bool SpoolFolder::takes(const std::string& name) const noexcept {
  if (name.ends_with(".tmp") || name.ends_with(".part")) return false;
  const Compression compression = compression_of(name);
  if (compression != Compression::none && options_.tail) return false;
  return fnmatch(options_.match.c_str(), name.c_str(), FNM_PERIOD) == 0;
}

std::optional<FoundFile> SpoolFolder::find(const std::string& name) const {
  struct stat status {};
  if (fstatat(folder_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return found_file(name, status, takes(name));
}

std::optional<std::vector<FoundFile>> SpoolFolder::list() const {
  Descriptor copy(openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy.is_open()) return std::nullopt;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(copy.get()), closedir);
  if (folder == nullptr) return std::nullopt;
  (void)copy.release();
  std::vector<FoundFile> files;
  std::size_t taken = 0;
  while (const dirent* const entry = readdir(folder.get())) {
    if (entry->d_name[0] == '.' || (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)) continue;
    if (files.size() - taken == max_listed_files && !takes(entry->d_name)) continue;
    auto file = find(entry->d_name);
    if (!file) continue;
    taken += file->is_taken ? 1 : 0;
    files.push_back(std::move(*file));
    if (taken == max_listed_files) break;
  }
  std::sort(files.begin(), files.end(), [](const FoundFile& a, const FoundFile& b) {
    return std::tie(a.changed_ns, a.name) < std::tie(b.changed_ns, b.name);
  });
  return files;
}

Descriptor SpoolFolder::open_file(const FoundFile& file) const {
  const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  Descriptor descriptor(openat(folder_.get(), file.name.c_str(), flags));
  struct stat status {};
  if (descriptor.is_open() &&
      (fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino != file.inode)) {
    errno = ENOENT;
    return Descriptor();
  }
  return descriptor;
}

SpoolFolder::Change SpoolFolder::read_changes() {
  alignas(inotify_event) char buffer[4096];
  Change change;
  const ssize_t got = read(changes_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < got;) {
    const auto* const event = reinterpret_cast<const inotify_event*>(buffer + at);
    (event->mask & IN_MODIFY ? change.content : change.names) = true;
    at += static_cast<ssize_t>(sizeof *event + event->len);
  }
  return change;
}

std::string SpoolFolder::put_away(const FoundFile& file, bool is_damaged) {
  const std::optional<FoundFile> there = find(file.name);
  if (!there || there->inode != file.inode) return {};
  if (options_.when_done == WhenDone::move) return move(file.name);
  if (is_damaged) {
    const std::string hidden = '.' + file.name + ".damaged";
    if (renameat(folder_.get(), file.name.c_str(), folder_.get(), hidden.c_str()) == 0) return {};
    return "cannot rename " + file.name + ": " + reason();
  }
  if (unlinkat(folder_.get(), file.name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return "cannot delete " + file.name + ": " + reason();
}

// A name that is there already gets a number.
std::string SpoolFolder::move(const std::string& name) {
  std::string to = name;
  for (int number = 1; number <= max_equal_names; ++number) {
    if (renameat2(folder_.get(), name.c_str(), done_.get(), to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno == EINVAL && faccessat(done_.get(), to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
      // A file system without RENAME_NOREPLACE, such as NFS.
      if (renameat(folder_.get(), name.c_str(), done_.get(), to.c_str()) == 0) return {};
    }
    if (errno == ENOENT && !find(name)) return {};
    if (errno != EEXIST && errno != EINVAL) break;
    to = name + '.' + std::to_string(number);
  }
  return "cannot move " + name + " to " + options_.done_folder + ": " + reason();
}

std::string SpoolFolder::sync() noexcept {
  const bool is_synced = fsync(folder_.get()) == 0 && (!done_.is_open() || fsync(done_.get()) == 0);
  return is_synced || errno == EINVAL ? std::string() : "cannot sync " + options_.folder + ": " + reason();
}

}  // namespace edgetide
