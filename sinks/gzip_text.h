// A text as a gzip archive (RFC 1952). The only user of zlib in the sinks.
//
// Thread: pure. Fails: std::bad_alloc only.
#pragma once

#include <string>
#include <string_view>

namespace edgetide {

std::string gzipped(std::string_view text);

}  // namespace edgetide
