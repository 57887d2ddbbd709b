// Archives for tests of what reads them.
#pragma once

#include <string>
#include <zlib.h>
#include <zstd.h>

namespace edgetide::test {

// One member.
inline std::string gzip(std::string content) {
  std::string archive(content.size() + 1000, '\0');
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(archive.data());
  stream.avail_out = static_cast<uInt>(archive.size());
  deflate(&stream, Z_FINISH);
  archive.resize(stream.total_out);
  deflateEnd(&stream);
  return archive;
}

// One frame, with a checksum.
inline std::string zstd(const std::string& content, int window_log = 20) {
  std::string archive(ZSTD_compressBound(content.size()), '\0');
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_outBuffer out{archive.data(), archive.size(), 0};
  ZSTD_inBuffer in{content.data(), content.size(), 0};
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);  // the size is not known, as in a pipe
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  archive.resize(out.pos);
  ZSTD_freeCCtx(context);
  return archive;
}

}  // namespace edgetide::test
