// A file system in memory that fails on request and, when it crashes, forgets what was not synced.
//
// After `crash()` a file has the content of its last successful sync, and a folder the names of its last sync_folder.
// With a seed, part of the newer changes survives: of each file some of the later writes, in order, the last one torn,
// perhaps with zeros in place of missing bytes; of the folders some of the later changes, in order. Files and locks
// opened before the crash are dead.
//
// A failed write leaves half of its bytes. A failed sync forgets the unsynced bytes, as Linux does: a later sync
// succeeds but does not make them safe.
//
// Folders need not be created, except that listing an unknown one fails.
// Thread: any.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "daemon/storage/file_system.h"

namespace edgetide::test {

class MemoryFileSystem final : public FileSystem {
 public:
  // The n-th operation from now on fails, 1 being the next one; if sticky, so do all after it. 0 ends all failing.
  void fail_at(std::uint64_t n, int error, bool sticky = false) {
    const std::lock_guard lock(mutex_);
    fail_at_ = n == 0 ? 0 : operations_ + n;
    fail_error_ = error;
    fail_sticky_ = sticky;
  }
  // The n-th operation from now on is the last one of this run, a write in part; all later ones fail and do nothing,
  // until `crash` or `forget_handles`. 0: none is.
  void die_at(std::uint64_t n) {
    const std::lock_guard lock(mutex_);
    dies_at_ = n == 0 ? 0 : operations_ + n;
  }
  bool dead() const {
    const std::lock_guard lock(mutex_);
    return is_dead();
  }
  std::uint64_t operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
  }

  // The power goes and comes back.
  void crash(std::optional<std::uint64_t> seed = std::nullopt) {
    const std::lock_guard lock(mutex_);
    std::minstd_rand random(static_cast<std::uint32_t>(seed.value_or(0)));
    const auto some = [&](std::size_t most) { return seed ? random() % (most + 1) : 0; };
    ++life_;
    dies_at_ = 0;
    locked_.clear();
    apply_changes(some(changes_.size()));
    changes_.clear();
    entries_ = safe_entries_;
    for (auto& [path, node] : entries_) {
      const std::size_t whole = some(node->unsynced.size() * 2), torn = some(1000), zeros = some(1);
      node->survive(whole, torn, zeros == 1);
    }
  }
  // The process dies: locks go, files stay.
  void forget_handles() {
    const std::lock_guard lock(mutex_);
    ++life_;
    dies_at_ = 0;
    locked_.clear();
  }

  // The disk cannot read these bytes of what is called `path` any more.
  void make_unreadable(const std::string& path, std::size_t begin, std::size_t end) {
    const std::lock_guard lock(mutex_);
    entries_.at(path)->unreadable = {begin, end};
  }

