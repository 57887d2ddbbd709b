// Gives any part of a file through a small buffer, which is refilled as the view moves. What the disk cannot read is
// read around, in blocks: such a block has a filler for its content, so that no record in it is intact.
//
// Owns:   the file. A view lives until the next one.
// Thread: one owner at a time.
// Fails:  after a disk error `error` stays set. Views end at an error that is not of a block, and at too many blocks.
// Limit:  the size is that at opening; the buffer is 64 KiB or the longest view; 256 blocks of 512 B are read around.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "daemon/storage/file_system.h"

namespace edgetide {

class FileWindow {
 public:
  explicit FileWindow(std::unique_ptr<File> file);

  std::uint64_t size() const noexcept { return size_; }
  std::error_code error() const noexcept { return error_; }

  // `bytes` from `offset`, fewer at the end of the file.
  std::string_view view(std::uint64_t offset, std::size_t bytes);

  // Whether the disk could not read something at `offset` or behind it, as far as views went.
  bool is_unreadable_from(std::uint64_t offset) const noexcept;
  // No view goes on.
  bool has_ended() const noexcept { return ended_; }

 private:
  void fill();
  std::size_t fill_block(std::uint64_t block, std::size_t done);

  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;
  std::error_code error_;
  bool ended_ = false;
  std::vector<std::uint64_t> unreadable_;  // blocks, by their number in the file
  std::uint64_t begin_ = 0;                // of buffer_, in the file
  std::string buffer_;
};

}  // namespace edgetide
