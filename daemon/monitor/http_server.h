// Answers GET and HEAD on one address, read-only: for browsers and scrapers. It starts no thread; the caller's thread
// drives it.
//
// Requests whose Host header is a name that is not known are refused (host_check.h), and those with a header that has
// a NUL byte or goes on in a second line.
//
// Thread: one at a time.
// Blocks: `serve` as the routes do.
// Fails:  construction throws std::runtime_error when the address cannot be bound, or a certificate cannot be used or
//         is too weak (certificate_strength.h).
// Limit:  16 connections, 8 KiB of request; a connection answers one request. 5 s from its beginning to the last byte
//         of the answer; when there are more than 16, the one that was opened first is closed.
// See:    http_listener.h
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/monitor/monitor_options.h"
#include "daemon/service/http_listener.h"
#include "pipeline/time.h"

namespace edgetide {

// By path, without its query. Must not throw.
using HttpRoutes = std::function<HttpAnswer(std::string_view path)>;

class HttpServer {
 public:
  HttpServer(const HttpServerOptions& options, HttpRoutes routes);
  ~HttpServer();

  // Readable when `serve` has something to do; and it is to be called after `due_in`, if that is given.
  int descriptor() const noexcept { return listener_.descriptor(); }
  std::optional<Duration> due_in() const noexcept { return listener_.due_in(); }
  void serve() noexcept { listener_.serve(); }

 private:
  class Answers;
  std::unique_ptr<Answers> answers_;
  HttpListener listener_;
};

}  // namespace edgetide
