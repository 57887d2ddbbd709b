// The connections are those of daemon/broker/paho_connect.h, made by the source's connection thread.
//
// Paho acknowledges a message as soon as its callback returns, whatever the callback says. A message that the host does
// not take (the daemon stops) must not be acknowledged, and the callback cannot simply stay: it runs with the lock of
// the whole library held, so no client of the process could be ended any more. So the callback cuts the connection
// under the library, with shutdown(2), and returns: the PUBACK finds a dead socket, the library sees a lost connection,
// and the broker delivers the message again in the next one.
//
// The library does not hand the packet id of a message on. That is in the message's C struct, which is private;
// `packet_of` reaches it in the one way that the language has for this.
#include "daemon/sources/mqtt_source.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mqtt/async_client.h>
#include <pthread.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "daemon/broker/paho_connect.h"
#include "daemon/broker/paho_reads.h"
#include "daemon/broker/paho_sharing.h"
#include "daemon/broker/paho_trace.h"
#include "daemon/decoders/message_fingerprint.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/memory_limit.h"
#include "daemon/service/mutex.h"
#include "daemon/service/reachability.h"
#include "daemon/service/server_address.h"
#include "daemon/service/tcp_state.h"
#include "daemon/sources/accept_waiter.h"
#include "daemon/sources/edit_copies.h"
#include "daemon/sources/mqtt_subscriptions.h"
#include "daemon/sources/reconnect_pace.h"
#include "daemon/sources/topic_filter.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;

constexpr auto answer_timeout = 15s;  // SUBACK
constexpr auto restart_begins_within = 50ms;
constexpr auto proxy_ends_within = 150ms;  // a connection to a broker that is away
constexpr auto reach_timeout = 2s;         // of a look at why a connect failed
constexpr std::chrono::microseconds backoff_least = 50ms;
constexpr Duration max_answer_time = Duration::seconds(2);  // beyond, it is not the way to the broker
constexpr std::size_t max_waiting_replies = 100;
constexpr std::int32_t receive_maximum = 1000;
// Of MQTT 5. More than that: after connections that ended soon one after the other, mosquitto 2.0 was seen to send
// some thousands of messages again.
constexpr std::uint32_t messages_sent_again = 16 * receive_maximum;
// Beside the states of decoders, which have the name of a topic behind the mark.
constexpr std::string_view newest_copy("\x01\0", 2);
static_assert(newest_copy.front() == decoder_state_mark);
constexpr std::uint32_t packet_ids = 65'535;  // as many as MQTT 3.1.1 brokers may send unacknowledged
constexpr std::size_t max_unreleased_bytes = 16 * 1024 * 1024;
constexpr std::int32_t packet_slack_bytes = 64 * 1024;  // topic and properties beside the payload

// The library has a packet of 3.1.1 in memory three times over. One that takes a larger part than this of what the
// process may have is not read, and none that the limit of the service has no room for; nor are several at a time that
// are larger together (paho_reads.h).
constexpr std::uint64_t packet_part_of_memory = 8;
constexpr std::uint64_t most_packet_bytes = 32 * 1024 * 1024;
// So long a callback waits where a sink needs the library too: the room that it waits for may depend on it.
constexpr auto patience_with_sinks = 1s;
constexpr unsigned tries_to_receive = 2;           // a message that could not be received so often ends its session
constexpr unsigned tries_before_ending_again = 5;  // a retained one comes in each session, until it is cleared

// An explicit instantiation may name a private member.
const MQTTAsync_message& packet_of(const mqtt::message& message);
template <MQTTAsync_message mqtt::message::*Packet>
struct Reveal {
  friend const MQTTAsync_message& packet_of(const mqtt::message& message) { return message.*Packet; }
};
template struct Reveal<&mqtt::message::msg_>;

Duration since_boot(std::chrono::steady_clock::time_point at) noexcept {
  return Duration::microseconds(std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count());
}

std::uint16_t packet_id_of(const mqtt::message& message) {
  return message.get_qos() == 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(packet_of(message).msgid);
}

// As MQTT has it: brokers must not send others.
bool is_topic_name(std::string_view topic) {
  return !topic.empty() && topic.find_first_of(std::string_view("+#\0", 3)) == topic.npos;
}

