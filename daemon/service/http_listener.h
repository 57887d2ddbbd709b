// HTTP on one address, plain or with TLS, within bounds. What a request is answered is its HttpService's. It starts no
// thread; the caller's thread drives it.
//
//   service.begin      the head of a request is there, each header on one line; an answer given now spares the body
//   service.complete   and so is its body; it is answered now or later, by `answer`
//   service.ended      it was answered, or its connection has ended
//
// A connection has `request_time` from its beginning, or from the end of its last answer, to the last byte of the next
// answer. A body that is refused is read on and discarded, so that its sender can read the answer, unless the sender
// waits for a word (`Expect: 100-continue`).
//
// Thread: one at a time; the service is called from `serve`.
// Blocks: `serve` as the service does.
// Fails:  construction throws std::runtime_error when the address cannot be bound, or a certificate cannot be used.
// Limit:  HttpLimits.
// The only user of libmicrohttpd.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "pipeline/time.h"

struct MHD_Connection;

namespace edgetide {

struct HttpAnswer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = {};
  std::string content_policy = "default-src 'none'";
  std::vector<std::pair<std::string, std::string>> headers = {};  // further ones
};

// What a service keeps with a request.
class HttpNote {
 public:
  virtual ~HttpNote() = default;
};

// Lives until `ended` has returned.
class HttpRequest {
 public:
  explicit HttpRequest(MHD_Connection* connection) noexcept : connection_(connection) {}

  std::string_view method, version;
  std::string_view path;  // without its query; %XX as written
  std::string body;
  std::unique_ptr<HttpNote> note;

  // Nothing: there is none. Of several, the first; what must not be there twice is not (http_head.h).
  std::optional<std::string_view> header(const char* name) const;
  // Of the query; %XX as written, "+" as a blank.
  std::optional<std::string_view> argument(const char* name) const;

 private:
  MHD_Connection* const connection_;
};

// Why a connection was closed that could have gone on.
enum class HttpTurnedAway { not_allowed, max_connections, max_connections_per_peer, idle, descriptors };

class HttpService {
 public:
  virtual ~HttpService() = default;

  virtual bool lets_in(const sockaddr_storage& /*peer*/) noexcept { return true; }
  virtual void turned_away(HttpTurnedAway /*why*/, const sockaddr_storage& /*peer*/) noexcept {}

  virtual std::optional<HttpAnswer> begin(HttpRequest& request) noexcept = 0;
  // Nothing: `answer` follows. Not called for what `begin` has answered.
  virtual std::optional<HttpAnswer> complete(HttpRequest& request) noexcept = 0;
  // Its body is, or would be, beyond max_body_bytes.
  virtual HttpAnswer too_large(HttpRequest& /*request*/) noexcept { return {.status = 413, .body = "too large\n"}; }
  // Of every request that `begin` was called for.
  virtual void ended(HttpRequest& /*request*/) noexcept {}
};

struct HttpLimits {
  std::size_t max_connections = 16;
  std::size_t max_connections_per_peer = 16;  // an address, all of loopback together
  std::size_t max_head_bytes = 8 * 1024;      // of each connection, including libmicrohttpd's own data
  std::size_t max_body_bytes = 0;             // more is answered by `too_large`; 0: bodies are discarded
  std::chrono::milliseconds request_time = std::chrono::seconds(5);
  bool keeps_alive = false;  // a connection may have several requests, one after the other
  // When there are max_connections: the oldest is closed; otherwise the one that has waited for a request for longest,
  // and for idle_time at least, or the new one.
  bool oldest_makes_room = true;
  std::chrono::milliseconds idle_time = std::chrono::seconds(1);
  bool leaves_reserve = false;  // the last descriptors are not for its peers (descriptor_reserve.h)
};

struct HttpAddress {
  std::string name = "http";   // for messages
  std::string listen = {};     // "127.0.0.1:9465" or "[::1]:9465"; port 0 takes a free one
  std::string cert_file = {};  // PEM; with them it speaks TLS only
  std::string key_file = {};
};

class HttpListener {
 public:
  // The service outlives the listener.
  HttpListener(const HttpAddress& address, const HttpLimits& limits, HttpService& service);
  ~HttpListener();

  // Readable when `serve` has something to do; and it is to be called after `due_in`, if that is given.
  int descriptor() const noexcept;
  std::optional<Duration> due_in() const noexcept;
  void serve() noexcept;

  // Of a request that is complete and was not answered.
  void answer(HttpRequest& request, HttpAnswer answer) noexcept;
  // Its connection ends, without an answer.
  void drop(HttpRequest& request) noexcept;

 private:
  class Daemon;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace edgetide
