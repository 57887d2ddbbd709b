// The one user of Eclipse Paho C++.
//
// Each connection is a separate client: made, connected, subscribed, used until it is lost, destroyed, all by the
// source's connection thread. So no stale token, callback or half-open session of the library is ever met again.
//
// Paho acknowledges a message as soon as its callback returns, whatever the callback says. A message that the host does
// not take (the daemon stops) must not be acknowledged, and the callback cannot simply stay: it runs with the lock of
// the whole library held, so no client of the process could be ended any more. So the callback cuts the connection
// under the library, with shutdown(2), and returns: the PUBACK finds a dead socket, the library sees a lost connection,
// and the broker delivers the message again in the next one.
//
// The library does not tell the socket of a client, but its protocol trace opens the "<- CONNACK" line with it, on the
// receive thread right before the connected callback. That one number is all that is taken from the trace, which is
// on only while a source connects.
#include "daemon/sources/mqtt_source.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <mqtt/async_client.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <random>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "daemon/service/backoff.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/host_port.h"
#include "daemon/service/mutex.h"
#include "daemon/service/server_address.h"
#include "daemon/sources/accept_waiter.h"
#include "daemon/sources/message_fingerprint.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 15s;
constexpr auto answer_timeout = 15s;  // SUBACK
constexpr auto disconnect_timeout = 2s;
constexpr std::chrono::microseconds backoff_least = 50ms;
constexpr auto stable_after = 60s;  // two clients with one id throw each other out sooner
constexpr std::int32_t receive_maximum = 1000;
constexpr std::int32_t packet_slack_bytes = 64 * 1024;  // topic and properties beside the payload

constexpr int no_socket = -1;

// The socket of the CONNACK that Paho's receive thread has read last.
thread_local int traced_socket = no_socket;

// A line of Paho's trace: "YYYYMMDD HHMMSS.mmm SOCKET CLIENT-ID <- CONNACK rc: 0".
void note_traced_socket(MQTTASYNC_TRACE_LEVELS, char* line) noexcept {
  if (std::strstr(line, " <- CONNACK ") == nullptr) return;
  int socket = no_socket;
  if (std::sscanf(line, "%*s %*s %d ", &socket) == 1) traced_socket = socket;
}

// Paho's protocol trace is on while any of these lives; else the library formats no line at all.
class TracedConnect {
 public:
  TracedConnect() {
    const MutexLock lock(mutex_);
    if (count_++ > 0) return;
    MQTTAsync_setTraceCallback(note_traced_socket);
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_PROTOCOL);
  }
  ~TracedConnect() {
    const MutexLock lock(mutex_);
    if (--count_ == 0) MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
  }
  TracedConnect(const TracedConnect&) = delete;
  TracedConnect& operator=(const TracedConnect&) = delete;

 private:
  inline static Mutex mutex_;
  inline static int count_ GUARDED_BY(mutex_) = 0;
};

// Requires: `check` has passed.
ServerAddress server_of(const std::string& uri) {
  return parse_server(uri).value();
}

std::string to_paho(ServerAddress server) {
  if (server.scheme == "mqtt") server.scheme = "tcp";
  if (server.scheme == "mqtts") server.scheme = "ssl";
  return server.text();
}

void check(const MqttOptions& options) {
  if (options.servers.empty()) throw std::invalid_argument("no server is given");
  for (const std::string& uri : options.servers) {
    if (uri.find('@') != std::string::npos) {
      throw std::invalid_argument("a server holds no user or password; use username and password");
    }
    const std::optional<ServerAddress> server = parse_server(uri);
    if (!server)
      throw std::invalid_argument("server '" + uri + "' is not an address; write mqtts://broker.example:8883");
    if (server->encrypted() || is_loopback_host(server->host) || options.allow_plaintext) continue;
    throw std::invalid_argument("server '" + uri +
                                "' is not encrypted and not loopback; use mqtts://, or allow_plaintext");
  }
}

