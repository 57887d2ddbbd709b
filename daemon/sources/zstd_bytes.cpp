// Zstandard archives by libzstd; several frames are one content.
#include <memory>
#include <zstd.h>

#include "daemon/sources/archive_input.h"
#include "daemon/sources/file_bytes.h"

namespace edgetide {

namespace {

constexpr int max_window_log = 23;  // 8 MiB, as the levels up to 19 have it

class ZstdBytes final : public FileBytes {
 public:
  explicit ZstdBytes(int descriptor) : input_(descriptor), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (stream_) ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, max_window_log);
  }

  Piece read(std::span<char> into) override {
    if (!stream_) return {0, true, "out of memory"};
    if (in_.pos == in_.size && !has_more_) {
      if (auto instead = input_.refill(!is_in_frame_)) return *std::move(instead);
      in_ = {input_.bytes().data(), input_.bytes().size(), 0};
    }
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    const std::size_t answer = ZSTD_decompressStream(stream_.get(), &out, &in_);
    if (ZSTD_isError(answer)) return {out.pos, true, ZSTD_getErrorName(answer)};
    is_in_frame_ = answer != 0;
    has_more_ = out.pos == out.size && is_in_frame_;  // in the decompressor
    return {out.pos, false, {}};
  }

 private:
  ArchiveInput input_;
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  ZSTD_inBuffer in_{};
  bool has_more_ = false;
  bool is_in_frame_ = true;  // the header of the first is expected
};

}  // namespace

std::unique_ptr<FileBytes> zstd_bytes(int descriptor) {
  return std::make_unique<ZstdBytes>(descriptor);
}

}  // namespace edgetide
