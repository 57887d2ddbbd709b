// What an HTTP server's answer means for the rows of the request.
//
// Thread: pure. Fails: never.
// See:    RFC 9110; https://docs.influxdata.com/influxdb/v2/api/ (write)
#pragma once

#include <string>
#include <string_view>

#include "pipeline/time.h"

namespace edgetide {

struct HttpReply {
  int status = 0;             // 0: there is none, `error` says why
  Duration retry_after = {};  // as the server asks for; 0: it does not
  std::string location = {};  // of a redirect
  std::string text = {};      // the begin of the body
  std::string error = {};     // nothing: a whole answer has come
  bool needs_person = false;  // only somebody who acts can mend the error
};

enum class HttpVerdict {
  stored,
  try_again,        // the server is busy or ill
  needs_person,     // a right, an address or a setting is wrong
  content_refused,  // by the rows of this request, or by how many they are
};

HttpVerdict verdict_of(const HttpReply& answer) noexcept;

// In one line, for a person: "HTTP 400: unable to parse". `shows_redirects`: with the path, that may be a secret.
std::string describe(const HttpReply& answer, bool shows_redirects);

}  // namespace edgetide
