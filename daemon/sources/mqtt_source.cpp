// The one user of Eclipse Paho C++.
//
// Each connection is a client of its own: made, connected, subscribed, used until it is lost, destroyed, all by the
// source's connection thread. So no stale token, callback or half-open session of the library is ever met again.
//
// Paho acknowledges a message when its callback returns, so the callback returns only for messages that were accepted.
// When the daemon stops while a message cannot be accepted, the callback parks Paho's receive thread until the process
// ends, and the client is left alone: the broker never gets the PUBACK and delivers the message again next time.
#include "daemon/sources/mqtt_source.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mqtt/async_client.h>
#include <mutex>
#include <pthread.h>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

namespace edgetide {

namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 15s;
constexpr auto answer_timeout = 15s;  // SUBACK
constexpr auto disconnect_timeout = 2s;
constexpr auto backoff_first = 1s;
constexpr auto backoff_most = 60s;
constexpr std::int32_t receive_maximum = 1000;
constexpr std::int32_t packet_slack_bytes = 64 * 1024;  // topic and properties beside the payload

// Paho has one receive thread for the whole process, and it holds the library's lock while a callback runs. Once it is
// parked, whoever asks the library for anything waits for ever.
struct ReceiveThread {
  std::mutex mutex;
  std::condition_variable changed;
  bool parked = false;  // guarded by mutex
};

ReceiveThread& receive_thread() {
  static auto* const state = new ReceiveThread;  // outlives every thread
  return *state;
}

// Disconnects and destroys the client on a thread of its own, and waits for that, unless the receive thread is parked:
// then the closing thread, and with it the client, waits for the end of the process.
void close_client(std::unique_ptr<mqtt::async_client> client) {
  const auto done = std::make_shared<bool>(false);
  std::thread closing([done, client = std::move(client)]() mutable {
    try {
      if (client->is_connected()) client->disconnect(1000)->wait_for(disconnect_timeout);
    } catch (const std::exception&) {
      // The connection is gone already, which is what was wanted.
    }
    client.reset();
    const std::lock_guard lock(receive_thread().mutex);
    *done = true;
    receive_thread().changed.notify_all();
  });
  pthread_setname_np(closing.native_handle(), "mqtt-closing");
  bool closed = false;
  {
    std::unique_lock lock(receive_thread().mutex);
    receive_thread().changed.wait(lock, [&] { return *done || receive_thread().parked; });
    closed = *done;
  }
  closed ? closing.join() : closing.detach();
}

struct ServerUri {
  std::string scheme;
  std::string rest;  // host:port...
};

ServerUri split(const std::string& uri) {
  const std::size_t end = uri.find("://");
  if (end == std::string::npos) throw std::invalid_argument("server '" + uri + "' has no scheme; write mqtt://" + uri);
  return {uri.substr(0, end), uri.substr(end + 3)};
}

bool is_encrypted(const std::string& scheme) {
  return scheme == "mqtts" || scheme == "wss" || scheme == "ssl";
}

bool is_loopback(const std::string& address) {
  const auto starts_with_host = [&](std::string_view host) {
    return address == host || address.starts_with(std::string(host) + ":") ||
           address.starts_with(std::string(host) + "/");
  };
  return starts_with_host("localhost") || starts_with_host("[::1]") || address.starts_with("127.");
}

std::string to_paho(const std::string& uri) {
  static const std::pair<const char*, const char*> schemes[] = {{"mqtt", "tcp"}, {"mqtts", "ssl"}, {"ws", "ws"},
                                                                {"wss", "wss"},  {"tcp", "tcp"},   {"ssl", "ssl"}};
  const ServerUri parts = split(uri);
  for (const auto& [ours, theirs] : schemes) {
    if (parts.scheme == ours) return std::string(theirs) + "://" + parts.rest;
  }
  throw std::invalid_argument("server '" + uri + "': the scheme is none of mqtt, mqtts, ws, wss");
}

void check(const MqttOptions& options) {
  if (options.servers.empty()) throw std::invalid_argument("no server is given");
  for (const std::string& uri : options.servers) {
    to_paho(uri);
    const ServerUri parts = split(uri);
    if (is_encrypted(parts.scheme) || is_loopback(parts.rest) || options.allow_plaintext) continue;
    throw std::invalid_argument("server '" + uri +
                                "' is not encrypted and not loopback; use mqtts://, or allow_plaintext");
  }
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
      {mqtt::property::MAXIMUM_PACKET_SIZE, static_cast<std::int32_t>(payload_bytes_max) + packet_slack_bytes});
  connect.set_properties(std::move(properties));
  return connect;
}

// Closes a connection however its scope is left.
class ClientGuard {
 public:
  explicit ClientGuard(std::unique_ptr<mqtt::async_client>& client) : client_(client) {}
  ~ClientGuard() { close_client(std::move(client_)); }
  ClientGuard(const ClientGuard&) = delete;
  ClientGuard& operator=(const ClientGuard&) = delete;

 private:
  std::unique_ptr<mqtt::async_client>& client_;
};

class MqttSource final : public Source {
 public:
  MqttSource(MqttOptions options, SourceId id, SourceHost& host)
      : options_(std::move(options)), id_(id), host_(host), router_(options_.routes) {
    check(options_);
  }
  ~MqttSource() override { stop(); }

