// gzip bodies (RFC 1952), also of several members. The only user of zlib.
//
// Thread: any. Fails: in the result.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace edgetide {

enum class Gunzipped { whole, bad, too_large };

// Replaces `out`. too_large: it would be more than `limit`, which are never exceeded on the way.
Gunzipped gunzip(std::string_view packed, std::size_t limit, std::string& out);

}  // namespace edgetide
