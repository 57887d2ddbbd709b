// A file system whose syncs a test can hold, like those of a busy memory card.
//
// Owns: nothing; `files` outlives it. Thread: any.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "daemon/storage/file_system.h"

namespace edgetide::test {

class SlowFileSystem final : public FileSystem {
 public:
  explicit SlowFileSystem(FileSystem& files) : files_(files) {}

  void hold_syncs(bool holding) {
    const std::lock_guard lock(mutex_);
    holding_ = holding;
    changed_.notify_all();
  }
  // How many syncs are held now.
  int held() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }

  FileResult<std::unique_ptr<File>> open(const std::string& path, FileAccess access) override {
    auto opened = files_.open(path, access);
    if (opened.error) return opened;
    return {std::make_unique<SlowFile>(*this, std::move(opened.value)), {}};
  }
  FileResult<std::vector<std::string>> list(const std::string& folder) override { return files_.list(folder); }
  std::error_code make_folder(const std::string& path) override { return files_.make_folder(path); }
  std::error_code rename(const std::string& from, const std::string& to) override { return files_.rename(from, to); }
  std::error_code remove(const std::string& path) override { return files_.remove(path); }
  std::error_code sync_folder(const std::string& path) override { return files_.sync_folder(path); }
  FileResult<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_.lock(path); }

 private:
  class SlowFile final : public File {
   public:
    SlowFile(SlowFileSystem& disk, std::unique_ptr<File> file) : disk_(disk), file_(std::move(file)) {}
    std::error_code write(std::uint64_t offset, std::string_view bytes) noexcept override {
      return file_->write(offset, bytes);
    }
    FileResult<std::size_t> read(std::uint64_t offset, std::span<char> into) noexcept override {
      return file_->read(offset, into);
    }
    FileResult<std::uint64_t> size() noexcept override { return file_->size(); }
    std::error_code truncate(std::uint64_t size) noexcept override { return file_->truncate(size); }
    std::error_code preallocate(std::uint64_t size) noexcept override { return file_->preallocate(size); }
    std::error_code sync() noexcept override {
      disk_.wait();
      return file_->sync();
    }

   private:
    SlowFileSystem& disk_;
    std::unique_ptr<File> file_;
  };

  void wait() {
    std::unique_lock lock(mutex_);
    ++held_;
    changed_.wait(lock, [&] { return !holding_; });
    --held_;
  }

  FileSystem& files_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool holding_ = false;
  int held_ = 0;
};

}  // namespace edgetide::test