// The library would only say "TLS connect failure", time and again.
void check_readable(const std::string& file) {
  if (file.empty() || access(file.c_str(), R_OK) == 0) return;
  throw std::runtime_error("cannot read " + file + ": " + std::strerror(errno));
}

mqtt::ssl_options to_paho(const TlsOptions& tls) {
  mqtt::ssl_options options;
  if (!tls.ca.empty()) options.set_trust_store(tls.ca);
  if (!tls.cert.empty()) options.set_key_store(tls.cert);
  if (!tls.key.empty()) options.set_private_key(tls.key);
  options.set_enable_server_cert_auth(true);
  options.set_verify(true);  // the host name too: the library's default is not to look
  options.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
  return options;
}

mqtt::connect_options to_paho(const MqttOptions& options, bool encrypted) {
  mqtt::connect_options connect;
  connect.set_mqtt_version(options.protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
  connect.set_keep_alive_interval(std::chrono::microseconds(options.keep_alive.count()));
  connect.set_connect_timeout(connect_timeout);
  connect.set_automatic_reconnect(false);
  if (!options.username.empty()) connect.set_user_name(options.username);
  if (!options.password.empty()) connect.set_password(options.password);
  if (encrypted) connect.set_ssl(to_paho(options.tls));
  if (options.protocol != 5) {
    connect.set_clean_session(options.clean_start);
    return connect;
  }
  connect.set_clean_start(options.clean_start);
  mqtt::properties properties;
  const std::int64_t expiry_seconds = std::min<std::int64_t>(options.session_expiry.count() / 1'000'000, 0xFFFF'FFFF);
  properties.add({mqtt::property::SESSION_EXPIRY_INTERVAL, static_cast<std::int32_t>(expiry_seconds)});
  properties.add({mqtt::property::RECEIVE_MAXIMUM, receive_maximum});
  properties.add(
      {mqtt::property::MAXIMUM_PACKET_SIZE, static_cast<std::int32_t>(max_payload_bytes) + packet_slack_bytes});
  connect.set_properties(std::move(properties));
  return connect;
}

class MqttSource final : public Source {
 public:
  MqttSource(MqttOptions options, SourceId id, SourceHost& host, const std::vector<std::string>& former_filters)
      : options_(std::move(options)),
        id_(id),
        host_(host),
        waiter_(host, id, [this] { return liveness(); }),
        router_(options_.routes) {
    check(options_);
    const std::vector<std::string> filters = router_.filters();
    std::copy_if(
        former_filters.begin(), former_filters.end(), std::back_inserter(unwanted_filters_),
        [&](const std::string& former) { return std::find(filters.begin(), filters.end(), former) == filters.end(); });
  }
  ~MqttSource() override { stop(); }

  void start() override {
    for (const std::string& file : {options_.tls.ca, options_.tls.cert, options_.tls.key}) check_readable(file);
    waiter_.start();
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), ("mqtt-" + options_.name).substr(0, 15).c_str());
  }

  void stop() noexcept override {
    waiter_.stop();
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (!thread_.joinable()) return;
    thread_.join();
    host_.disconnected(id_, {});
  }

 private:
  // The connection thread.
  void run() noexcept {
    while (!stopping()) {
      const std::string& server = options_.servers[failures_ % options_.servers.size()];
      std::string error;
      try {
        error = serve(server);
      } catch (const std::exception& failure) {
        error = server + ": " + failure.what();
      }
      if (stopping()) break;
      host_.disconnected(id_, error);
      forget_socket();
      back_off();
    }
  }

  // One connection, from connect to its loss; returns why it ended, throws if it never stood.
  std::string serve(const std::string& server) {
    mqtt::async_client client(to_paho(server_of(server)), options_.client_id,
                              mqtt::create_options(options_.protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1),
                              nullptr);
    const ClientGuard guard(client);
    begin();
    client.set_connection_lost_handler(
        [this](const mqtt::string& cause) noexcept { set_lost(cause.empty() ? "connection lost" : cause); });
    client.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) noexcept {
      set_lost("the broker disconnected us, reason " + std::to_string(static_cast<int>(reason)));
    });
    client.set_connected_handler([this](const mqtt::string&) noexcept { note_socket(traced_socket); });
    client.set_message_callback([this](mqtt::const_message_ptr message) noexcept { take(*message); });

    const bool session_present = connect(client, server);
    subscribe(client);
    if (had_session_ && !session_present && !options_.clean_start) {
      host_.notice(id_, "the broker has forgotten our session; messages it kept for us are lost");
    }
    had_session_ = true;
    host_.connected(id_, server);
    const auto since = std::chrono::steady_clock::now();
    std::string error = wait_for_loss();
    if (std::chrono::steady_clock::now() - since >= stable_after) failures_ = 0;
    return error;
  }

  // Returns whether the broker knows our session.
  bool connect(mqtt::async_client& client, const std::string& server) {
    const TracedConnect trace;
    const auto connected = client.connect(to_paho(options_, server_of(server).encrypted()));
    wait(*connected, connect_timeout + 5s, "connect");
    return connected->get_connect_response().is_session_present();
  }

  // Filter by filter: the library's call for many crashes with options of MQTT 5 (paho.mqtt.cpp issue 524).
  void subscribe(mqtt::async_client& client) {
    const mqtt::subscribe_options how(false, false,
                                      options_.use_retained ? mqtt::subscribe_options::SEND_RETAINED_ON_SUBSCRIBE
                                                            : mqtt::subscribe_options::DONT_SEND_RETAINED);
    for (const std::string& filter : router_.filters()) {
      const std::string what = "subscription to '" + filter + "'";
      const auto subscribed = client.subscribe(filter, options_.qos, how);
      wait(*subscribed, answer_timeout, what);
      const auto codes = subscribed->get_subscribe_response().get_reason_codes();
      if (codes.empty() || static_cast<int>(codes.front()) == options_.qos) continue;
      throw std::runtime_error(what + " was granted at another QoS, " +
                               std::to_string(static_cast<int>(codes.front())));
    }
    for (; !unwanted_filters_.empty(); unwanted_filters_.pop_back()) {
      const auto unsubscribed = client.unsubscribe(unwanted_filters_.back());
      wait(*unsubscribed, answer_timeout, "end of the subscription to '" + unwanted_filters_.back() + "'");
    }
  }

  // Waits for the library's answer, in slices, so that a stop is not held up by a broker that says nothing.
  void wait(mqtt::token& token, std::chrono::seconds at_most, const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    try {
      while (!token.wait_for(100ms)) {
        if (stopping()) throw std::runtime_error("stopping");
        if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("no answer in time");
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(what + ": " + error.what());
    }
  }

  std::string wait_for_loss() {
    MutexLock lock(mutex_);
    while (!stopping_ && lost_.empty()) changed_.wait(lock);
    return lost_;
  }

  // From the shortest delay again, and from the first server, after a connection that stood.
  void back_off() {
    const Duration delay = backoff_delay(static_cast<unsigned>(failures_++), std::uniform_real_distribution()(random_));
    const auto until =
        std::chrono::steady_clock::now() + std::max(backoff_least, std::chrono::microseconds(delay.count()));
    MutexLock lock(mutex_);
    while (!stopping_ && changed_.wait_until(lock, until) != std::cv_status::timeout) {
    }
  }

  // A descriptor of our own: the library may close its own at any time, and the number may be given again.
  void note_socket(int socket) noexcept {
    socket_ = socket;
    const MutexLock lock(mutex_);
    watched_ = socket == no_socket ? Descriptor() : Descriptor(fcntl(socket, F_DUPFD_CLOEXEC, 0));
  }

  void forget_socket() noexcept {
    const MutexLock lock(mutex_);
    watched_ = Descriptor();
  }

  // When the broker was last heard, from the kernel, which also sees the answers to pings.
  std::optional<Liveness> liveness() const noexcept {
    const MutexLock lock(mutex_);
    if (watched_.get() < 0) return std::nullopt;
    tcp_info info{};
    socklen_t length = sizeof info;
    int waiting = 0;
    if (getsockopt(watched_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
    if (ioctl(watched_.get(), FIONREAD, &waiting) != 0) return std::nullopt;
    return Liveness{Duration::milliseconds(info.tcpi_last_data_recv), waiting > 0};
  }

  // Paho's receive thread, with the library's lock held: decode, accept, return.
  void take(const mqtt::message& message) noexcept {
    if (cut_) return;  // read before the cut; not acknowledged either
    if (message.is_retained() && !options_.use_retained) return;
    decode(message);
    if (batch_.readings.empty() && batch_.refusals.empty()) return;
    if (message.get_qos() > 0) {
      const auto& payload = message.get_payload_ref();
      batch_.end_message(message_fingerprint(message.get_topic(), {payload.data(), payload.size()}),
                         message.is_duplicate());
    }
    if (!waiter_.accept(batch_)) cut();
  }

  // A message that makes a decoder throw would come again and again: it is refused. Without memory the process ends
  // instead, and the message comes again.
  void decode(const mqtt::message& message) {
    batch_.clear();
    try {
      const auto& payload = message.get_payload_ref();
      router_.decode(message.get_topic(), std::string_view(payload.data(), payload.size()), batch_);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (...) {
      batch_.clear();
      batch_.refusals.push_back({Refusal::bad_syntax, message.get_topic(), 0});
    }
  }

  // Ends the connection of the message at hand before the library can acknowledge it. Where that fails, the process
  // must not live to acknowledge it.
  void cut() noexcept {
    cut_ = true;
    if (shutdown(socket_, SHUT_RDWR) != 0 && errno != ENOTCONN) std::abort();
    set_lost("a message was not taken, the connection was cut");
  }

  void begin() {
    const MutexLock lock(mutex_);
    lost_.clear();
    cut_ = false;
    socket_ = no_socket;
  }

  // The first reason is the telling one.
  void set_lost(const std::string& reason) noexcept {
    const MutexLock lock(mutex_);
    if (lost_.empty()) lost_ = reason;
    changed_.notify_all();
  }

  bool stopping() const {
    const MutexLock lock(mutex_);
    return stopping_;
  }

  // Ends a connection however `serve` is left.
  class ClientGuard {
   public:
    explicit ClientGuard(mqtt::async_client& client) : client_(client) {}
    ~ClientGuard() {
      try {
        if (client_.is_connected()) client_.disconnect(1000)->wait_for(disconnect_timeout);
      } catch (const std::exception&) {
        // The connection is gone already, which is what was wanted.
      }
    }
    ClientGuard(const ClientGuard&) = delete;
    ClientGuard& operator=(const ClientGuard&) = delete;

   private:
    mqtt::async_client& client_;
  };

  const MqttOptions options_;
  const SourceId id_;
  SourceHost& host_;
  AcceptWaiter waiter_;

  // Paho's receive thread only.
  Router router_;
  DecodedBatch batch_;

  mutable Mutex mutex_;
  Condition changed_;
  std::atomic<int> socket_ = no_socket;  // the library's, of this connection
  std::atomic<bool> cut_ = false;        // this connection was ended by `cut`
  bool stopping_ GUARDED_BY(mutex_) = false;
  Descriptor watched_ GUARDED_BY(mutex_);  // the same socket
  std::string lost_ GUARDED_BY(mutex_);    // why the connection was lost, empty while it stands

  // The connection thread only.
  std::vector<std::string> unwanted_filters_;  // that our session at the broker may still have
  bool had_session_ = false;
  std::size_t failures_ = 0;  // since a connection that stood
  std::minstd_rand random_{std::random_device{}()};

  std::thread thread_;
};

}  // namespace

std::unique_ptr<Source> make_mqtt_source(MqttOptions options, SourceId id, SourceHost& host,
                                         const std::vector<std::string>& former_filters) {
  return std::make_unique<MqttSource>(std::move(options), id, host, former_filters);
}

}  // namespace edgetide
