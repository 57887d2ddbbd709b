// Answers GET and HEAD on one address, read-only: for browsers and scrapers. It starts no
// thread; the caller's thread drives it.
//
// Requests to a loopback address whose Host header is another name are refused, so that a web page elsewhere cannot
// read what is here by a name that it points to this machine.
//
// Thread: one at a time.
// Blocks: `serve` as the routes do.
// Fails:  construction throws std::runtime_error when the address cannot be bound.
// Limit:  16 connections, 8 KiB of request, 10 s without a byte; a connection answers one request.
// The only user of libmicrohttpd.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/time.h"

namespace edgetide {

struct HttpAnswer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::string content_policy = "default-src 'none'";
};

// By path, without its query. Must not throw.
using HttpRoutes = std::function<HttpAnswer(std::string_view path)>;

class HttpServer {
 public:
  // `listen` as "127.0.0.1:9465" or "[::1]:9465"; port 0 takes a free one.
  HttpServer(const std::string& listen, HttpRoutes routes);
  ~HttpServer();

  // Readable when `serve` has something to do; and it is to be called after `due_in`, if that is given.
  int descriptor() const noexcept;
  std::optional<Duration> due_in() const noexcept;
  void serve() noexcept;

 private:
  class Daemon;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace edgetide
