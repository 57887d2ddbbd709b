#include "daemon/service/http_head.h"

#include <microhttpd.h>
#include <string_view>
#include <vector>

namespace edgetide {

namespace {

struct Header {
  std::string_view name;
  std::string_view value;
};
using Headers = std::vector<Header>;  // in their order

Headers headers_of(MHD_Connection* connection) {
  Headers headers;
  MHD_get_connection_values_n(
      connection, MHD_HEADER_KIND,
      [](void* all, MHD_ValueKind, const char* name, std::size_t name_size, const char* value, std::size_t value_size) {
        static_cast<Headers*>(all)->push_back(
            {{name, name_size}, value == nullptr ? "" : std::string_view(value, value_size)});
        return MHD_YES;
      },
      &headers);
  return headers;
}

bool are_whole(const Headers& headers, std::string_view head) {
  const auto is_end = [&](std::string_view value, const char* next, std::size_t most) {
    const auto from = static_cast<std::size_t>(value.data() + value.size() - head.data());
    const auto to = static_cast<std::size_t>(next - head.data());
    if (value.data() < head.data() || to > head.size() || from > to || to - from > most) return false;
    return head.substr(from, to - from).find_first_not_of('\0') == head.npos;
  };
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const bool is_last = i + 1 == headers.size();
    const char* const next = is_last ? head.data() + head.size() : headers[i + 1].name.data();
    if (!is_end(headers[i].value, next, is_last ? 4 : 2)) return false;  // CR LF, and the empty line
  }
  return true;
}

}  // namespace

bool has_whole_headers(MHD_Connection* connection, const char* method) {
  if (!std::string_view(MHD_get_version()).starts_with("0.")) return true;
  const auto* const size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  return size != nullptr && are_whole(headers_of(connection), {method, size->header_size});
}

}  // namespace edgetide
