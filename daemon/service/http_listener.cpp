#include "daemon/service/http_listener.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sstream>
#include <stdexcept>
#include <sys/epoll.h>

#include "daemon/service/accept_rest.h"
#include "daemon/service/certificate_strength.h"
#include "daemon/service/cidr.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/descriptor_reserve.h"
#include "daemon/service/http_head.h"
#include "daemon/service/regular_file.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

namespace {

using HttpTime = std::chrono::steady_clock::time_point;

constexpr unsigned max_accepted_at_once = 16;
constexpr unsigned runs_before_pause = 32;
constexpr std::size_t max_open_factor = 4;  // with those that are being closed
constexpr const char* tls_versions = "NORMAL:%PROFILE_MEDIUM:-VERS-TLS1.0:-VERS-TLS1.1";

[[noreturn]] void fail_to_listen(const HttpAddress& address) {
  throw std::runtime_error(address.name + ": cannot listen on " + address.listen + ": " + std::strerror(errno));
}

Descriptor listen_on(const HttpAddress& options) {
  const SocketAddress address = parse_inet(options.listen);
  Descriptor descriptor(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = descriptor.get();
  if (!descriptor.is_open()) fail_to_listen(options);
  constexpr int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address.get(), address.length) != 0 || ::listen(fd, SOMAXCONN) != 0) fail_to_listen(options);
  return descriptor;
}

std::string pem_of(const HttpAddress& options, const std::string& path) {
  if (path.empty()) return {};
  if (const std::string error = unfit_for_reading(path); !error.empty()) {
    throw std::runtime_error(options.name + ": " + path + ' ' + error);
  }
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) throw std::runtime_error(options.name + ": cannot read " + path);
  return text.str();
}

std::optional<Duration> sooner(std::optional<Duration> a, std::optional<Duration> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

}  // namespace

std::optional<std::string_view> HttpRequest::header(const char* name) const {
  const char* const value = MHD_lookup_connection_value(connection_, MHD_HEADER_KIND, name);
  return value == nullptr ? std::nullopt : std::optional<std::string_view>(value);
}

std::optional<std::string_view> HttpRequest::argument(const char* name) const {
  const char* const value = MHD_lookup_connection_value(connection_, MHD_GET_ARGUMENT_KIND, name);
  return value == nullptr ? std::nullopt : std::optional<std::string_view>(value);
}

