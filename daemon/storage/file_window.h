// Gives any part of a file through a small buffer, which is refilled as the view moves.
//
// Owns:   the file. A view lives until the next one.
// Thread: one owner at a time.
// Fails:  after a disk error `error` stays set, and views end there.
// Limit:  the size is that at opening; the buffer is 64 KiB or the longest view.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "daemon/storage/file_system.h"

namespace edgetide {

class FileWindow {
 public:
  explicit FileWindow(std::unique_ptr<File> file);

  std::uint64_t size() const noexcept { return size_; }
  std::error_code error() const noexcept { return error_; }

  // `bytes` from `offset`, fewer at the end of the file.
  std::string_view view(std::uint64_t offset, std::size_t bytes);

 private:
  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;
  std::error_code error_;
  std::uint64_t begin_ = 0;  // of buffer_, in the file
  std::string buffer_;
};

}  // namespace edgetide
