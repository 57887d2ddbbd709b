#include "daemon/service/http_head.h"

#include <algorithm>
#include <cstring>
#include <microhttpd.h>
#include <string_view>
#include <strings.h>
#include <vector>

#include "pipeline/characters.h"

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

bool is_in_name(char c) noexcept {
  return is_letter(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_in_name);
}

bool is_whole(const HttpFirstLine& line) noexcept {
  const std::size_t method_size = std::strlen(line.method);
  if (line.target < line.method + method_size + 1 || line.version < line.target) return false;
  const std::string_view between(line.method + method_size + 1, line.target);
  return between.find_first_not_of(' ') == between.npos && line.target + line.target_size + 1 == line.version;
}

bool are_whole(std::string_view version, const Headers& headers, std::string_view head) {
  const auto is_end = [&](std::string_view part, const char* next, std::size_t most) {
    const auto from = static_cast<std::size_t>(part.data() + part.size() - head.data());
    const auto to = static_cast<std::size_t>(next - head.data());
    if (part.data() < head.data() || to > head.size() || from > to || to - from > most) return false;
    return head.substr(from, to - from).find_first_not_of('\0') == head.npos;
  };
  std::string_view before = version;
  for (const Header& header : headers) {
    if (!is_name(header.name) || !is_end(before, header.name.data(), 2)) return false;  // CR LF
    before = header.value;
  }
  return is_end(before, head.data() + head.size(), 4);  // and the empty line
}

bool is(const Header& header, std::string_view name) noexcept {
  return header.name.size() == name.size() && strncasecmp(header.name.data(), name.data(), name.size()) == 0;
}

// Two programs that read one request have to agree whom it is for, where it ends, who sends it and what it is: of two
// values one takes the first and the other the last (RFC 9110, 5.3; RFC 9112, 3.2 and 6.3).
std::string_view fault_of_several(std::string_view version, const Headers& headers) {
  const auto count = [&](std::string_view name) {
    return std::count_if(headers.begin(), headers.end(), [&](const Header& header) { return is(header, name); });
  };
  const auto hosts = count("Host");
  if (hosts > 1 || (hosts == 0 && version == "HTTP/1.1")) return "one Host header is needed";
  if (count("Content-Length") + count("Transfer-Encoding") > 1)
    return "one Content-Length or Transfer-Encoding is enough";
  if (count("Authorization") > 1) return "one Authorization header is enough";
  if (count("Idempotency-Key") > 1) return "one Idempotency-Key header is enough";
  if (count("Content-Type") > 1) return "one Content-Type header is enough";
  if (count("Content-Encoding") > 1) return "one Content-Encoding header is enough";
  return {};
}

}  // namespace

std::string_view fault_of_head(MHD_Connection* connection, const HttpFirstLine& line) {
  const Headers headers = headers_of(connection);
  if (const std::string_view fault = fault_of_several(line.version, headers); !fault.empty()) return fault;
  if (!std::string_view(MHD_get_version()).starts_with("0.")) return {};
  if (!is_whole(line)) return "the request line has a NUL byte";
  const auto* const size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  if (size != nullptr && are_whole(line.version, headers, {line.method, size->header_size})) return {};
  return "a header has a NUL byte, several lines, or a name that is none";
}

}  // namespace edgetide
