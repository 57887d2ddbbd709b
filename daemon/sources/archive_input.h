// The bytes of an archive as a decompressor takes them: some of the file at a time.
//
// Owns:   a buffer of 16 KiB; the descriptor is its user's. Thread: one. Blocks: for the disk.
// Fails:  in the result of `refill`.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <unistd.h>

#include "daemon/sources/file_bytes.h"

namespace edgetide {

class ArchiveInput {
 public:
  explicit ArchiveInput(int descriptor) noexcept : descriptor_(descriptor) {}

  // Nothing: `bytes` has the next ones. Otherwise what there is to say instead; `is_whole`: the archive may end here.
  std::optional<FileBytes::Piece> refill(bool is_whole) {
    const ssize_t got = pread(descriptor_, buffer_.data(), buffer_.size(), offset_);
    if (got < 0 && errno == EINTR) return FileBytes::Piece{};
    if (got < 0) return FileBytes::Piece{0, true, std::generic_category().message(errno)};
    if (got == 0) return FileBytes::Piece{0, true, is_whole ? std::string() : "the archive is cut off"};
    offset_ += got;
    size_ = static_cast<std::size_t>(got);
    return std::nullopt;
  }
  std::span<char> bytes() noexcept { return std::span(buffer_).first(size_); }

 private:
  const int descriptor_;
  off_t offset_ = 0;
  std::array<char, 16 * 1024> buffer_;
  std::size_t size_ = 0;
};

}  // namespace edgetide
