// Zstandard archives by libzstd; several frames are one content.
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <unistd.h>
#include <zstd.h>

#include "daemon/sources/file_bytes.h"

namespace edgetide {

namespace {

constexpr std::size_t zstd_input_bytes = 16 * 1024;
constexpr int max_window_log = 23;  // 8 MiB, as the levels up to 19 have it

class ZstdBytes final : public FileBytes {
 public:
  explicit ZstdBytes(int descriptor) : descriptor_(descriptor), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (stream_) ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, max_window_log);
  }

  Piece read(std::span<char> into) override {
    if (!stream_) return {0, true, "out of memory"};
    if (in_.pos == in_.size && !has_more_) {
      const ssize_t got = pread(descriptor_, input_.data(), input_.size(), offset_);
      if (got < 0) return {0, errno != EINTR, errno == EINTR ? std::string() : std::generic_category().message(errno)};
      if (got == 0) return {0, true, is_in_frame_ ? "the archive is cut off" : std::string()};
      offset_ += got;
      in_ = {input_.data(), static_cast<std::size_t>(got), 0};
    }
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    const std::size_t answer = ZSTD_decompressStream(stream_.get(), &out, &in_);
    if (ZSTD_isError(answer)) return {out.pos, true, ZSTD_getErrorName(answer)};
    is_in_frame_ = answer != 0;
    has_more_ = out.pos == out.size && is_in_frame_;  // in the decompressor
    return {out.pos, false, {}};
  }

 private:
  const int descriptor_;
  off_t offset_ = 0;
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  std::array<char, zstd_input_bytes> input_;
  ZSTD_inBuffer in_{input_.data(), 0, 0};
  bool has_more_ = false;
  bool is_in_frame_ = true;  // the header of the first is expected
};

}  // namespace

std::unique_ptr<FileBytes> zstd_bytes(int descriptor) {
  return std::make_unique<ZstdBytes>(descriptor);
}

}  // namespace edgetide