// The library keeps the properties of a message of QoS 2 until the broker has released it.
std::int32_t receive_maximum_of(const MqttOptions& options) {
  return options.qos == 2 ? receive_maximum / 10 : receive_maximum;
}

mqtt::connect_options with_session(const MqttOptions& options, const std::string& server, bool clean) {
  mqtt::connect_options connect = connect_options_of(options, server);
  if (options.protocol != 5) {
    connect.set_clean_session(clean);
    return connect;
  }
  connect.set_clean_start(clean);
  mqtt::properties properties;
  const std::int64_t expiry_seconds = std::min<std::int64_t>(options.session_expiry.count() / 1'000'000, 0xFFFF'FFFF);
  properties.add({mqtt::property::SESSION_EXPIRY_INTERVAL, static_cast<std::int32_t>(expiry_seconds)});
  properties.add({mqtt::property::RECEIVE_MAXIMUM, receive_maximum_of(options)});
  properties.add(
      {mqtt::property::MAXIMUM_PACKET_SIZE, static_cast<std::int32_t>(max_payload_bytes) + packet_slack_bytes});
  connect.set_properties(std::move(properties));
  return connect;
}

std::vector<std::string> subscriptions_of(const Router& router, const std::string& group) {
  std::vector<std::string> filters = without_covered(router.filters());
  for (std::string& filter : filters) filter = shared_filter(group, filter);
  return filters;
}

BrokerPackets::Limits limits_of(const MqttOptions& options, std::string_view server = {}) {
  const std::uint64_t of_memory =
      std::clamp<std::uint64_t>(memory_limit_bytes() / packet_part_of_memory, 4 * max_payload_bytes, most_packet_bytes);
  return {.protocol = options.protocol,
          .max_bytes = options.protocol == 5 ? max_payload_bytes + packet_slack_bytes : of_memory,
          .over_web_socket = server.starts_with("ws"),
          .max_unreleased_bytes = max_unreleased_bytes,
          .publishes_qos_1 = !options.status_topic.empty()};
}

class MqttSource final : public Source {
 public:
  MqttSource(MqttOptions options, SourceId id, SourceHost& host)
      : options_(std::move(options)),
        id_(id),
        host_(host),
        waiter_(
            host, id, [this] { return liveness(); },
            [](AcceptWaiter::Waited waited) { return !PahoShare::is_needed() || waited < patience_with_sinks; }),
        router_(options_.routes),
        filters_(subscriptions_of(router_, options_.share)),
        subscriptions_(filters_, {}) {
    check_servers(options_);
  }
  ~MqttSource() override { stop(); }

  void start() override {
    check_readable(options_.tls);
    for (const StoredPosition& known : host_.positions(id_)) {
      if (known.partition == newest_copy) newest_copy_ = known.bytes;
      router_.restore_state(known.partition, known.bytes);
    }
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
      std::string error = serve_one();
      if (reads_) reads_->release();
      note_loss();
      if (reads_) error += broken_packet();
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
    needed_.clear();
    try {
      if (server_of(server).encrypted()) check_readable(options_.tls);
      return serve(server);
    } catch (const NeedsPerson& failure) {
      pace_.failed();
      return needed_ = failure.what();
    } catch (const ConnectFailed& failure) {
      failure.nothing_listens() ? pace_.refused() : pace_.failed();
      return server + ": " + failure.what();
    } catch (const std::exception& failure) {
      pace_.failed();
      return server + ": " + failure.what();
    }
  }

  std::string impairment() const {
    if (pace_.is_taken_over()) return taken_over(pace_.is_said());
    if (receive_failures_ == 0) return needed_;
    return "a message of more than " + std::to_string(limits_.max_bytes) + " bytes is too large for the memory here" +
           (session_ended_ ? ", and comes again in a new session: a retained one has to be cleared at the broker" : "");
  }

  // A session whose next message cannot be received would never get on. What the broker keeps in it is lost.
  std::string end_session() noexcept {
    const std::string server = session_.substr(session_.find('@', options_.client_id.size()) + 1);
    reads_.emplace(options_.client_id, limits_of(options_, server));
    try {
      mqtt::async_client client(paho_uri(server), options_.client_id, create_options_of(options_), nullptr);
      const ClientGuard guard(client);
      const TracedConnect trace;
      set_lost_nothing();
      mqtt::connect_options how = with_session(options_, server, true);
      if (options_.protocol == 5) how.set_properties({});  // without an expiry it ends with its connection
      wait(*client.connect(how), connect_timeout + 5s, "connect");
      receive_failures_ = 0;
      session_ended_ = true;
      pace_.refused();
      host_.notice(id_, "a message of more than " + std::to_string(limits_.max_bytes) +
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
    reads_.emplace(options_.client_id, limits_of(options_, server));
    BrokerConnect attempt(options_, server, *reads_, [this] { return why_ended(); });
    mqtt::async_client client(paho_uri(server), options_.client_id, create_options_of(options_), nullptr);
    ClientGuard guard(client);
    begin(server);
    client.set_connection_lost_handler(
        [this](const mqtt::string& cause) noexcept { set_lost(cause.empty() ? "connection lost" : cause); });
    client.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) noexcept {
      broker_says_why_ = true;
      if (static_cast<int>(reason) == reason_taken_over) broker_says_taken_over_ = true;
      set_lost(disconnect_words(static_cast<int>(reason)) + (broker_says_taken_over_ ? ": " + taken_over(true) : ""));
    });
    client.set_connected_handler([this](const mqtt::string&) noexcept { note_socket(traced_socket()); });
    client.set_message_callback([this](mqtt::const_message_ptr message) noexcept { take(*message); });

    connect(client, server, attempt);
    subscribe(client);
    if (!options_.status_topic.empty()) publish_birth(client, guard);
    host_.connected(id_, server);
    if (!pace_.is_taken_over() && receive_failures_ == 0) host_.impaired(id_, {});
    const auto since = std::chrono::steady_clock::now();
    std::string error = wait_for_loss(client, since);
    const auto stood = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - since);
    if (reads_->is_crowded()) {
      pace_.refused();
    } else {
      pace_.lost({.stood = Duration::microseconds(stood.count()),
                  .has_delivered = delivered_,
                  .is_said = broker_says_taken_over_,
                  .is_without_word = reads_->is_ended_by_broker() && !broker_says_why_ && is_there(server)});
    }
    return error;
  }

  // Of a broker that has just ended a connection: one that restarts is away for a moment, now or soon.
  bool is_there(const std::string& server) {
    const ServerAddress address = server_of(server);
    const auto reaches = [&] {
      return keeps_connections(address.host, address.port, reach_timeout, proxy_ends_within,
                               [this] { return stopping(); });
    };
    if (!reaches()) return false;
    {
      MutexLock lock(mutex_);
      const auto until = std::chrono::steady_clock::now() + restart_begins_within;
      while (!stopping_ && changed_.wait_until(lock, until) != std::cv_status::timeout) {
      }
    }
    return reaches();
  }

  // What is sent again is judged by the session that it was first sent in, and may come as soon as we are connected.
  void begin(const std::string& server) {
    {
      const MutexLock lock(mutex_);
      lost_.clear();
      replies_.clear();
      answer_time_ = {};
    }
    cut_ = delivered_ = broker_says_taken_over_ = broker_says_why_ = false;
    socket_ = no_socket;
    acknowledged_ = 0;
    ids_.assign(packet_ids + 1, false);
    const std::string session = options_.client_id + '@' + server;
    const std::string former_session = std::exchange(session_, session);
    if (session != former_session) pass_copies();
    const std::string notes = host_.session_notes(session_).value_or(std::string());
    had_session_ = !notes.empty();
    set_subscriptions(notes);
    if (session != former_session) resume_copies();
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

  void connect(mqtt::async_client& client, const std::string& server, BrokerConnect& attempt) {
    const auto since = std::chrono::steady_clock::now();
    const auto response = attempt.to(client, with_session(options_, server, options_.clean_start));
    note_answer_time(since);
    if (!reads_->is_checked()) {
      host_.notice(id_, "what the broker sends is not checked before this version of the MQTT library parses it");
    }
    check_connack(options_, options_.clean_start, options_.qos, response);
    const mqtt::properties& properties = response.get_properties();
    if (!options_.share.empty() && number_in(properties, mqtt::property::SHARED_SUBSCRIPTION_AVAILABLE, 1) == 0) {
      throw std::runtime_error("connect: the broker has no shared subscriptions, share is set");
    }
    has_identifiers_ =
        options_.protocol == 5 && number_in(properties, mqtt::property::SUBSCRIPTION_IDENTIFIERS_AVAILABLE, 1) != 0;
    if (!response.is_session_present()) begin_new_session();
  }

  // Nothing comes in it before we subscribe.
  void begin_new_session() {
    const bool lost = had_session_ && !options_.clean_start;
    pass_copies();
    set_subscriptions({});
    const std::string none;
    note_session({.name = session_, .is_new = true, .is_lost = lost, .notes = none});
    if (lost) host_.notice(id_, "the broker has forgotten our session; messages it kept for us are lost");
  }

  // What the session has is noted before it has it, and until it has no more of it.
  void subscribe(mqtt::async_client& client) {
    MqttSubscriptions subscriptions = copy_of_subscriptions();
    const auto note = [&] {
      const std::string notes = subscriptions.notes();
      note_session({.name = session_, .notes = notes});
    };
    subscriptions.note_subscribing();
    note();
    for (const auto& one : subscriptions.all()) {
      if (one.is_needed()) subscribe(client, one);
    }
    subscriptions.note_subscribed();
    const auto to_end = std::make_shared<mqtt::string_collection>();
    for (const std::string& filter : subscriptions.to_end()) to_end->push_back(filter);
    subscriptions.note_ending();
    note();
    if (!to_end->empty()) unsubscribe(client, to_end);
    subscriptions.note_ended();
    note();
    const MutexLock lock(mutex_);
    subscriptions_ = std::move(subscriptions);
  }

  void note_subscribing(const std::string& filter) {
    const MutexLock lock(mutex_);
    subscribing_ = filter;
  }

  void note_answer_time(std::chrono::steady_clock::time_point since) {
    const Duration took = since_boot(std::chrono::steady_clock::now()) - since_boot(since);
    const MutexLock lock(mutex_);
    answer_time_ = std::max(answer_time_, std::min(took, max_answer_time));
  }

  // Nothing that comes is a copy of what came before.
  void pass_copies() noexcept {
    for (EditCopies& copies : edit_copies_) copies.pass();
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
    note_subscribing(one.filter);
    const auto since = std::chrono::steady_clock::now();
    const auto subscribed = client.subscribe(one.filter, options_.qos, nullptr, subscribed_, how, properties);
    wait(*subscribed, answer_timeout, what);
    note_answer_time(since);
    const auto codes = subscribed->get_subscribe_response().get_reason_codes();
    check_count(codes.size(), what);
    const int code = static_cast<int>(codes.front());
    if (code == options_.qos) return;
    if (code >= 0 && code <= 2) throw std::runtime_error(what + " was granted at another QoS, " + std::to_string(code));
    // With 3.1.1 and more than one code, the library gives half a pointer for the code.
    throw std::runtime_error(what + ": the broker's answer has no valid reason code");
  }

  static void check_count(std::size_t codes, const std::string& what, std::size_t expected = 1) {
    if (codes == expected) return;
    throw std::runtime_error(what + ": the broker's answer has " + std::to_string(codes) + " reason codes, " +
                             std::to_string(expected) + (expected == 1 ? " was" : " were") + " expected");
  }

  // The only one of them was ended by a run that did not hear of it, which the library takes for a failure.
  static bool was_not_there(const mqtt::token& ended) {
    return ended.is_complete() && ended.get_reason_code() == mqtt::ReasonCode::NO_SUBSCRIPTION_FOUND;
  }

  // All at once, so that no message comes through some of them.
  void unsubscribe(mqtt::async_client& client, const mqtt::const_string_collection_ptr& filters) {
    const std::string what = "end of the subscription to '" + (*filters)[0] + "'";
    const auto ended = client.unsubscribe(filters, nullptr, unsubscribed_);
    try {
      wait(*ended, answer_timeout, what);
    } catch (const std::exception&) {
      if (was_not_there(*ended)) return;
      throw;
    }
    if (options_.protocol != 5) return;  // whose brokers answer without codes
    const auto codes = ended->get_unsubscribe_response().get_reason_codes();
    check_count(codes.size(), what, filters->size());
    for (const mqtt::ReasonCode code : codes) {
      if (code >= mqtt::ReasonCode::UNSPECIFIED_ERROR) {
        throw std::runtime_error(what + " was refused, reason " + std::to_string(static_cast<int>(code)));
      }
    }
  }

  class ClientGuard;
  // A broker that does not take the status is read from all the same.
  void publish_birth(mqtt::async_client& client, ClientGuard& guard) {
    try {
      guard.publish_at_end(options_.status_topic);
      wait(*publish_status(client, options_.status_topic, status_online), status_timeout, "status_topic");
    } catch (const std::exception& error) {
      if (stopping() || !why_lost().empty()) throw;
      host_.notice(id_, std::string("the status cannot be published: ") + error.what());
    }
  }

  MqttSubscriptions copy_of_subscriptions() const {
    const MutexLock lock(mutex_);
    return subscriptions_;
  }

  void wait(mqtt::token& token, std::chrono::seconds at_most, const std::string& what) {
    wait_for_answer(
        token, at_most, what, [this] { return why_ended(); }, [this] { return messages_.load(); });
  }

  // Sends replies meanwhile.
  std::string wait_for_loss(mqtt::async_client& client, std::chrono::steady_clock::time_point since) {
    const auto peace = since + std::chrono::microseconds(ReconnectPace::peace_after.count());
    bool at_peace = false;
    while (true) {
      std::vector<std::pair<std::string, std::string>> replies;
      {
        MutexLock lock(mutex_);
        while (!stopping_ && lost_.empty() && replies_.empty()) {
          if (at_peace)
            changed_.wait(lock);
          else if (changed_.wait_until(lock, peace) == std::cv_status::timeout)
            break;
        }
        if (stopping_ || !lost_.empty()) return lost_;
        replies.swap(replies_);
      }
      for (const auto& [topic, payload] : replies) client.publish(topic, payload.data(), payload.size(), 0, false);
      if (at_peace || std::chrono::steady_clock::now() < peace) continue;
      at_peace = true;
      pace_.settle();
      host_.impaired(id_, {});
    }
  }

  std::string broken_packet() const {
    const std::string what = reads_->error();
    return what.empty() ? what : ": the broker sent " + what;
  }

  // Where the library gave up with bytes to read, it had no memory for them.
  void note_loss() noexcept {
    const MutexLock lock(mutex_);
    const std::optional<TcpState> state = watched_.get() < 0 ? std::nullopt : tcp_state(watched_.get());
    const bool is_broken = reads_ && !reads_->error().empty();
    const bool gave_up = !stopping_ && !cut_ && !is_broken && state && state->unread_bytes > 0;
    if (delivered_) receive_failures_ = 0, session_ended_ = false;
    if (!delivered_ && (gave_up || (reads_ && reads_->is_too_large()))) ++receive_failures_;
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

  void note_socket(int socket) noexcept {
    socket_ = socket;
    const MutexLock lock(mutex_);
    watched_ = socket == no_socket ? Descriptor() : Descriptor::duplicate(socket);
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
    if (cut_) return;  // read before the cut; not acknowledged either
    messages_.fetch_add(1, std::memory_order_relaxed);
    if (message.get_qos() > 0 && packet_id_of(message) == 0) {
      set_lost("the broker sent a message with packet id 0");
      return cut();
    }
    if (message.is_retained() && !options_.use_retained) return;
    const Use use = use_of(message);
    if (use.as == Use::As::nothing) return;
    if (use.as == Use::As::reading) {
      decode(message);
      if (batch_.empty()) return host_.nothing_decoded(id_, batch_);
    } else {
      batch_.clear();
    }
    end_message(message, use.copies);
    const bool may_keep = message.get_qos() > 0 && (edit_copies_[1].state() || !newest_copy_.empty());
    std::string copy = may_keep ? copy_to_keep() : std::string();
    if (may_keep && copy != newest_copy_) batch_.keep_state(newest_copy, copy);
    if (!waiter_.accept(batch_)) return cut();
    if (may_keep) newest_copy_.swap(copy);
    delivered_ = true;
    if (!batch_.replies.empty()) queue_replies();
  }

  struct Use {
    enum class As {
      nothing,  // another copy counts
      copy,     // another copy counts, and it has to be known if it is sent again
      reading,
    } as = As::reading;
    unsigned copies = 1;  // how many of it come if the broker does not tell them apart
  };

  Use use_of(const mqtt::message& message) {
    const MutexLock lock(mutex_);
    if (!subscriptions_.is_overlapping()) return {};
    const mqtt::properties& properties = message.get_properties();
    identifiers_.clear();
    for (std::size_t i = 0; i < properties.count(mqtt::property::SUBSCRIPTION_IDENTIFIER); ++i) {
      identifiers_.push_back(mqtt::get<std::uint32_t>(properties, mqtt::property::SUBSCRIPTION_IDENTIFIER, i));
    }
    const MqttSubscriptions::Copy copy = subscriptions_.copy_of(message.get_topic(), identifiers_);
    using Kind = MqttSubscriptions::Copy::Kind;
    if (copy.kind == Kind::left_out) return {.as = Use::As::nothing};
    if (message.is_retained()) return {};  // it comes through the filter that was subscribed to, and no other
    if (!counts(message, copy)) return {.as = Use::As::copy};
    return {.copies = identifiers_.empty() ? subscriptions_.copies(message.get_topic()) : 1};
  }

  bool counts(const mqtt::message& message, const MqttSubscriptions::Copy& copy) noexcept REQUIRES(mutex_) {
    EditCopies& copies = edit_copies_[message.get_qos() > 0];
    if (copy.kind == MqttSubscriptions::Copy::Kind::counts) {
      copies.pass();
      return true;
    }
    return copies.counts(copy,
                         {.text = fingerprint_of(message, 0),
                          .at = since_boot(std::chrono::steady_clock::now()),
                          .is_resent = message.is_duplicate()},
                         answer_time_);
  }

  // Where an edit is not over: with the message at hand, so that a copy of it is known however this run ends.
  std::string copy_to_keep() {
    std::string bytes;
    const MutexLock lock(mutex_);
    const std::optional<EditCopies::State> state = edit_copies_[1].state();
    const bool is_open = state && subscriptions_.is_edit_open();
    if (!is_open && messages_behind_edit_ > 0) --messages_behind_edit_;
    if (!state || (!is_open && messages_behind_edit_ == 0)) return bytes;
    ByteWriter out(bytes);
    out.u64(hash_of(session_));
    out.u64(state->text);
    out.u32(state->identifier);
    out.u8(state->has_counted ? 1 : 0);
    return bytes;
  }

  // Of this session, as `copy_to_keep` left it.
  void resume_copies() {
    ByteReader in(newest_copy_);
    if (in.u64() != hash_of(session_)) return;
    EditCopies::State state;
    state.text = in.u64();
    state.identifier = in.u32();
    state.has_counted = in.u8() != 0;
    const MutexLock lock(mutex_);
    const std::optional<std::size_t> rank = subscriptions_.rank_of(state.identifier);
    if (in.ok() && rank) edit_copies_[1].resume(state, *rank);
  }

  static std::uint64_t fingerprint_of(const mqtt::message& message, std::uint16_t packet_id) noexcept {
    const auto& payload = message.get_payload_ref();
    return message_fingerprint(packet_id, message.get_topic(), {payload.data(), payload.size()});
  }

  // Paho hides that a message of QoS 2 is sent again; it can only be one of the first in a connection, and the first of
  // its packet id.
  void end_message(const mqtt::message& message, unsigned copies) {
    const int qos = message.get_qos();
    const auto& payload = message.get_payload_ref();
    const std::string_view text(payload.data(), payload.size());
    const bool may_be_resent = qos == 2 && acknowledged_ < receive_maximum && !ids_[packet_id_of(message)];
    const bool resent = message.is_duplicate() || may_be_resent;
    if (qos == 2) ids_[packet_id_of(message)] = true;
    std::optional<std::uint64_t> fingerprint;
    if (qos > 0 || copies > 1) {
      fingerprint = fingerprint_of(message, packet_id_of(message));
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
      batch_.refuse_unseen(Refusal::bad_id, message.get_topic());
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
      batch_.refuse_unseen(Refusal::bad_syntax, message.get_topic());
      const auto& payload = message.get_payload_ref();
      batch_.note_undecoded(Refusal::bad_syntax, message.get_topic(), {payload.data(), payload.size()});
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

  std::string why_ended() const { return stopping() ? "stopping" : why_lost(); }

  bool stopping() const {
    const MutexLock lock(mutex_);
    return stopping_;
  }

  // Answers are looked at in the order in which packets come, on the receive thread: messages follow them at once.
  class Answered : public virtual mqtt::iaction_listener {
   public:
    Answered(MqttSource& source, void (MqttSource::*note)()) : source_(source), note_(note) {}
    void on_success(const mqtt::token&) override { (source_.*note_)(); }
    void on_failure(const mqtt::token& answer) override {
      if (was_not_there(answer)) (source_.*note_)();
    }

   private:
    MqttSource& source_;
    void (MqttSource::*note_)();
  };
  void note_subscribed() {
    const MutexLock lock(mutex_);
    const std::uint32_t begins = subscriptions_.note_subscribed(subscribing_);
    for (EditCopies& copies : edit_copies_) {
      if (begins != 0) copies.begins(begins);
    }
  }
  void note_unsubscribed() {
    const MutexLock lock(mutex_);
    subscriptions_.note_ended();
    messages_behind_edit_ = messages_sent_again;
  }

  // Ends a connection however `serve` is left.
  class ClientGuard {
   public:
    explicit ClientGuard(mqtt::async_client& client) : client_(client) {}
    ~ClientGuard() { end_connection(client_, status_topic_); }
    ClientGuard(const ClientGuard&) = delete;
    ClientGuard& operator=(const ClientGuard&) = delete;

    void publish_at_end(const std::string& status_topic) { status_topic_ = status_topic; }

   private:
    mqtt::async_client& client_;
    std::string status_topic_;
  };

  const MqttOptions options_;
  const SourceId id_;
  SourceHost& host_;
  AcceptWaiter waiter_;
  Answered subscribed_{*this, &MqttSource::note_subscribed};
  Answered unsubscribed_{*this, &MqttSource::note_unsubscribed};

  // Paho's receive thread only.
  Router router_;
  DecodedBatch batch_;
  std::vector<MessageProperty> properties_;  // and
  std::string_view content_type_;            // of the message at hand
  std::vector<std::uint32_t> identifiers_;
  std::array<EditCopies, 2> edit_copies_;  // of QoS 0, which may overtake others, and of those
  std::string newest_copy_;                // what was kept of it last
  std::int32_t acknowledged_ = 0;          // messages of QoS 1 and 2 in this connection
  std::vector<bool> ids_;                  // packet ids of QoS 2 that came in it

  const std::vector<std::string> filters_;  // what the routes need

  mutable Mutex mutex_;
  Condition changed_;
  std::atomic<int> socket_ = no_socket;      // the library's, of this connection
  std::atomic<bool> cut_ = false;            // this connection was ended by `cut`
  std::atomic<std::uint64_t> messages_ = 0;  // that have come
  std::atomic<bool> delivered_ = false;      // it brought a message that was taken
  std::atomic<bool> broker_says_taken_over_ = false, broker_says_why_ = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  Descriptor watched_ GUARDED_BY(mutex_);                                        // the same socket
  std::vector<std::pair<std::string, std::string>> replies_ GUARDED_BY(mutex_);  // topic and payload, to be sent
  std::string lost_ GUARDED_BY(mutex_);  // why the connection was lost, empty while it stands
  MqttSubscriptions subscriptions_ GUARDED_BY(mutex_);
  std::string subscribing_ GUARDED_BY(mutex_);                 // the filter that the broker was asked for last
  std::uint32_t messages_behind_edit_ GUARDED_BY(mutex_) = 0;  // of so many more a copy may come
  Duration answer_time_ GUARDED_BY(mutex_);                    // longest of this connection, of the broker

  // The connection thread only.
  std::string session_;           // its name, of the server at hand
  std::string needed_;            // what somebody has to do, since the last try; empty: nothing
  bool had_session_ = false;      // the broker should know it
  bool has_identifiers_ = false;  // the broker tells the subscriptions of a message
  const BrokerPackets::Limits limits_ = limits_of(options_);  // of a connection without a WebSocket
  std::optional<PahoReads> reads_;                            // of this connection, or the last
  bool session_ended_ = false;                                // for such a message, and none was accepted since
  unsigned receive_failures_ = 0;                             // connections in a row that a message too large has ended
  ReconnectPace pace_;
  std::minstd_rand random_{std::random_device{}()};

  std::thread thread_;
};

}  // namespace

std::unique_ptr<Source> make_mqtt_source(MqttOptions options, SourceId id, SourceHost& host) {
  return std::make_unique<MqttSource>(std::move(options), id, host);
}

}  // namespace edgetide
