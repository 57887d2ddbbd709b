// gzip archives by zlib; several members are one content.
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <unistd.h>
#include <zlib.h>

#include "daemon/sources/file_bytes.h"

namespace edgetide {

namespace {

constexpr std::size_t gzip_input_bytes = 16 * 1024;
constexpr int gzip_header_only = 16 + MAX_WBITS;  // zlib.h, inflateInit2

class GzipBytes final : public FileBytes {
 public:
  explicit GzipBytes(int descriptor) : descriptor_(descriptor) {
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
      const ssize_t got = pread(descriptor_, input_.data(), input_.size(), offset_);
      if (got < 0) return {0, errno != EINTR, errno == EINTR ? std::string() : std::generic_category().message(errno)};
      if (got == 0) return {0, true, is_in_member_ ? "the archive is cut off" : std::string()};
      offset_ += got;
      stream_.next_in = input_.data();
      stream_.avail_in = static_cast<uInt>(got);
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

  const int descriptor_;
  off_t offset_ = 0;
  z_stream stream_{};
  bool is_ready_ = false;
  bool is_in_member_ = true;  // the header of the first is expected
  bool is_behind_member_ = false;
  bool has_more_ = false;
  std::array<Bytef, gzip_input_bytes> input_;
};

}  // namespace

std::unique_ptr<FileBytes> gzip_bytes(int descriptor) {
  return std::make_unique<GzipBytes>(descriptor);
}

}  // namespace edgetide