  // As a person with an editor would, safe at once.
  void set_content(const std::string& path, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    auto node = std::make_shared<Node>();
    node->content = node->synced = bytes;
    entries_[path] = safe_entries_[path] = node;
    folders_.insert(path.substr(0, path.rfind('/')));
  }
  std::string content(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(path);
    return found == entries_.end() ? std::string() : found->second->content;
  }
  std::vector<std::string> paths() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [path, node] : entries_) all.push_back(path);
    return all;
  }
  std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const auto& [path, node] : entries_) sum += node->content.size();
    return sum;
  }

  FileResult<std::unique_ptr<File>> open(const std::string& path, FileAccess access) override {
    const std::lock_guard lock(mutex_);
    if (const auto error = operate()) return {nullptr, error};
    const auto found = entries_.find(path);
    if (access != FileAccess::create_new) {
      if (found == entries_.end()) return {nullptr, error_of(ENOENT)};
      return {std::make_unique<OpenFile>(*this, found->second, access == FileAccess::update), {}};
    }
    if (found != entries_.end()) return {nullptr, error_of(EEXIST)};
    const auto node = std::make_shared<Node>();
    change({{path, node}});
    folders_.insert(path.substr(0, path.rfind('/')));
    return {std::make_unique<OpenFile>(*this, node, true), {}};
  }

  FileResult<std::vector<std::string>> list(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    if (const auto error = operate()) return {{}, error};
    if (!folders_.contains(folder)) return {{}, error_of(ENOENT)};
    std::vector<std::string> names;
    for (const auto& [path, node] : entries_) {
      if (is_in(path, folder)) names.push_back(path.substr(folder.size() + 1));
    }
    return {names, {}};
  }

  std::error_code make_folder(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (const auto error = operate()) return error;
    folders_.insert(path);
    return {};
  }
  std::error_code rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    if (const auto error = operate()) return error;
    const auto found = entries_.find(from);
    if (found == entries_.end()) return error_of(ENOENT);
    const auto node = found->second;
    change({{from, nullptr}, {to, node}});
    return {};
  }
  std::error_code remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (const auto error = operate()) return error;
    if (!entries_.contains(path)) return error_of(ENOENT);
    change({{path, nullptr}});
    return {};
  }
  // A journaling file system: the changes of names become safe in their order, those of other folders with them.
  std::error_code sync_folder(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    if (const auto error = operate()) return error;
    for (std::size_t i = changes_.size(); i > 0; --i) {
      if (!is_in(changes_[i - 1].front().first, folder)) continue;
      apply_changes(i);
      changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
    return {};
  }
  FileResult<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    const std::lock_guard guard(mutex_);
    if (const auto error = operate()) return {nullptr, error};
    if (!locked_.insert(path).second) return {nullptr, error_of(EWOULDBLOCK)};
    return {std::make_unique<HeldLock>(*this, path), {}};
  }

 private:
  struct Write {
    std::size_t offset;
    std::string bytes;
    bool truncates;  // to offset
  };
  struct Node {
    std::string content;
    std::string synced;
    std::vector<Write> unsynced;
    std::pair<std::size_t, std::size_t> unreadable;

    static void apply(std::string& bytes, const Write& write, std::size_t length) {
      if (write.truncates) return bytes.resize(write.offset);
      if (length == 0) return;
      if (bytes.size() < write.offset + length) bytes.resize(write.offset + length);
      std::copy_n(write.bytes.begin(), length, bytes.begin() + static_cast<std::ptrdiff_t>(write.offset));
    }
    void make(Write write) {
      apply(content, write, write.bytes.size());
      unsynced.push_back(std::move(write));
    }
    void sync() {
      for (const Write& write : unsynced) apply(synced, write, write.bytes.size());
      unsynced.clear();
    }
    // The first `whole` writes, `torn` thousandths of the next one; `zeros`: the length is there but the rest is not.
    void survive(std::size_t whole, std::size_t torn, bool zeros) {
      for (std::size_t i = 0; i < unsynced.size() && i <= whole; ++i) {
        const Write& write = unsynced[i];
        const bool cut = i == whole;
        if (cut && write.truncates) break;
        apply(synced, write, cut ? write.bytes.size() * torn / 1000 : write.bytes.size());
        if (cut && zeros) synced.resize(std::max(synced.size(), write.offset + write.bytes.size()));
      }
      content = synced;
      unsynced.clear();
    }
  };
  using Entry = std::pair<std::string, std::shared_ptr<Node>>;  // null: removed
  using Entries = std::map<std::string, std::shared_ptr<Node>>;

  class OpenFile final : public File {
   public:
    OpenFile(MemoryFileSystem& files, std::shared_ptr<Node> node, bool writable)
        : files_(files), node_(std::move(node)), life_(files.life_), writable_(writable) {}

    std::error_code write(std::uint64_t offset, std::string_view bytes) noexcept override {
      const std::lock_guard lock(files_.mutex_);
      if (dead() || !writable_) return error_of(EBADF);
      const std::error_code error = files_.operate();
      if (files_.died_before()) return error;
      node_->make(
          {static_cast<std::size_t>(offset), std::string(error ? bytes.substr(0, bytes.size() / 2) : bytes), false});
      return error;
    }
    FileResult<std::size_t> read(std::uint64_t offset, std::span<char> into) noexcept override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return {0, error_of(EBADF)};
      if (const auto error = files_.operate()) return {0, error};
      const std::string& content = node_->content;
      if (offset >= content.size()) return {0, {}};
      const std::size_t bytes = std::min(into.size(), content.size() - static_cast<std::size_t>(offset));
      const auto [bad, bad_end] = node_->unreadable;
      if (offset < bad_end && offset + bytes > bad) return {0, error_of(EIO)};
      std::memcpy(into.data(), content.data() + offset, bytes);
      return {bytes, {}};
    }
    FileResult<std::uint64_t> size() noexcept override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return {0, error_of(EBADF)};
      if (const auto error = files_.operate()) return {0, error};
      return {node_->content.size(), {}};
    }
    std::error_code truncate(std::uint64_t size) noexcept override {
      const std::lock_guard lock(files_.mutex_);
      if (dead() || !writable_) return error_of(EBADF);
      if (const auto error = files_.operate()) return error;
      node_->make({static_cast<std::size_t>(size), {}, true});
      return {};
    }
    std::error_code preallocate(std::uint64_t) noexcept override {
      const std::lock_guard lock(files_.mutex_);
      return dead() ? error_of(EBADF) : files_.operate();
    }
    std::error_code sync() noexcept override {
      const std::lock_guard lock(files_.mutex_);
      if (dead()) return error_of(EBADF);
      const std::error_code error = files_.operate();
      if (error) {
        if (!files_.is_dead()) node_->unsynced.clear();
      } else {
        node_->sync();
      }
      return error;
    }

   private:
    bool dead() const noexcept { return life_ != files_.life_; }

    MemoryFileSystem& files_;
    const std::shared_ptr<Node> node_;
    const std::uint64_t life_;
    const bool writable_;
  };

  class HeldLock final : public FileLock {
   public:
    HeldLock(MemoryFileSystem& files, std::string path) : files_(files), path_(std::move(path)), life_(files.life_) {}
    ~HeldLock() override {
      const std::lock_guard lock(files_.mutex_);
      if (life_ == files_.life_) files_.locked_.erase(path_);
    }

   private:
    MemoryFileSystem& files_;
    const std::string path_;
    const std::uint64_t life_;
  };

  static std::error_code error_of(int number) noexcept { return {number, std::generic_category()}; }
  static bool is_in(const std::string& path, const std::string& folder) {
    return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/' &&
           path.find('/', folder.size() + 1) == std::string::npos;
  }

  bool is_dead() const noexcept { return dies_at_ != 0 && operations_ >= dies_at_; }
  bool died_before() const noexcept { return dies_at_ != 0 && operations_ > dies_at_; }

  // Counts the operation and says whether it fails.
  std::error_code operate() noexcept {
    ++operations_;
    if (is_dead()) return error_of(EIO);
    const bool fails = fail_at_ != 0 && (operations_ == fail_at_ || (fail_sticky_ && operations_ > fail_at_));
    return fails ? error_of(fail_error_) : std::error_code();
  }

  static void apply_entry(Entries& entries, const Entry& entry) {
    if (entry.second) {
      entries[entry.first] = entry.second;
    } else {
      entries.erase(entry.first);
    }
  }
  void change(std::vector<Entry> entries) {
    for (const Entry& entry : entries) apply_entry(entries_, entry);
    changes_.push_back(std::move(entries));
  }
  void apply_changes(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      for (const Entry& entry : changes_[i]) apply_entry(safe_entries_, entry);
    }
  }

  mutable std::mutex mutex_;
  Entries entries_;
  Entries safe_entries_;
  std::vector<std::vector<Entry>> changes_;  // of names, not yet safe; those of one operation stand together
  std::set<std::string> folders_;
  std::set<std::string> locked_;
  std::uint64_t life_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t dies_at_ = 0;
  std::uint64_t fail_at_ = 0;
  int fail_error_ = 0;
  bool fail_sticky_ = false;
};

}  // namespace edgetide::test
