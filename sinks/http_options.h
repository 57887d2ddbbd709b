// What an HTTP sink is given.
//
// Units:  bytes of a body as it is encoded, before gzip. Thread: a plain value.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pipeline/enum_word.h"
#include "pipeline/time.h"

namespace edgetide {

// Of a body. A row of `json_lines` and one of `json`, where they are members of an array, is that of row_json.h.
enum class HttpEncoding { json, json_lines, influx, csv };
inline constexpr EnumWord<HttpEncoding> http_encoding_words[] = {{HttpEncoding::json, "json"},
                                                                 {HttpEncoding::json_lines, "json_lines"},
                                                                 {HttpEncoding::influx, "influx"},
                                                                 {HttpEncoding::csv, "csv"}};

struct HttpHeader {
  std::string name;
  std::string value;  // may be a secret
  bool operator==(const HttpHeader&) const = default;
};

struct HttpSinkOptions {
  std::string url;  // with its query; may hold a secret
  bool put = false;
  HttpEncoding encoding = HttpEncoding::json;
  std::vector<HttpHeader> headers;
  std::string token;     // secret
  std::string username;  // of basic authentication; empty: none
  std::string password;  // secret
  bool gzip = false;
  Duration timeout = Duration::seconds(10);  // of one request, from its beginning to the end of the answer
  std::size_t max_rows = 5000;               // of one request
  std::size_t max_bytes = 4 * 1024 * 1024;   // of one request; a longer row stays whole
  std::string ca;                            // files; empty: the system's, none
  std::string cert;
  std::string key;
  bool allow_plaintext = false;  // of `url`, beyond this machine: checked by who reads it
  std::string proxy;             // empty: none, whatever the environment says; may hold a secret
  bool shows_redirects = false;  // where to, with the path: the url holds no secret that it could repeat
  bool operator==(const HttpSinkOptions&) const = default;
};

}  // namespace edgetide
