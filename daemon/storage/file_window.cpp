#include "daemon/storage/file_window.h"

#include <algorithm>
#include <span>

namespace edgetide {

namespace {

constexpr std::size_t window_bytes = 64 * 1024;
constexpr std::size_t block_bytes = 512;     // of a disk: no smaller part can be bad
constexpr std::size_t max_unreadable = 256;  // a disk may take a second and more for each
constexpr char filler = '\xff';              // not a zero, which the end of a preallocated file has

}  // namespace

FileWindow::FileWindow(std::unique_ptr<File> file) : file_(std::move(file)) {
  const FileResult<std::uint64_t> size = file_->size();
  size_ = size.value;
  error_ = size.error;
  ended_ = static_cast<bool>(size.error);
}

std::string_view FileWindow::view(std::uint64_t offset, std::size_t bytes) {
  if (offset >= size_) return {};
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, size_ - offset));
  if (offset < begin_ || offset + bytes > begin_ + buffer_.size()) {
    if (ended_) return {};
    begin_ = offset;
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(bytes, window_bytes), size_ - offset)));
    fill();
  }
  return std::string_view(buffer_).substr(static_cast<std::size_t>(offset - begin_), bytes);
}

void FileWindow::fill() {
  // A disk is slow to say again that it cannot read something.
  FileResult<std::size_t> read{0, std::make_error_code(std::errc::io_error)};
  if (unreadable_.empty()) read = file_->read(begin_, buffer_);
  if (read.error == std::errc::io_error) {
    read.value = 0;
    while (read.value < buffer_.size() && !ended_) {
      const std::size_t bytes = fill_block((begin_ + read.value) / block_bytes, read.value);
      if (bytes == 0) break;  // the file is shorter now
      read.value += bytes;
    }
  } else if (read.error) {
    error_ = read.error;
    ended_ = true;
  }
  buffer_.resize(read.value);
}

// The part of buffer_ from `done` on that is in the block. Returns its length.
std::size_t FileWindow::fill_block(std::uint64_t block, std::size_t done) {
  const std::uint64_t end = std::min((block + 1) * block_bytes, begin_ + buffer_.size());
  const std::span<char> part = std::span<char>(buffer_).subspan(done, static_cast<std::size_t>(end - begin_ - done));
  if (std::find(unreadable_.begin(), unreadable_.end(), block) == unreadable_.end()) {
    const FileResult<std::size_t> read = file_->read(begin_ + done, part);
    if (!read.error) return read.value;
    error_ = read.error;
    ended_ = read.error != std::errc::io_error || unreadable_.size() == max_unreadable;
    if (ended_) return 0;
    unreadable_.push_back(block);
  }
  std::fill(part.begin(), part.end(), filler);
  return part.size();
}

bool FileWindow::is_unreadable_from(std::uint64_t offset) const noexcept {
  return ended_ || std::any_of(unreadable_.begin(), unreadable_.end(),
                               [&](std::uint64_t block) { return (block + 1) * block_bytes > offset; });
}

}  // namespace edgetide
