// The address of an HTTP server as configurations write it, taken apart without asking any resolver.
//
// Thread: pure. Fails: nothing is returned for a text of another form, such as one with a user, a password or a blank.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

struct HttpUrl {
  bool encrypted = false;
  std::string host;   // the brackets of an IPv6 address left out
  std::string port;   // empty: none was given
  std::string path;   // with its slash; empty: none was given
  std::string query;  // without its question mark

  // "https://host:port": nothing that could be a secret.
  std::string server() const;
  // The value of a parameter of the query, as it is written; nothing: it has none.
  std::optional<std::string_view> parameter(std::string_view name) const;
};
std::optional<HttpUrl> parse_http_url(std::string_view text);

}  // namespace edgetide
