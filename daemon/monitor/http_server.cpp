#include "daemon/monitor/http_server.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sstream>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include "daemon/monitor/accept_rest.h"
#include "daemon/monitor/host_check.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

namespace {

using HttpTime = std::chrono::steady_clock::time_point;

constexpr unsigned max_connections = 16;
constexpr unsigned max_open = 4 * max_connections;  // with those that are being closed
constexpr std::chrono::seconds answered_within{5};
constexpr std::size_t max_request_bytes = 8 * 1024;  // of each connection; including MHD's own data
constexpr const char* tls_versions = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";

[[noreturn]] void fail(const HttpServerOptions& options) {
  throw std::runtime_error(options.name + ": cannot listen on " + options.listen + ": " + std::strerror(errno));
}

Descriptor listen_on(const HttpServerOptions& options) {
  const SocketAddress address = parse_inet(options.listen);
  Descriptor descriptor(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = descriptor.get();
  if (!descriptor.is_open()) fail(options);
  constexpr int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address.get(), address.length) != 0 || ::listen(fd, SOMAXCONN) != 0) fail(options);
  return descriptor;
}

std::string pem_of(const HttpServerOptions& options, const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) throw std::runtime_error(options.name + ": cannot read " + path);
  return text.str();
}

// In a time that does not depend on where they differ.
bool same_secret(std::string_view given, std::string_view secret) {
  std::size_t difference = given.size() ^ secret.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  }
  return difference == 0;
}

bool bears(const char* authorization, const std::string& token) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization == nullptr || std::strlen(authorization) < scheme.size()) return false;
  const bool is_bearer = std::equal(scheme.begin(), scheme.end(), authorization,
                                    [](char wanted, char c) { return wanted == (c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return is_bearer && same_secret(authorization + scheme.size(), token);
}

std::optional<Duration> sooner(std::optional<Duration> a, std::optional<Duration> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

}  // namespace

class HttpServer::Daemon {
 public:
  Daemon(const HttpServerOptions& options, HttpRoutes routes)
      : options_(options),
        address_(parse_inet(options.listen)),
        routes_(std::move(routes)),
        certificate_(pem_of(options, options.cert_file)),
        key_(pem_of(options, options.key_file)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        listener_(listen_on(options)),
        rest_(options.name, epoll_.get(), listener_.get()) {
    start();
    watch(listener_.get());
    watch(MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
  }

  int descriptor() const noexcept { return epoll_.get(); }

  std::optional<Duration> due_in() const noexcept {
    const HttpTime now = std::chrono::steady_clock::now();
    std::optional<Duration> due = rest_.due_in(now);
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (MHD_get_timeout(daemon_.get(), &milliseconds) == MHD_YES) {
      due = sooner(due, Duration::milliseconds(static_cast<std::int64_t>(milliseconds)));
    }
    if (const auto oldest = first_open(); oldest != open_.end()) {
      const auto left = std::chrono::duration_cast<std::chrono::microseconds>(oldest->since + answered_within - now);
      due = sooner(due, Duration::microseconds(std::max<std::int64_t>(left.count(), 0)));
    }
    return due;
  }

  void serve() noexcept {
    const HttpTime now = std::chrono::steady_clock::now();
    rest_.end_if_over(now);
    accept_peers(now);
    MHD_run(daemon_.get());
    bool dropped = false;
    for (auto oldest = first_open(); oldest != open_.end() && now >= oldest->since + answered_within;
         oldest = first_open()) {
      drop(oldest);
      dropped = true;
    }
    if (dropped) MHD_run(daemon_.get());
  }

 private:
  // A connection is closed by ending its socket: libmicrohttpd, whose socket it is, then finds that it is broken.
  struct Open {
    MHD_Connection* connection;
    int descriptor;
    HttpTime since;
    bool dropped = false;
  };
  using Opened = std::vector<Open>;

  void start() {
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET;
    std::vector<MHD_OptionItem> items;
    if (!certificate_.empty()) {
      flags |= MHD_USE_TLS;
      items = {{MHD_OPTION_HTTPS_MEM_CERT, 0, certificate_.data()},
               {MHD_OPTION_HTTPS_MEM_KEY, 0, key_.data()},
               {MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(tls_versions)}};
    }
    items.push_back({MHD_OPTION_END, 0, nullptr});
    daemon_.reset(MHD_start_daemon(flags, 0, nullptr, nullptr, &Daemon::answer, this, MHD_OPTION_CONNECTION_LIMIT,
                                   max_open, MHD_OPTION_CONNECTION_MEMORY_LIMIT, max_request_bytes,
                                   MHD_OPTION_NOTIFY_CONNECTION, &Daemon::note, this, MHD_OPTION_ARRAY, items.data(),
                                   MHD_OPTION_END));
    if (daemon_ != nullptr) return;
    throw std::runtime_error(options_.name + ": libmicrohttpd does not start on " + options_.listen +
                             (certificate_.empty() ? "" : "; are certificate and key a pair?"));
  }

  void watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail(options_);
  }

  void accept_peers(HttpTime now) noexcept {
    for (unsigned i = 0; i < max_connections; ++i) {
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      Descriptor socket(accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &length,  //
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket.is_open()) return static_cast<void>(rest_.begin(errno, now));
      const auto open = std::count_if(open_.begin(), open_.end(), [](const Open& one) { return !one.dropped; });
      if (open >= max_connections) drop(first_open());
      MHD_add_connection(daemon_.get(), socket.release(), reinterpret_cast<sockaddr*>(&peer), length);
    }
  }

  Opened::const_iterator first_open() const noexcept {
    return std::find_if(open_.begin(), open_.end(), [](const Open& one) { return !one.dropped; });
  }
  void drop(Opened::const_iterator one) noexcept {
    shutdown(one->descriptor, SHUT_RDWR);
    open_[static_cast<std::size_t>(one - open_.begin())].dropped = true;
  }

  static void note(void* self, MHD_Connection* connection, void** /*state*/,
                   MHD_ConnectionNotificationCode code) noexcept {
    Opened& open = static_cast<Daemon*>(self)->open_;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
      open.push_back({connection, fd, std::chrono::steady_clock::now()});
    } else {
      std::erase_if(open, [&](const Open& one) { return one.connection == connection; });
    }
  }

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
    const auto header = [&](const char* name) {
      return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    };
    const char* const host = header("Host");
    if (!options_.any_host && host != nullptr && !answers_to_host(host, address_, options_.hosts)) {
      return {.status = 403, .body = "this name is not known here; [http] hosts lists those that are\n"};
    }
    if (!options_.token.empty() && !bears(header("Authorization"), options_.token)) {
      return {.status = 401, .body = "a token is needed\n"};
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
    if (answer.status == 401) header("WWW-Authenticate", "Bearer");
    const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  struct Stop {
    void operator()(MHD_Daemon* daemon) const noexcept { MHD_stop_daemon(daemon); }
  };

  const HttpServerOptions options_;
  const SocketAddress address_;
  const HttpRoutes routes_;
  std::string certificate_, key_;  // PEM
  const Descriptor epoll_;         // of the listener and of libmicrohttpd's epoll
  const Descriptor listener_;
  AcceptRest rest_;
  Opened open_;  // in the order of their beginnings
  std::unique_ptr<MHD_Daemon, Stop> daemon_;
};

HttpServer::HttpServer(const HttpServerOptions& options, HttpRoutes routes)
    : daemon_(std::make_unique<Daemon>(options, std::move(routes))) {}
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
