#include "daemon/sources/file_bytes.h"

#include <cerrno>
#include <system_error>
#include <unistd.h>

namespace edgetide {

namespace {

class PlainBytes final : public FileBytes {
 public:
  PlainBytes(int descriptor, std::uint64_t offset) : descriptor_(descriptor), offset_(offset) {}

  Piece read(std::span<char> into) override {
    const ssize_t got = pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset_));
    if (got < 0 && errno == EINTR) return {};
    if (got < 0) return {0, true, std::generic_category().message(errno)};
    offset_ += static_cast<std::uint64_t>(got);
    return {static_cast<std::size_t>(got), got == 0, {}};
  }

 private:
  const int descriptor_;
  std::uint64_t offset_;
};

}  // namespace

Compression compression_of(std::string_view name) noexcept {
  if (name.ends_with(".gz")) return Compression::gzip;
  return name.ends_with(".zst") ? Compression::zstd : Compression::none;
}

std::unique_ptr<FileBytes> plain_bytes(int descriptor, std::uint64_t offset) {
  return std::make_unique<PlainBytes>(descriptor, offset);
}

}  // namespace edgetide
