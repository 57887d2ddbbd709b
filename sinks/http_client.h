// Sends bodies to one HTTP server, one after the other over one connection, and reads its answers. The only user of
// libcurl.
//
// TLS 1.2 or later with a checked certificate and host name. A redirect is not followed. The environment (http_proxy
// and the like), cookies and netrc are not looked at.
//
// Owns:   the connection. Thread: one at a time; `interrupt`, any.
// Blocks: `send`, for as long as the options' timeout, resolving the name included.
// Fails:  as HttpReply says; std::bad_alloc.
// Limit:  of an answer 64 KiB of headers and 64 KiB of its body are read; with more headers there is no answer, with
//         more of a body the status counts.
// Requires: SIGPIPE is ignored by the process.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sinks/http_options.h"
#include "sinks/http_reply.h"

namespace edgetide {

class HttpClient {
 public:
  // The options outlive it.
  explicit HttpClient(const HttpSinkOptions& options);
  ~HttpClient();

  // `body` is sent as it is; with `gzip` of the options it is such an archive.
  HttpReply send(std::string_view body, const std::string& idempotency_key);

  // Without a request: reaches the server, and its TLS. Has no status.
  HttpReply connect();

  // A `send` that blocks, and those that follow, return soon, until `resume`.
  void interrupt() noexcept;
  void resume() noexcept;

 private:
  class Connection;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace edgetide