class HttpListener::Daemon {
 public:
  Daemon(const HttpAddress& address, const HttpLimits& limits, HttpService& service)
      : address_(address),
        limits_(limits),
        service_(service),
        certificate_(pem_of(address, address.cert_file)),
        key_(pem_of(address, address.key_file)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        listener_(listen_on(address)),
        rest_(address.name, epoll_.get(), listener_.get()) {
    require_strength();
    start();
    watch(listener_.get());
    watch(MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
  }

  // libmicrohttpd takes no end while a connection is suspended.
  ~Daemon() {
    for (const auto& one : open_) drop(*one);
    MHD_run(daemon_.get());
  }

  int descriptor() const noexcept { return epoll_.get(); }

  std::optional<Duration> due_in() const noexcept {
    if (has_resumed_) return Duration();
    const HttpTime now = std::chrono::steady_clock::now();
    std::optional<Duration> due = rest_.due_in(now);
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (MHD_get_timeout(daemon_.get(), &milliseconds) == MHD_YES) {
      due = sooner(due, std::max(Duration::milliseconds(static_cast<std::int64_t>(milliseconds)), pause()));
    }
    if (const Open* const oldest = oldest_open(); oldest != nullptr) {
      const auto left =
          std::chrono::duration_cast<std::chrono::microseconds>(oldest->since + limits_.request_time - now);
      due = sooner(due, Duration::microseconds(std::max<std::int64_t>(left.count(), 0)));
    }
    return due;
  }

  void serve() noexcept {
    const HttpTime now = std::chrono::steady_clock::now();
    rest_.end_if_over(now);
    accept_peers(now);
    has_resumed_ = false;
    const std::uint64_t before = calls_;
    MHD_run(daemon_.get());
    runs_without_call_ = calls_ == before ? runs_without_call_ + 1 : 0;
    bool dropped = false;
    for (const auto& one : open_) {
      if (one->dropped || now < one->since + limits_.request_time) continue;
      drop(*one);
      dropped = true;
    }
    if (!std::exchange(has_resumed_, false) && !dropped) return;
    MHD_run(daemon_.get());
  }

  void answer(HttpRequest& request, HttpAnswer answer) noexcept {
    Open& one = connection_of(request);
    one.answer = std::move(answer);
    resume(one);
  }
  void drop(HttpRequest& request) noexcept { drop(connection_of(request)); }

 private:
  struct Open {
    MHD_Connection* connection;
    int descriptor;
    sockaddr_storage peer;
    HttpTime since;                        // its request has the time from here
    std::size_t target_size = 0;           // of the request line
    std::unique_ptr<HttpRequest> request;  // none: it waits for the head of one
    std::optional<HttpAnswer> answer;
    bool has_begun = false;  // the service knows of the request
    bool is_complete = false;
    bool suspended = false;
    bool dropped = false;
  };

  void require_strength() const {
    const std::string weakness = certificate_.empty() ? "" : certificate_weakness(certificate_);
    if (!weakness.empty()) throw std::runtime_error(address_.name + ": " + address_.cert_file + ": " + weakness);
  }

  void start() {
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;
    std::vector<MHD_OptionItem> items;
    if (!certificate_.empty()) {
      flags |= MHD_USE_TLS;
      items = {{MHD_OPTION_HTTPS_MEM_CERT, 0, certificate_.data()},
               {MHD_OPTION_HTTPS_MEM_KEY, 0, key_.data()},
               {MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(tls_versions)}};
    }
    items.push_back({MHD_OPTION_END, 0, nullptr});
    daemon_.reset(MHD_start_daemon(
        flags, 0, nullptr, nullptr, &Daemon::take, this, MHD_OPTION_CONNECTION_LIMIT,
        static_cast<unsigned>(max_open_factor * limits_.max_connections), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        limits_.max_head_bytes, MHD_OPTION_NOTIFY_CONNECTION, &Daemon::note, this, MHD_OPTION_NOTIFY_COMPLETED,
        &Daemon::end_request, this, MHD_OPTION_UNESCAPE_CALLBACK, &Daemon::leave_escaped, nullptr,
        MHD_OPTION_URI_LOG_CALLBACK, &Daemon::note_target, nullptr, MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END));
    if (daemon_ != nullptr) return;
    throw std::runtime_error(address_.name + ": libmicrohttpd does not start" +
                             (certificate_.empty() ? " on " + address_.listen : "; are certificate and key a pair?"));
  }

  void watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail_to_listen(address_);
  }

  // libmicrohttpd wants to run at once for as long as the line of a chunk fills its buffer, which nothing will change.
  Duration pause() const noexcept {
    return runs_without_call_ > runs_before_pause ? Duration::milliseconds(10) : Duration();
  }

  static std::size_t leave_escaped(void*, MHD_Connection*, char* text) noexcept { return std::strlen(text); }

  // ---- connections

  void accept_peers(HttpTime now) noexcept {
    for (unsigned i = 0; i < max_accepted_at_once; ++i) {
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      Descriptor socket(accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &length,  //
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket.is_open()) return static_cast<void>(rest_.begin(errno, now));
      if (limits_.leaves_reserve && is_reserved_descriptor(socket.get())) {
        service_.turned_away(HttpTurnedAway::descriptors, peer);
        continue;
      }
      if (!has_room_for(peer, now)) continue;
      const std::size_t open = open_.size();
      MHD_add_connection(daemon_.get(), socket.release(), reinterpret_cast<sockaddr*>(&peer), length);
      if (open_.size() == open) MHD_run(daemon_.get());  // it may only have been queued, and has to be counted
    }
  }

  bool has_room_for(const sockaddr_storage& peer, HttpTime now) noexcept {
    if (!service_.lets_in(peer)) return turn_away(HttpTurnedAway::not_allowed, peer);
    const auto is_open = [](const auto& one) { return !one->dropped; };
    const auto of_peer = std::count_if(open_.begin(), open_.end(),
                                       [&](const auto& one) { return is_open(one) && is_same(one->peer, peer); });
    if (static_cast<std::size_t>(of_peer) >= limits_.max_connections_per_peer && !limits_.oldest_makes_room) {
      return turn_away(HttpTurnedAway::max_connections_per_peer, peer);
    }
    const auto open = static_cast<std::size_t>(std::count_if(open_.begin(), open_.end(), is_open));
    if (open < limits_.max_connections) return true;
    Open* const oldest = limits_.oldest_makes_room ? oldest_open() : idle_connection(now);
    if (oldest == nullptr) return turn_away(HttpTurnedAway::max_connections, peer);
    if (!limits_.oldest_makes_room) service_.turned_away(HttpTurnedAway::idle, oldest->peer);
    drop(*oldest);
    return true;
  }

  bool turn_away(HttpTurnedAway why, const sockaddr_storage& peer) noexcept {
    service_.turned_away(why, peer);
    return false;
  }

  static bool is_same(const sockaddr_storage& a, const sockaddr_storage& b) noexcept {
    return is_loopback(a) ? is_loopback(b) : host_text(a) == host_text(b);
  }

  // Whose request has begun first.
  Open* oldest_open() const noexcept {
    Open* oldest = nullptr;
    for (const auto& one : open_) {
      if (!one->dropped && (oldest == nullptr || one->since < oldest->since)) oldest = one.get();
    }
    return oldest;
  }
  Open* idle_connection(HttpTime now) const noexcept {
    Open* idle = nullptr;
    for (const auto& one : open_) {
      if (one->dropped || one->request != nullptr || one->since + limits_.idle_time > now) continue;
      if (idle == nullptr || one->since < idle->since) idle = one.get();
    }
    return idle;
  }

  // A connection is closed by ending its socket: libmicrohttpd, whose socket it is, then finds that it is broken.
  void drop(Open& one) noexcept {
    shutdown(one.descriptor, SHUT_RDWR);
    one.dropped = true;
    resume(one);
  }

  void resume(Open& one) noexcept {
    if (!std::exchange(one.suspended, false)) return;
    MHD_resume_connection(one.connection);
    has_resumed_ = true;
  }

  Open& connection_of(const HttpRequest& request) noexcept {
    return **std::find_if(open_.begin(), open_.end(), [&](const auto& one) { return one->request.get() == &request; });
  }

  static Open& open_of(MHD_Connection* connection) noexcept {
    return *static_cast<Open*>(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
  }

  static sockaddr_storage peer_of(MHD_Connection* connection) noexcept {
    const sockaddr* const peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    sockaddr_storage copy{};
    std::memcpy(&copy, peer, peer->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    return copy;
  }

  static void note(void* self, MHD_Connection* connection, void** socket_context,
                   MHD_ConnectionNotificationCode code) noexcept {
    auto& open = static_cast<Daemon*>(self)->open_;
    ++static_cast<Daemon*>(self)->calls_;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
      open.push_back(std::make_unique<Open>());
      Open& one = *open.back();
      one.connection = connection;
      one.descriptor = fd;
      one.peer = peer_of(connection);
      one.since = std::chrono::steady_clock::now();
      *socket_context = &one;
    } else {
      std::erase_if(open, [&](const auto& one) { return one->connection == connection; });
    }
  }

  // ---- requests

  // Called when the first line of a request is there, and before it is taken apart.
  static void* note_target(void*, const char* target, MHD_Connection* connection) noexcept {
    open_of(connection).target_size = target == nullptr ? 0 : std::strlen(target);
    return nullptr;  // what `take` then finds as the state
  }

  // Called when the head of a request is there, for each part of its body, when all of that is there, and again when a
  // suspended connection goes on.
  static MHD_Result take(void* self, MHD_Connection* connection, const char* url, const char* method,
                         const char* version, const char* upload, std::size_t* upload_size, void** state) noexcept {
    auto& daemon = *static_cast<Daemon*>(self);
    Open& one = open_of(connection);
    ++daemon.calls_;
    if (one.dropped) return MHD_NO;
    if (*state == nullptr) {
      *state = &one;
      return daemon.begin(one, url, method, version);
    }
    if (*upload_size > 0) {
      daemon.take_part(one, {upload, *upload_size});
      *upload_size = 0;
      return MHD_YES;
    }
    return daemon.end_body(one);
  }

  MHD_Result begin(Open& one, const char* url, const char* method, const char* version) {
    one.request = std::make_unique<HttpRequest>(one.connection);
    one.request->path = url;
    one.request->method = method;
    one.request->version = version;
    one.is_complete = false;
    const std::string_view fault = fault_of_head(one.connection, {method, url, version, one.target_size});
    one.has_begun = fault.empty();
    if (!one.has_begun) {
      one.answer = HttpAnswer{.status = 400, .body = std::string(fault) + '\n'};
      return queue(one);
    }
    one.answer = service_.begin(*one.request);
    const auto length = one.request->header("Content-Length");
    if (!one.answer && length && is_beyond(*length)) one.answer = service_.too_large(*one.request);
    return one.answer && one.request->header("Expect") ? queue(one) : MHD_YES;
  }

  // libmicrohttpd has refused what is not a number.
  bool is_beyond(std::string_view length) const noexcept {
    while (length.starts_with('0')) length.remove_prefix(1);
    const std::string limit = std::to_string(limits_.max_body_bytes);
    return limits_.max_body_bytes > 0 &&
           (length.size() > limit.size() || (length.size() == limit.size() && length > limit));
  }

  void take_part(Open& one, std::string_view part) {
    if (one.answer || limits_.max_body_bytes == 0) return;
    if (part.size() <= limits_.max_body_bytes - one.request->body.size()) {
      one.request->body.append(part);
      return;
    }
    one.request->body = {};
    one.answer = service_.too_large(*one.request);
  }

  MHD_Result end_body(Open& one) {
    if (!one.answer && !std::exchange(one.is_complete, true)) one.answer = service_.complete(*one.request);
    if (one.answer) return queue(one);
    MHD_suspend_connection(one.connection);
    one.suspended = true;
    return MHD_YES;
  }

  MHD_Result queue(Open& one) const {
    HttpAnswer& answer = *one.answer;
    MHD_Response* const response =
        MHD_create_response_from_buffer(answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    const auto header = [&](const char* name, const char* value) { MHD_add_response_header(response, name, value); };
    if (answer.status != 204) header("Content-Type", answer.type.c_str());
    header("Content-Security-Policy", answer.content_policy.c_str());
    header("X-Content-Type-Options", "nosniff");
    header("Referrer-Policy", "no-referrer");
    header("Cache-Control", "no-store");
    for (const auto& [name, value] : answer.headers) header(name.c_str(), value.c_str());
    if (!limits_.keeps_alive || !one.has_begun) header("Connection", "close");
    const MHD_Result queued = MHD_queue_response(one.connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  static void end_request(void* self, MHD_Connection* connection, void** state,
                          MHD_RequestTerminationCode /*how*/) noexcept {
    Open& one = open_of(connection);
    *state = nullptr;
    if (one.request != nullptr && one.has_begun) static_cast<Daemon*>(self)->service_.ended(*one.request);
    one.request.reset();
    one.answer.reset();
    one.since = std::chrono::steady_clock::now();
  }

  struct Stop {
    void operator()(MHD_Daemon* daemon) const noexcept { MHD_stop_daemon(daemon); }
  };

  const HttpAddress address_;
  const HttpLimits limits_;
  HttpService& service_;
  std::string certificate_, key_;  // PEM
  const Descriptor epoll_;         // of the listener and of libmicrohttpd's epoll
  const Descriptor listener_;
  AcceptRest rest_;
  std::vector<std::unique_ptr<Open>> open_;
  std::uint64_t calls_ = 0;  // by libmicrohttpd, for what has gone on
  unsigned runs_without_call_ = 0;
  bool has_resumed_ = false;  // a connection, since it was served last: it has to be served again
  std::unique_ptr<MHD_Daemon, Stop> daemon_;
};

HttpListener::HttpListener(const HttpAddress& address, const HttpLimits& limits, HttpService& service)
    : daemon_(std::make_unique<Daemon>(address, limits, service)) {}
HttpListener::~HttpListener() = default;

int HttpListener::descriptor() const noexcept {
  return daemon_->descriptor();
}
std::optional<Duration> HttpListener::due_in() const noexcept {
  return daemon_->due_in();
}
void HttpListener::serve() noexcept {
  daemon_->serve();
}
void HttpListener::answer(HttpRequest& request, HttpAnswer answer) noexcept {
  daemon_->answer(request, std::move(answer));
}
void HttpListener::drop(HttpRequest& request) noexcept {
  daemon_->drop(request);
}

}  // namespace edgetide
