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
//
// Nor does it hand the packet id of a message on. That is in the message's C struct, which is private; `packet_of`
// reaches it in the one way that the language has for this.
#include "daemon/sources/mqtt_source.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mqtt/async_client.h>
#include <pthread.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "daemon/service/descriptor.h"
#include "daemon/service/host_port.h"
#include "daemon/service/memory_limit.h"
#include "daemon/service/mutex.h"
#include "daemon/service/regular_file.h"
#include "daemon/service/server_address.h"
#include "daemon/service/tcp_state.h"
#include "daemon/sources/accept_waiter.h"
#include "daemon/sources/message_fingerprint.h"
#include "daemon/sources/mqtt_subscriptions.h"
#include "daemon/sources/packet_watch.h"
#include "daemon/sources/reconnect_pace.h"
#include "daemon/sources/topic_filter.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 15s;
constexpr auto answer_timeout = 15s;  // SUBACK
constexpr auto disconnect_timeout = 2s;
constexpr std::chrono::microseconds backoff_least = 50ms;
constexpr std::size_t max_waiting_replies = 100;
constexpr std::int32_t receive_maximum = 1000;
// Of MQTT 5. More than that: after connections that ended soon one after the other, mosquitto 2.0 was seen to send
// some thousands of messages again.
constexpr std::uint32_t messages_sent_again = 16 * receive_maximum;
constexpr std::uint32_t packet_ids = 65'535;  // as many as MQTT 3.1.1 brokers may send unacknowledged
constexpr int reason_taken_over = 142;
constexpr std::int32_t packet_slack_bytes = 64 * 1024;  // topic and properties beside the payload

// The library reads any packet into memory, three times over, whatever was announced. One that takes a larger part than
// this of what the process may have is cut off while it comes.
constexpr std::uint64_t packet_part_of_memory = 8;
constexpr unsigned tries_to_receive = 2;           // a message that could not be received so often ends its session
constexpr unsigned tries_before_ending_again = 5;  // a retained one comes in each session, until it is cleared
constexpr auto watch_closely_for = 10s;            // what killed us the last time comes first
constexpr auto look_closely_each = 20ms;
constexpr auto look_each = 1s;

constexpr int no_socket = -1;

// The socket of the CONNACK that Paho's receive thread has read last.
thread_local int traced_socket = no_socket;

// A line of Paho's trace: "YYYYMMDD HHMMSS.mmm SOCKET CLIENT-ID <- CONNACK rc: 0".
void note_traced_socket(MQTTASYNC_TRACE_LEVELS, char* line) noexcept {
  if (std::strstr(line, " <- CONNACK ") == nullptr) return;
  int socket = no_socket;
  if (std::sscanf(line, "%*s %*s %d ", &socket) == 1) traced_socket = socket;
}

// An explicit instantiation may name a private member.
const MQTTAsync_message& packet_of(const mqtt::message& message);
template <MQTTAsync_message mqtt::message::*Packet>
struct Reveal {
  friend const MQTTAsync_message& packet_of(const mqtt::message& message) { return message.*Packet; }
};
template struct Reveal<&mqtt::message::msg_>;

std::uint16_t packet_id_of(const mqtt::message& message) {
  return message.get_qos() == 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(packet_of(message).msgid);
}

// As MQTT has it: brokers must not send others.
bool is_topic_name(std::string_view topic) {
  return !topic.empty() && topic.find_first_of(std::string_view("+#\0", 3)) == topic.npos;
}

// A connection that could not be made, as the library says it.
struct ConnectFailed : std::runtime_error {
  ConnectFailed(const std::string& reason, bool nothing_listens) : runtime_error(reason), refused(nothing_listens) {}
  bool refused;
};

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

// A file of the configuration that may come, or come back.
struct FileUnreadable : std::runtime_error {
  using runtime_error::runtime_error;
};

