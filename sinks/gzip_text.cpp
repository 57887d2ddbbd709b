#include "sinks/gzip_text.h"

#include <new>
#include <zlib.h>

namespace edgetide {

std::string gzipped(std::string_view text) {
  constexpr int with_gzip_header = 16 + MAX_WBITS, standard_memory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, with_gzip_header, standard_memory, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // which zlib does not write to
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);  // in one piece, by deflateBound
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace edgetide
