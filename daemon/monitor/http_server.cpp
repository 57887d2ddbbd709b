#include "daemon/monitor/http_server.h"

#include <cstring>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdexcept>
#include <utility>

#include "daemon/service/cidr.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/host_port.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

namespace {

constexpr unsigned max_connections = 16;
constexpr unsigned max_silence_seconds = 10;
constexpr std::size_t max_request_bytes = 8 * 1024;  // of each connection; including MHD's own data

[[noreturn]] void fail(const std::string& listen) {
  throw std::runtime_error("http: cannot listen on " + listen + ": " + std::strerror(errno));
}

Descriptor listen_on(const std::string& listen) {
  const SocketAddress address = parse_inet(listen);
  Descriptor descriptor(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = descriptor.get();
  if (!descriptor.is_open()) fail(listen);
  constexpr int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address.get(), address.length) != 0 || ::listen(fd, max_connections) != 0) fail(listen);
  return descriptor;
}

// "localhost:8080", "127.0.0.1", "[::1]:9465"
bool names_loopback(std::string_view host_header) {
  const std::optional<HostPort> parts = split_host_port(host_header);
  return parts && is_loopback_host(parts->host);
}

}  // namespace

class HttpServer::Daemon {
 public:
  Daemon(const std::string& listen, HttpRoutes routes)
      : routes_(std::move(routes)), loopback_(is_loopback(parse_inet(listen).storage)) {
    Descriptor socket = listen_on(listen);
    daemon_ =
        MHD_start_daemon(MHD_USE_EPOLL, 0, nullptr, nullptr, &Daemon::answer, this, MHD_OPTION_LISTEN_SOCKET,
                         socket.get(), MHD_OPTION_CONNECTION_LIMIT, max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
                         max_silence_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, max_request_bytes, MHD_OPTION_END);
    if (daemon_ == nullptr) throw std::runtime_error("http: libmicrohttpd does not start on " + listen);
    socket.release();  // libmicrohttpd closes it
  }
  ~Daemon() { MHD_stop_daemon(daemon_); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  int descriptor() const noexcept { return MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd; }
  std::optional<Duration> due_in() const noexcept {
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (MHD_get_timeout(daemon_, &milliseconds) != MHD_YES) return std::nullopt;
    return Duration::milliseconds(static_cast<std::int64_t>(milliseconds));
  }
  // With as many connections as there may be it listens no more, and only looks whether it may again at the begin of
  // a run: one more is due when some have ended, as nothing else may ever wake it.
  void serve() noexcept {
    const bool was_full = full_;
    MHD_run(daemon_);
    full_ = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections >= max_connections;
    if (was_full && !full_) MHD_run(daemon_);
  }

 private:
  // Called once when the head of a request is there, and again when the rest is.
  static MHD_Result answer(void* self, MHD_Connection* connection, const char* url, const char* method,
                           const char* /*version*/, const char* /*upload*/, std::size_t* upload_size, void** state) {
    static int begun;
    if (*state == nullptr) {
      *state = &begun;
      return MHD_YES;
    }
    *upload_size = 0;
    return queue(connection, static_cast<Daemon*>(self)->answer_to(connection, url, method));
  }

  HttpAnswer answer_to(MHD_Connection* connection, std::string_view path, std::string_view method) const {
    if (method != "GET" && method != "HEAD") return {.status = 405, .body = "GET and HEAD only\n"};
    const char* const host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    if (loopback_ && host != nullptr && !names_loopback(host)) {
      return {.status = 403, .body = "this address answers to localhost only\n"};
    }
    return routes_(path);
  }

  static MHD_Result queue(MHD_Connection* connection, HttpAnswer answer) {
    MHD_Response* const response =
        MHD_create_response_from_buffer(answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    const auto header = [&](const char* name, const char* value) { MHD_add_response_header(response, name, value); };
    header("Content-Type", answer.type.c_str());
    header("Content-Security-Policy", answer.content_policy.c_str());
    header("X-Content-Type-Options", "nosniff");
    header("Referrer-Policy", "no-referrer");
    header("Cache-Control", "no-store");
    header("Connection", "close");
    if (answer.status == 405) header("Allow", "GET, HEAD");
    const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  const HttpRoutes routes_;
  const bool loopback_;
  bool full_ = false;
  MHD_Daemon* daemon_ = nullptr;
};

HttpServer::HttpServer(const std::string& listen, HttpRoutes routes)
    : daemon_(std::make_unique<Daemon>(listen, std::move(routes))) {}
HttpServer::~HttpServer() = default;

int HttpServer::descriptor() const noexcept {
  return daemon_->descriptor();
}
std::optional<Duration> HttpServer::due_in() const noexcept {
  return daemon_->due_in();
}
void HttpServer::serve() noexcept {
  daemon_->serve();
}

}  // namespace edgetide
