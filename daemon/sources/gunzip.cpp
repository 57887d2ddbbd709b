#include "daemon/sources/gunzip.h"

#include <algorithm>
#include <zlib.h>

namespace edgetide {

namespace {

constexpr int gzip_only = 16 + MAX_WBITS;
constexpr std::size_t gunzip_step = 64 * 1024;

struct Inflation {
  Inflation() : is_begun(inflateInit2(&stream, gzip_only) == Z_OK) {}
  ~Inflation() {
    if (is_begun) inflateEnd(&stream);
  }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;

  z_stream stream{};
  bool is_begun;
};

}  // namespace

Gunzipped gunzip(std::string_view packed, std::size_t limit, std::string& out) {
  out.clear();
  Inflation inflation;
  z_stream& stream = inflation.stream;
  if (!inflation.is_begun) return Gunzipped::bad;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  for (int result = Z_OK; result != Z_STREAM_END || stream.avail_in > 0;) {
    if (result == Z_STREAM_END && inflateReset(&stream) != Z_OK) return Gunzipped::bad;  // another member
    const std::size_t had = out.size(), room = std::min(gunzip_step, limit + 1 - had);
    out.resize(had + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(room);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(had + room - stream.avail_out);
    if (out.size() > limit) return Gunzipped::too_large;
    if (result != Z_OK && result != Z_STREAM_END) return Gunzipped::bad;
  }
  return Gunzipped::whole;
}

}  // namespace edgetide
