#include "daemon/storage/file_window.h"

#include <algorithm>

namespace edgetide {

namespace {
constexpr std::size_t window_bytes = 64 * 1024;
}

FileWindow::FileWindow(std::unique_ptr<File> file) : file_(std::move(file)) {
  const FileResult<std::uint64_t> size = file_->size();
  size_ = size.value;
  error_ = size.error;
}

std::string_view FileWindow::view(std::uint64_t offset, std::size_t bytes) {
  if (offset >= size_) return {};
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, size_ - offset));
  if (offset < begin_ || offset + bytes > begin_ + buffer_.size()) {
    if (error_) return {};
    begin_ = offset;
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(bytes, window_bytes), size_ - offset)));
    const FileResult<std::size_t> read = file_->read(offset, buffer_);
    error_ = read.error;
    buffer_.resize(read.value);
  }
  return std::string_view(buffer_).substr(static_cast<std::size_t>(offset - begin_), bytes);
}

}  // namespace edgetide
