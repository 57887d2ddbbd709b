// The content of a file, one piece after the other: as it is, or of a gzip (.gz) or Zstandard (.zst) archive.
//
// See:    RFC 1952 (gzip), RFC 8878 (Zstandard).
// Owns:   buffers of the decompressor; the descriptor is its user's. Thread: one.
// Blocks: for the disk.
// Fails:  in the result.
// Limit:  a Zstandard frame with a window beyond 8 MiB is refused (`zstd --long`, `--ultra`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace edgetide {

class FileBytes {
 public:
  struct Piece {
    std::size_t count = 0;
    bool is_end = false;  // there is no more for now; of a file that grows there may be more later
    std::string error;    // and why the rest cannot be read
  };
  virtual ~FileBytes() = default;
  // Some of the next bytes, or none though it is not the end.
  virtual Piece read(std::span<char> into) = 0;
};

// By the end of a name: a file is decompressed if it says so.
enum class Compression { none, gzip, zstd };
Compression compression_of(std::string_view name) noexcept;

// From the byte `offset` on.
std::unique_ptr<FileBytes> plain_bytes(int descriptor, std::uint64_t offset);
// From the beginning.
std::unique_ptr<FileBytes> gzip_bytes(int descriptor);
std::unique_ptr<FileBytes> zstd_bytes(int descriptor);

}  // namespace edgetide