  void start() override {
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), ("mqtt-" + options_.name).substr(0, 15).c_str());
  }

  void stop() noexcept override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  // The connection thread.
  void run() noexcept {
    for (std::size_t attempt = 0; !stopping(); ++attempt) {
      const std::string& server = options_.servers[attempt % options_.servers.size()];
      std::string trouble;
      try {
        trouble = serve(server);
      } catch (const std::exception& error) {
        trouble = server + ": " + error.what();
      }
      if (stopping()) break;
      host_.disconnected(id_, trouble);
      back_off();
    }
  }

  // One connection, from connect to its loss; returns why it ended, throws if it never stood.
  std::string serve(const std::string& server) {
    auto client = std::make_unique<mqtt::async_client>(
        to_paho(server), options_.client_id,
        mqtt::create_options(options_.protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1), nullptr);
    const ClientGuard guard(client);
    set_lost("");
    client->set_connection_lost_handler(
        [this](const mqtt::string& cause) noexcept { set_lost(cause.empty() ? "connection lost" : cause); });
    client->set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) noexcept {
      set_lost("the broker disconnected us, reason " + std::to_string(static_cast<int>(reason)));
    });
    client->set_message_callback([this](mqtt::const_message_ptr message) noexcept { take(*message); });

    const auto connected = client->connect(to_paho(options_, is_encrypted(split(server).scheme)));
    wait(*connected, connect_timeout + 5s, "connect");
    const bool session_present = connected->get_connect_response().is_session_present();
    subscribe(*client);
    if (had_session_ && !session_present && !options_.clean_start) {
      host_.notice(id_, "the broker has forgotten our session; messages it kept for us are lost");
    }
    had_session_ = true;
    failures_ = 0;
    host_.connected(id_, server);
    return wait_for_loss();
  }

  void subscribe(mqtt::async_client& client) {
    const auto filters = mqtt::string_collection::create(router_.filters());
    const mqtt::iasync_client::qos_collection qos(filters->size(), options_.qos);
    std::vector<mqtt::subscribe_options> how;
    if (options_.protocol == 5) {
      how.assign(filters->size(),
                 mqtt::subscribe_options(false, false,
                                         options_.use_retained ? mqtt::subscribe_options::SEND_RETAINED_ON_SUBSCRIBE
                                                               : mqtt::subscribe_options::DONT_SEND_RETAINED));
    }
    const auto subscribed = client.subscribe(filters, qos, how);
    wait(*subscribed, answer_timeout, "subscribe");
    const auto codes = subscribed->get_subscribe_response().get_reason_codes();
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (static_cast<int>(codes[i]) == options_.qos) continue;
      throw std::runtime_error("subscription to '" + (*filters)[i] + "' was " +
                               (static_cast<int>(codes[i]) >= 0x80 ? "refused" : "granted at a lower QoS") + ", code " +
                               std::to_string(static_cast<int>(codes[i])));
    }
  }

  // Waits for the library's answer, in slices, so that a stop is not held up by a broker that says nothing.
  void wait(mqtt::token& token, std::chrono::seconds at_most, const char* what) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    try {
      while (!token.wait_for(100ms)) {
        if (stopping()) throw std::runtime_error("stopping");
        if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("no answer in time");
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string(what) + ": " + error.what());
    }
  }

  std::string wait_for_loss() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || !lost_.empty(); });
    return lost_;
  }

  // Full jitter, doubling from 1 s to 60 s; at once after a connection that stood.
  void back_off() {
    const auto ceiling =
        std::min<std::chrono::milliseconds>(backoff_most, backoff_first * (1 << std::min(failures_, 6)));
    ++failures_;
    const std::chrono::milliseconds delay(std::uniform_int_distribution<long>(50, ceiling.count())(random_));
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, delay, [&] { return stopping_; });
  }

  // Paho's receive thread, with the library's lock held: decode, accept, return.
  void take(const mqtt::message& message) noexcept {
    if (message.is_retained() && !options_.use_retained) return;
    batch_.clear();
    const auto& payload = message.get_payload_ref();
    router_.decode(message.get_topic(), std::string_view(payload.data(), payload.size()), batch_);
    if (batch_.readings.empty() && batch_.refusals.empty()) return;
    if (host_.accept(id_, batch_)) return;
    {
      const std::lock_guard lock(receive_thread().mutex);
      receive_thread().parked = true;
      receive_thread().changed.notify_all();
    }
    while (true) std::this_thread::sleep_for(1h);
  }

  void set_lost(const std::string& reason) noexcept {
    const std::lock_guard lock(mutex_);
    lost_ = reason;
    changed_.notify_all();
  }

  bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  const MqttOptions options_;
  const SourceId id_;
  SourceHost& host_;

  // Paho's receive thread only.
  Router router_;
  DecodedBatch batch_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::string lost_;       // guarded by mutex_; why the connection was lost, empty while it stands

  // The connection thread only.
  bool had_session_ = false;
  int failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};

  std::thread thread_;
};

}  // namespace

std::unique_ptr<Source> make_mqtt_source(MqttOptions options, SourceId id, SourceHost& host) {
  return std::make_unique<MqttSource>(std::move(options), id, host);
}

}  // namespace edgetide
