// gzip archives by zlib; several members are one content.
#include <memory>
#include <zlib.h>

#include "daemon/sources/archive_input.h"
#include "daemon/sources/file_bytes.h"

namespace edgetide {

namespace {

constexpr int gzip_header_only = 16 + MAX_WBITS;  // zlib.h, inflateInit2

class GzipBytes final : public FileBytes {
 public:
  explicit GzipBytes(int descriptor) : input_(descriptor) {
    is_ready_ = inflateInit2(&stream_, gzip_header_only) == Z_OK;
  }
  ~GzipBytes() override {
    if (is_ready_) inflateEnd(&stream_);
  }
  GzipBytes(const GzipBytes&) = delete;
  GzipBytes& operator=(const GzipBytes&) = delete;

  Piece read(std::span<char> into) override {
    if (!is_ready_) return {0, true, "out of memory"};
    if (stream_.avail_in == 0 && !has_more_) {
      if (auto instead = input_.refill(!is_in_member_)) return *std::move(instead);
      stream_.next_in = reinterpret_cast<Bytef*>(input_.bytes().data());
      stream_.avail_in = static_cast<uInt>(input_.bytes().size());
    }
    return inflate_into(into);
  }

 private:
  Piece inflate_into(std::span<char> into) {
    if (!is_in_member_) skip_padding();
    if (stream_.avail_in == 0 && !has_more_) return {};
    is_in_member_ = true;
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(into.size());
    const int answer = inflate(&stream_, Z_NO_FLUSH);
    const std::size_t count = into.size() - stream_.avail_out;
    has_more_ = stream_.avail_out == 0 && answer == Z_OK;  // in the decompressor
    if (answer == Z_STREAM_END) {
      is_in_member_ = false;
      is_behind_member_ = true;
      inflateReset(&stream_);
    } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
      return {count, true, stream_.msg == nullptr ? "the archive is damaged" : stream_.msg};
    }
    return {count, false, {}};
  }
  // Of zeros, as tapes and block devices leave it.
  void skip_padding() {
    while (is_behind_member_ && stream_.avail_in > 0 && *stream_.next_in == 0) ++stream_.next_in, --stream_.avail_in;
  }

  ArchiveInput input_;
  z_stream stream_{};
  bool is_ready_ = false;
  bool is_in_member_ = true;  // the header of the first is expected
  bool is_behind_member_ = false;
  bool has_more_ = false;
};

}  // namespace

std::unique_ptr<FileBytes> gzip_bytes(int descriptor) {
  return std::make_unique<GzipBytes>(descriptor);
}

}  // namespace edgetide