// The library would only say "TLS connect failure", time and again, or wait for a FIFO with its lock held.
void check_readable(const TlsOptions& tls) {
  for (const std::string& file : {tls.ca, tls.cert, tls.key}) {
    if (file.empty()) continue;
    if (access(file.c_str(), R_OK) != 0) throw FileUnreadable("cannot read " + file + ": " + std::strerror(errno));
    if (const std::string error = unfit_for_reading(file); !error.empty()) throw FileUnreadable(file + ' ' + error);
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
  options.set_enabled_cipher_suites("DEFAULT:@SECLEVEL=2");  // the library sets 1, which takes RSA keys of 1024 bits
  return options;
}

mqtt::connect_options to_paho(const MqttOptions& options, bool encrypted, bool clean) {
  mqtt::connect_options connect;
  connect.set_mqtt_version(options.protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
  connect.set_keep_alive_interval(std::chrono::microseconds(options.keep_alive.count()));
  connect.set_connect_timeout(connect_timeout);
  connect.set_automatic_reconnect(false);
  if (!options.username.empty()) connect.set_user_name(options.username);
  if (!options.password.empty()) connect.set_password(options.password);
  if (encrypted) connect.set_ssl(to_paho(options.tls));
  if (options.protocol != 5) {
    connect.set_clean_session(clean);
    return connect;
  }
  connect.set_clean_start(clean);
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
  MqttSource(MqttOptions options, SourceId id, SourceHost& host)
      : options_(std::move(options)),
        id_(id),
        host_(host),
        waiter_(host, id, [this] { return liveness(); }),
        router_(options_.routes),
        filters_(without_covered(router_.filters())),
        subscriptions_(filters_, {}) {
    check(options_);
  }
  ~MqttSource() override { stop(); }

  void start() override {
    check_readable(options_.tls);
    for (const StoredPosition& known : host_.positions(id_)) router_.restore_state(known.partition, known.bytes);
    {
      const MutexLock lock(mutex_);
      stopping_ = false;
    }
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
    host_.impaired(id_, {});
    host_.disconnected(id_, {});
  }

 private:
  // The connection thread.
  void run() noexcept {
    while (!stopping()) {
      const std::string error = serve_one();
      note_loss();
      if (stopping()) break;
      host_.disconnected(id_, error);
      forget_socket();
      host_.impaired(id_, impairment());
      wait_until_next_try();
    }
  }

  // Returns why it ended, or did not begin.
  std::string serve_one() noexcept {
    if (receive_failures_ >= (session_ended_ ? tries_before_ending_again : tries_to_receive)) return end_session();
    const std::string& server = options_.servers[pace_.tries() % options_.servers.size()];
    unreadable_.clear();
    try {
      if (server_of(server).encrypted()) check_readable(options_.tls);
      return serve(server);
    } catch (const FileUnreadable& failure) {
      pace_.failed();
      return unreadable_ = failure.what();
    } catch (const ConnectFailed& failure) {
      failure.refused ? pace_.refused() : pace_.failed();
      return server + ": " + failure.what();
    } catch (const std::exception& failure) {
      pace_.failed();
      return server + ": " + failure.what();
    }
  }

  std::string impairment() const {
    if (pace_.is_taken_over()) return taken_over(pace_.is_said());
    if (receive_failures_ == 0) return unreadable_;
    return "a message of more than " + std::to_string(most_packet_bytes_) + " bytes is too large for the memory here" +
           (session_ended_ ? ", and comes again in a new session: a retained one has to be cleared at the broker" : "");
  }

  // A session whose next message cannot be received would never get on. What the broker keeps in it is lost.
  std::string end_session() noexcept {
    const std::string server = session_.substr(session_.find('@', options_.client_id.size()) + 1);
    try {
      mqtt::async_client client(to_paho(server_of(server)), options_.client_id,
                                mqtt::create_options(options_.protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1),
                                nullptr);
      const ClientGuard guard(client);
      set_lost_nothing();
      mqtt::connect_options how = to_paho(options_, server_of(server).encrypted(), true);
      if (options_.protocol == 5) how.set_properties({});  // without an expiry it ends with its connection
      wait(*client.connect(how), connect_timeout + 5s, "connect");
      receive_failures_ = 0;
      packet_cut_ = false;
      session_ended_ = true;
      pace_.refused();
      host_.notice(id_, "a message of more than " + std::to_string(most_packet_bytes_) +
                            " bytes could not be received twice: its session was ended, and what the broker kept in it "
                            "is lost; limit messages at the broker (message_size_limit of mosquitto)");
      return server + ": the session was ended";
    } catch (const std::exception& failure) {
      pace_.failed();
      return server + ": " + failure.what();
    }
  }

  std::string taken_over(bool is_sure) const {
    return "another client " + std::string(is_sure ? "uses" : "seems to use") + " the client id " + options_.client_id +
           " and takes over its connection";
  }

  // One connection, from connect to its loss; returns why it ended, throws if it never stood.
  std::string serve(const std::string& server) {
    mqtt::async_client client(to_paho(server_of(server)), options_.client_id,
                              mqtt::create_options(options_.protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1),
                              nullptr);
    const ClientGuard guard(client);
    begin(server);
    client.set_connection_lost_handler(
        [this](const mqtt::string& cause) noexcept { set_lost(cause.empty() ? "connection lost" : cause); });
    client.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) noexcept {
      if (static_cast<int>(reason) == reason_taken_over) broker_says_taken_over_ = true;
      set_lost("the broker disconnected us, reason " + std::to_string(static_cast<int>(reason)) +
               (broker_says_taken_over_ ? ": " + taken_over(true) : ""));
    });
    client.set_connected_handler([this](const mqtt::string&) noexcept { note_socket(traced_socket); });
    client.set_message_callback([this](mqtt::const_message_ptr message) noexcept { take(*message); });

    connect(client, server);
    subscribe(client);
    host_.connected(id_, server);
    if (!pace_.is_taken_over() && receive_failures_ == 0) host_.impaired(id_, {});
    const auto since = std::chrono::steady_clock::now();
    std::string error = wait_for_loss(client, since);
    const auto stood = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - since);
    pace_.lost(Duration::microseconds(stood.count()), delivered_, broker_says_taken_over_);
    return error;
  }

  // What is sent again is judged by the session that it was first sent in, and may come as soon as we are connected.
  void begin(const std::string& server) {
    {
      const MutexLock lock(mutex_);
      lost_.clear();
      replies_.clear();
    }
    cut_ = delivered_ = broker_says_taken_over_ = packet_cut_ = false;
    messages_ = 0;
    watch_.emplace(most_packet_bytes_);
    // With MQTT 5 the broker knows how large a message may be.
    watch_closely_until_ = std::chrono::steady_clock::now() + (options_.protocol == 5 ? 0s : watch_closely_for);
    socket_ = no_socket;
    acknowledged_ = 0;
    session_ = options_.client_id + '@' + server;
    const std::string notes = host_.session_notes(session_).value_or(std::string());
    had_session_ = !notes.empty();
    set_subscriptions(notes);
    note_session({.name = session_, .notes = notes});
  }

  void set_subscriptions(std::string_view notes) {
    MqttSubscriptions subscriptions(filters_, notes);
    const MutexLock lock(mutex_);
    subscriptions_ = std::move(subscriptions);
  }

  void note_session(SourceSession session) {
    session.in_flight = options_.protocol == 5 ? messages_sent_again : packet_ids;
    if (!host_.begin_session(id_, session)) throw std::runtime_error("the journal cannot note the session now");
  }

  void connect(mqtt::async_client& client, const std::string& server) {
    const TracedConnect trace;
    const auto connected = client.connect(to_paho(options_, server_of(server).encrypted(), options_.clean_start));
    try {
      wait(*connected, connect_timeout + 5s, "connect");
    } catch (const std::exception& error) {
      throw ConnectFailed(error.what(), connected->is_complete() && connected->get_return_code() == MQTTASYNC_FAILURE);
    }
    const auto response = connected->get_connect_response();
    const mqtt::properties& properties = response.get_properties();
    check_connack(response.is_session_present(), properties);
    has_identifiers_ = options_.protocol == 5 &&
                       (!properties.contains(mqtt::property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE) ||
                        mqtt::get<std::uint8_t>(properties, mqtt::property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE) != 0);
    if (!response.is_session_present()) begin_new_session();
  }

  // What no broker may answer, and what our session could not work with.
  void check_connack(bool session_present, const mqtt::properties& properties) const {
    if (session_present && options_.clean_start)
      throw wrong_answer("it has a session though a clean start was asked for");
    if (options_.protocol != 5) return;
    using mqtt::property;
    const auto number = [&](property::code code, std::uint32_t otherwise) {
      return properties.contains(code) ? number_of(properties, code) : otherwise;
    };
    if (number(property::RECEIVE_MAXIMUM, 1) == 0) throw wrong_answer("receive maximum 0");
    if (number(property::MAXIMUM_PACKET_SIZE, 1) == 0) throw wrong_answer("maximum packet size 0");
    const std::uint32_t qos = number(property::MAXIMUM_QOS, 2);
    if (qos > 2) throw wrong_answer("maximum QoS " + std::to_string(qos));
    if (qos < static_cast<std::uint32_t>(options_.qos)) {
      throw std::runtime_error("connect: the broker allows QoS " + std::to_string(qos) + " at most, qos is " +
                               std::to_string(options_.qos));
    }
    if (!properties.contains(property::ASSIGNED_CLIENT_IDENTIFER)) return;
    if (mqtt::get<std::string>(properties, property::ASSIGNED_CLIENT_IDENTIFER) != options_.client_id) {
      throw wrong_answer("another client id than ours, whose session is not ours");
    }
  }

  static std::uint32_t number_of(const mqtt::properties& properties, mqtt::property::code code) {
    if (code == mqtt::property::RECEIVE_MAXIMUM) return mqtt::get<std::uint16_t>(properties, code);
    if (code == mqtt::property::MAXIMUM_QOS) return mqtt::get<std::uint8_t>(properties, code);
    return mqtt::get<std::uint32_t>(properties, code);
  }

  static std::runtime_error wrong_answer(const std::string& what) {
    return std::runtime_error("the broker's answer to connect is wrong: " + what);
  }

  // Nothing comes in it before we subscribe.
  void begin_new_session() {
    const bool lost = had_session_ && !options_.clean_start;
    set_subscriptions({});
    const std::string none;
    note_session({.name = session_, .is_new = true, .is_lost = lost, .notes = none});
    if (lost) host_.notice(id_, "the broker has forgotten our session; messages it kept for us are lost");
  }

  // What the session has is noted before it has it, and until it has no more of it.
  void subscribe(mqtt::async_client& client) {
    MqttSubscriptions subscriptions = copy_of_subscriptions();
    const std::string before = subscriptions.notes();
    note_session({.name = session_, .notes = before});
    for (const auto& one : subscriptions.all()) {
      if (one.is_needed()) subscribe(client, one);
    }
    for (const auto& one : subscriptions.all()) {
      if (one.is_needed() || !one.at_broker) continue;
      unsubscribe(client, one.filter);
    }
    subscriptions.forget_at_broker();
    const std::string after = subscriptions.notes();
    note_session({.name = session_, .notes = after});
    const MutexLock lock(mutex_);
    subscriptions_ = std::move(subscriptions);
  }

  // Filter by filter: the library's call for many crashes with options of MQTT 5 (paho.mqtt.cpp issue 524).
  void subscribe(mqtt::async_client& client, const MqttSubscriptions::Subscription& one) {
    const mqtt::subscribe_options how(false, false,
                                      options_.use_retained ? mqtt::subscribe_options::SEND_RETAINED_ON_SUBSCRIBE
                                                            : mqtt::subscribe_options::DONT_SEND_RETAINED);
    mqtt::properties properties;
    if (has_identifiers_) {
      properties.add({mqtt::property::SUBSCRIPTION_IDENTIFIER, static_cast<std::int32_t>(one.identifier)});
    }
    const std::string what = "subscription to '" + one.filter + "'";
    const auto subscribed = client.subscribe(one.filter, options_.qos, how, properties);
    wait(*subscribed, answer_timeout, what);
    const auto codes = subscribed->get_subscribe_response().get_reason_codes();
    check_count(codes.size(), what);
    const int code = static_cast<int>(codes.front());
    if (code == options_.qos) return;
    if (code >= 0 && code <= 2) throw std::runtime_error(what + " was granted at another QoS, " + std::to_string(code));
    // With 3.1.1 and more than one code, the library gives half a pointer for the code.
    throw std::runtime_error(what + ": the broker's answer has no valid reason code");
  }

  static void check_count(std::size_t codes, const std::string& what) {
    if (codes == 1) return;
    throw std::runtime_error(what + ": the broker's answer has " + std::to_string(codes) +
                             " reason codes, 1 was expected");
  }

  void unsubscribe(mqtt::async_client& client, const std::string& filter) {
    const std::string what = "end of the subscription to '" + filter + "'";
    const auto ended = client.unsubscribe(filter);
    wait(*ended, answer_timeout, what);
    if (options_.protocol != 5) return;  // whose brokers answer without codes
    const auto codes = ended->get_unsubscribe_response().get_reason_codes();
    check_count(codes.size(), what);
  }

  MqttSubscriptions copy_of_subscriptions() const {
    const MutexLock lock(mutex_);
    return subscriptions_;
  }

  // Waits for the library's answer, in slices, so that a stop is not held up by a broker that says nothing.
  void wait(mqtt::token& token, std::chrono::seconds at_most, const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    try {
      while (!token.wait_for(look_closely_each)) {
        look_at_packet();
        if (stopping()) throw std::runtime_error("stopping");
        // The library forgets the token when a broker's answer is malformed.
        if (std::string reason = why_lost(); !reason.empty()) throw std::runtime_error(reason);
        if (std::chrono::steady_clock::now() >= deadline) throw std::runtime_error("no answer in time");
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(what + ": " + error.what());
    }
  }

  // Sends replies meanwhile.
  std::string wait_for_loss(mqtt::async_client& client, std::chrono::steady_clock::time_point since) {
    const auto peace = since + std::chrono::microseconds(ReconnectPace::peace_after.count());
    bool at_peace = false;
    while (true) {
      std::vector<std::pair<std::string, std::string>> replies;
      {
        MutexLock lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        const auto look = now + (now < watch_closely_until_ ? std::chrono::milliseconds(look_closely_each) : look_each);
        const auto until = at_peace ? look : std::min(look, peace);
        while (!stopping_ && lost_.empty() && replies_.empty() &&
               changed_.wait_until(lock, until) != std::cv_status::timeout) {
        }
        if (stopping_ || !lost_.empty()) return lost_;
        replies.swap(replies_);
      }
      look_at_packet();
      for (const auto& [topic, payload] : replies) client.publish(topic, payload.data(), payload.size(), 0, false);
      if (at_peace || std::chrono::steady_clock::now() < peace) continue;
      at_peace = true;
      pace_.settle();
      host_.impaired(id_, {});
    }
  }

  // Cuts the connection if a packet comes that is too large, before all of it is in memory.
  void look_at_packet() noexcept {
    const MutexLock lock(mutex_);
    if (watched_.get() < 0 || packet_cut_) return;
    const std::optional<TcpState> state = tcp_state(watched_.get());
    if (!state || !watch_->look(state->read_bytes, messages_)) return;
    packet_cut_ = true;
    shutdown(watched_.get(), SHUT_RDWR);
    if (lost_.empty()) {
      lost_ =
          "a message of more than " + std::to_string(most_packet_bytes_) + " bytes is too large for the memory here";
    }
    changed_.notify_all();
  }

  // Where the library gave up with bytes to read, it had no memory for them.
  void note_loss() noexcept {
    const MutexLock lock(mutex_);
    const std::optional<TcpState> state = watched_.get() < 0 ? std::nullopt : tcp_state(watched_.get());
    const bool gave_up = !stopping_ && !cut_ && state && state->unread_bytes > 0;
    if (delivered_) receive_failures_ = 0, session_ended_ = false;
    if (!delivered_ && (packet_cut_ || gave_up)) ++receive_failures_;
  }

  // From the shortest delay again, and from the first server, after a connection that stood.
  void wait_until_next_try() {
    const Duration delay = pace_.delay(std::uniform_real_distribution()(random_));
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
    const std::optional<TcpState> state = tcp_state(watched_.get());
    if (!state) return std::nullopt;
    return Liveness{state->silent_for, state->unread_bytes > 0};
  }

  // Paho's receive thread, with the library's lock held: decode, accept, return.
  void take(const mqtt::message& message) noexcept {
    ++messages_;
    if (cut_) return;  // read before the cut; not acknowledged either
    if (message.get_qos() > 0 && packet_id_of(message) == 0) {
      set_lost("the broker sent a message with packet id 0");
      return cut();
    }
    if (message.is_retained() && !options_.use_retained) return;
    const std::optional<unsigned> copies = copies_of(message);
    if (!copies) return;
    decode(message);
    if (batch_.empty()) return;
    end_message(message, *copies);
    if (!waiter_.accept(batch_)) return cut();
    delivered_ = true;
    if (!batch_.replies.empty()) queue_replies();
  }

  // How many of it come if the broker does not tell them apart, most often 1; nothing: another copy counts.
  std::optional<unsigned> copies_of(const mqtt::message& message) {
    const MutexLock lock(mutex_);
    if (!subscriptions_.is_overlapping()) return 1;
    const mqtt::properties& properties = message.get_properties();
    identifiers_.clear();
    for (std::size_t i = 0; i < properties.count(mqtt::property::SUBSCRIPTION_IDENTIFIER); ++i) {
      identifiers_.push_back(mqtt::get<std::uint32_t>(properties, mqtt::property::SUBSCRIPTION_IDENTIFIER, i));
    }
    if (!subscriptions_.takes(message.get_topic(), identifiers_)) return std::nullopt;
    return identifiers_.empty() && !message.is_retained() ? subscriptions_.copies(message.get_topic()) : 1;
  }

  // Paho hides that a message of QoS 2 is sent again; it can only be one of the first in a connection.
  void end_message(const mqtt::message& message, unsigned copies) {
    const int qos = message.get_qos();
    const auto& payload = message.get_payload_ref();
    const std::string_view text(payload.data(), payload.size());
    const bool resent = message.is_duplicate() || (qos == 2 && acknowledged_ < receive_maximum);
    std::optional<std::uint64_t> fingerprint;
    if (qos > 0 || copies > 1) {
      fingerprint = message_fingerprint(packet_id_of(message), message.get_topic(), text);
    } else if (!options_.use_retained) {
      return;
    }
    batch_.end_message(fingerprint, resent);
    batch_.messages.back().copies = copies;
    if (options_.use_retained) {
      batch_.messages.back().topic_value = {hash_of(message.get_topic()), hash_of(text), message.is_retained()};
    }
    acknowledged_ += qos > 0 ? 1 : 0;
  }

  // A message that makes a decoder throw would come again and again: it is refused. Without memory the process ends
  // instead, and the message comes again.
  void decode(const mqtt::message& message) {
    batch_.clear();
    if (!is_topic_name(message.get_topic())) {
      ++batch_.message_count;
      batch_.refusals.push_back({Refusal::bad_id, message.get_topic(), 0});
      return;
    }
    try {
      const auto& payload = message.get_payload_ref();
      note_properties(message.get_properties());
      router_.decode({.topic = message.get_topic(),
                      .payload = std::string_view(payload.data(), payload.size()),
                      .content_type = content_type_,
                      .properties = properties_},
                     batch_);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (...) {
      batch_.clear();
      batch_.refusals.push_back({Refusal::bad_syntax, message.get_topic(), 0});
    }
  }

  // They are sent by the connection thread: the library's lock is held here. What is too much is asked for again.
  void queue_replies() {
    const MutexLock lock(mutex_);
    for (const Reply& reply : batch_.replies) {
      if (replies_.size() < max_waiting_replies)
        replies_.emplace_back(std::string(reply.topic), std::string(reply.payload));
    }
    changed_.notify_all();
  }

  // Of MQTT 5; they point into the message.
  void note_properties(const mqtt::properties& all) {
    properties_.clear();
    content_type_ = {};
    for (int i = 0; i < all.c_struct().count; ++i) {
      const MQTTProperty& one = all.c_struct().array[i];
      const auto text = [](const MQTTLenString& part) {
        return std::string_view(part.data, static_cast<std::size_t>(std::max(part.len, 0)));
      };
      if (one.identifier == MQTTPROPERTY_CODE_CONTENT_TYPE) content_type_ = text(one.value.data);
      if (one.identifier == MQTTPROPERTY_CODE_USER_PROPERTY) {
        properties_.push_back({text(one.value.data), text(one.value.value)});
      }
    }
  }

  // Ends the connection of the message at hand before the library can acknowledge it. Where that fails, the process
  // must not live to acknowledge it.
  void cut() noexcept {
    cut_ = true;
    if (shutdown(socket_, SHUT_RDWR) != 0 && errno != ENOTCONN) std::abort();
    set_lost("a message was not taken, the connection was cut");
  }

  void set_lost_nothing() noexcept {
    const MutexLock lock(mutex_);
    lost_.clear();
  }

  // The first reason is the telling one.
  void set_lost(const std::string& reason) noexcept {
    const MutexLock lock(mutex_);
    if (lost_.empty()) lost_ = reason;
    changed_.notify_all();
  }

  std::string why_lost() const {
    const MutexLock lock(mutex_);
    return lost_;
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
  std::vector<MessageProperty> properties_;  // and
  std::string_view content_type_;            // of the message at hand
  std::vector<std::uint32_t> identifiers_;
  std::int32_t acknowledged_ = 0;  // messages of QoS 1 and 2 in this connection

  const std::vector<std::string> filters_;  // what the routes need

  mutable Mutex mutex_;
  Condition changed_;
  std::atomic<int> socket_ = no_socket;      // the library's, of this connection
  std::atomic<bool> cut_ = false;            // this connection was ended by `cut`
  std::atomic<std::uint64_t> messages_ = 0;  // in this connection
  std::atomic<bool> delivered_ = false;      // it brought a message that was taken
  std::atomic<bool> broker_says_taken_over_ = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  Descriptor watched_ GUARDED_BY(mutex_);                                        // the same socket
  std::vector<std::pair<std::string, std::string>> replies_ GUARDED_BY(mutex_);  // topic and payload, to be sent
  std::string lost_ GUARDED_BY(mutex_);  // why the connection was lost, empty while it stands
  MqttSubscriptions subscriptions_ GUARDED_BY(mutex_);

  // The connection thread only.
  std::string session_;           // its name, of the server at hand
  std::string unreadable_;        // a file without which the last try could not begin; empty: none
  bool had_session_ = false;      // the broker should know it
  bool has_identifiers_ = false;  // the broker tells the subscriptions of a message
  const std::uint64_t most_packet_bytes_ =
      std::max<std::uint64_t>(memory_limit_bytes() / packet_part_of_memory, 4 * max_payload_bytes);
  std::optional<PacketWatch> watch_;
  std::chrono::steady_clock::time_point watch_closely_until_;
  bool packet_cut_ = false;        // this connection was ended by `look_at_packet`
  bool session_ended_ = false;     // for such a message, and none was accepted since
  unsigned receive_failures_ = 0;  // connections in a row that a message too large has ended
  ReconnectPace pace_;
  std::minstd_rand random_{std::random_device{}()};

  std::thread thread_;
};

}  // namespace

std::unique_ptr<Source> make_mqtt_source(MqttOptions options, SourceId id, SourceHost& host) {
  return std::make_unique<MqttSource>(std::move(options), id, host);
}

}  // namespace edgetide
