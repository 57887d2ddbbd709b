#include "sinks/mqtt_sink.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <sys/socket.h>
#include <utility>

#include "daemon/broker/paho_connect.h"
#include "daemon/broker/paho_reads.h"
#include "daemon/broker/paho_sharing.h"
#include "daemon/broker/paho_trace.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/mutex.h"
#include "sinks/confirmed_rows.h"
#include "sinks/publish_answer.h"

namespace edgetide {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto answer_patience = 20s;  // since the last PUBACK, or since the first PUBLISH
constexpr std::size_t max_rows = 500;  // of a delivery
constexpr double seconds_per_delivery = 5;
// Of a packet that a broker may send us: answers, and messages that we have not subscribed to.
constexpr std::uint64_t max_packet_bytes = 64 * 1024;
// Of a PUBLISH beside its topic and payload: head, length of the topic, packet id, no properties.
constexpr std::size_t publish_head_bytes = 5 + 2 + 2 + 1;
constexpr Duration after_refusal = Duration::seconds(5);
constexpr std::int32_t default_receive_maximum = 65'535;

struct Answer {
  std::size_t message = 0;
  int reason = 0;  // of PUBACK
  int error = 0;   // of the library: it did not come
};

class MqttSink final : public Sink, private virtual mqtt::iaction_listener {
 public:
  MqttSink(MqttSinkOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs)
      : options_(std::move(options)),
        inputs_(std::move(inputs)),
        maker_(RowTopic(options_.topic, identity.gateway, options_.max_topic_levels), options_.payload,
               identity.gateway, inputs_) {
    check_servers(options_);
  }
  ~MqttSink() override { MqttSink::close(); }

  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override { return last_epoch_; }
  void close() noexcept override;
  void interrupt() noexcept override;

 private:
  // A delivery under way.
  struct Sending {
    const RowBatch& batch;
    RowMessages all;
    ConfirmedRows confirmed;
    std::size_t next = 0;       // message
    std::size_t in_flight = 0;  // that are not confirmed
    Clock::time_point heard;    // the last answer

    bool is_done() const { return next == all.messages.size() && in_flight == 0; }
  };

  const std::string& server() const { return options_.servers[server_]; }
  void connect();
  void set_callbacks();
  void note_limits(const mqtt::connect_response& answer);
  std::string publish_birth();

  std::optional<Outcome> advance(Sending& sending);
  void publish(Sending& sending);
  bool may_publish(const Sending& sending, Clock::time_point now) const;
  std::optional<Outcome> take_answer(Sending& sending, const Answer& answer);
  std::vector<Answer> answers_so_far();
  static void confirm(Sending& sending, const Answer& answer);
  void reject(Sending& sending, const RowMessage& message, const std::string& reason);
  void wait(const Sending& sending, Clock::time_point now);
  Outcome finish(Sending& sending);
  RetryAfter failed(Sending& sending, const std::string& reason, bool needs_person = false);

  // The library's threads.
  void on_success(const mqtt::token& published) override { note_answer(published, 0, 0); }
  void on_failure(const mqtt::token& published) override;
  void note_answer(const mqtt::token& published, int reason, int error) noexcept;
  void set_lost(const std::string& reason) noexcept;
  void note_socket(int socket) noexcept;

  std::string why_ended() const;

  const MqttSinkOptions options_;
  const std::vector<WindowSchema> inputs_;
  RowMessageMaker maker_;

  mutable Mutex mutex_;
  Condition changed_;
  bool interrupted_ GUARDED_BY(mutex_) = false;
  std::string lost_ GUARDED_BY(mutex_);             // why the connection was lost; empty while it stands
  std::vector<Answer> answers_ GUARDED_BY(mutex_);  // that were not looked at
  Descriptor socket_ GUARDED_BY(mutex_);            // a duplicate

  // The worker's thread. The client is the last to be made and the first to go: it calls the others.
  std::optional<PahoShare> share_;
  std::optional<PahoReads> reads_;
  std::optional<BrokerConnect> attempt_;
  std::optional<mqtt::async_client> client_;
  bool failed_ = false;  // the connection at hand is not to be ended in order
  std::size_t window_ = 0;
  std::size_t max_packet_ = 0;
  std::size_t server_ = 0;             // of the connection at hand
  std::size_t tries_ = 0;              // that failed, since a delivery; each is with the next server
  Clock::time_point next_publish_;     // not before
  std::optional<EpochId> last_epoch_;  // that this process has delivered
  std::vector<RejectedRow> rejected_;  // of parts whose delivery failed, still to be reported
};

Outcome MqttSink::open() {
  server_ = tries_ % options_.servers.size();
  std::string reason;
  try {
    if (server_of(server()).encrypted()) check_readable(options_.tls);
    connect();
    return Delivered{{}, publish_birth()};
  } catch (const NeedsPerson& error) {
    ++tries_;
    return once_somebody_acts(error.what(), after_refusal);
  } catch (const ConnectFailed& error) {
    reason = server() + ": " + error.what();
    ++tries_;
    if (error.code > 0) return once_somebody_acts(reason, after_refusal);
  } catch (const std::exception& error) {
    reason = server() + ": " + error.what();
    ++tries_;
  }
  failed_ = true;
  return RetryAfter{Duration(), reason};
}

void MqttSink::connect() {
  failed_ = false;
  {
    const MutexLock lock(mutex_);
    lost_.clear();
    answers_.clear();
  }
  client_.reset();  // before what it may still call
  share_.emplace();
  reads_.emplace(options_.client_id, BrokerPackets::Limits{.protocol = options_.protocol,
                                                           .max_bytes = max_packet_bytes,
                                                           .over_web_socket = server().starts_with("ws"),
                                                           .publishes_qos_1 = true});
  attempt_.emplace(options_, server(), *reads_, [this] { return why_ended(); });
  client_.emplace(paho_uri(server()), options_.client_id, create_options_of(options_), nullptr);
  set_callbacks();
  mqtt::connect_options how = connect_options_of(options_, server());
  options_.protocol == 5 ? how.set_clean_start(true) : how.set_clean_session(true);  // nothing of ours is in it
  const mqtt::connect_response answer = attempt_->to(*client_, how);
  check_connack(options_, true, options_.qos, answer);
  note_limits(answer);
}

void MqttSink::set_callbacks() {
  client_->set_connection_lost_handler(
      [this](const mqtt::string& cause) noexcept { set_lost(cause.empty() ? "connection lost" : cause); });
  client_->set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) noexcept {
    set_lost(disconnect_words(static_cast<int>(reason)));
  });
  client_->set_connected_handler([this](const mqtt::string&) noexcept { note_socket(traced_socket()); });
  // We subscribe to nothing. Without one, what comes all the same would be kept.
  client_->set_message_callback([](const mqtt::const_message_ptr&) noexcept {});
}

void MqttSink::note_limits(const mqtt::connect_response& answer) {
  window_ = options_.max_in_flight;
  max_packet_ = std::numeric_limits<std::size_t>::max();
  if (options_.protocol != 5) return;
  using mqtt::property;
  const mqtt::properties& properties = answer.get_properties();
  window_ = std::min<std::size_t>(window_, number_in(properties, property::RECEIVE_MAXIMUM, default_receive_maximum));
  if (properties.contains(property::MAXIMUM_PACKET_SIZE)) {
    max_packet_ = number_in(properties, property::MAXIMUM_PACKET_SIZE, 0);
  }
  if (options_.retain && number_in(properties, property::RETAIN_AVAILABLE, 1) == 0) {
    throw NeedsPerson(server() + ": the broker keeps no retained messages, retain is set");
  }
}

// Rows go to a broker that does not take the status all the same; that is the notice.
std::string MqttSink::publish_birth() {
  if (options_.status_topic.empty()) return {};
  try {
    wait_for_answer(*publish_status(*client_, options_.status_topic, status_online), status_timeout, "status_topic",
                    [this] { return why_ended(); });
    return {};
  } catch (const std::exception& error) {
    if (!why_ended().empty()) throw;
    return std::string("the status cannot be published: ") + error.what();
  }
}

Outcome MqttSink::deliver(const RowBatch& batch) {
  if (last_epoch_ && *last_epoch_ >= batch.id) return Delivered{};
  const std::size_t max_bytes = max_packet_ - std::min(max_packet_, publish_head_bytes);
  Sending sending{
      batch,       maker_.make(batch, {options_.max_payload_bytes, max_bytes}), ConfirmedRows(batch.row_count()), 0, 0,
      Clock::now()};
  for (const std::uint32_t row : sending.all.rejected_rows) sending.confirmed.add(row);
  while (!sending.is_done()) {
    try {
      if (std::optional<Outcome> ended = advance(sending)) return *ended;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return failed(sending, error.what());
    }
  }
  return finish(sending);
}

// One step; an outcome ends the delivery.
std::optional<Outcome> MqttSink::advance(Sending& sending) {
  const std::vector<Answer> answers = answers_so_far();
  for (const Answer& answer : answers) {
    if (auto ended = take_answer(sending, answer)) return ended;
  }
  if (sending.is_done()) return std::nullopt;
  if (std::string reason = why_ended(); !reason.empty()) return failed(sending, reason);
  const Clock::time_point now = Clock::now();
  if (may_publish(sending, now)) {
    publish(sending);
  } else if (sending.in_flight > 0 && now - sending.heard >= answer_patience) {
    return failed(sending, "the broker confirms no message any more");
  } else if (answers.empty()) {
    wait(sending, now);
  }
  return std::nullopt;
}

std::vector<Answer> MqttSink::answers_so_far() {
  const MutexLock lock(mutex_);
  return std::exchange(answers_, {});
}

bool MqttSink::may_publish(const Sending& sending, Clock::time_point now) const {
  return sending.next < sending.all.messages.size() && sending.in_flight < window_ && now >= next_publish_;
}

void MqttSink::publish(Sending& sending) {
  const RowMessage& message = sending.all.messages[sending.next];
  if (sending.in_flight == 0) sending.heard = Clock::now();
  client_->publish(mqtt::make_message(message.topic, message.payload, options_.qos, options_.retain),
                   reinterpret_cast<void*>(sending.next), *this);
  ++sending.next;
  ++sending.in_flight;
  if (options_.max_publishes <= 0) return;
  const auto interval =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.max_publishes));
  next_publish_ = std::max(next_publish_, Clock::now() - interval) + interval;
}

std::optional<Outcome> MqttSink::take_answer(Sending& sending, const Answer& answer) {
  --sending.in_flight;
  sending.heard = Clock::now();
  if (answer.error != 0) {
    const std::string reason = why_ended();  // which says more
    return failed(sending, reason.empty() ? "a message was not sent (" + std::to_string(answer.error) + ')' : reason);
  }
  const RowMessage& message = sending.all.messages[answer.message];
  const PublishAnswer means = publish_answer(answer.reason);
  if (means.kind == PublishAnswer::Kind::later || means.kind == PublishAnswer::Kind::needs_person) {
    return failed(sending, "the broker refuses a message to '" + message.topic + "', " + means.words,
                  means.kind == PublishAnswer::Kind::needs_person);
  }
  if (means.kind == PublishAnswer::Kind::row_refused) reject(sending, message, "the broker refuses it, " + means.words);
  confirm(sending, answer);
  return std::nullopt;
}

void MqttSink::confirm(Sending& sending, const Answer& answer) {
  for (const std::uint32_t row : sending.all.messages[answer.message].rows) sending.confirmed.add(row);
}

void MqttSink::reject(Sending& sending, const RowMessage& message, const std::string& reason) {
  for (const std::uint32_t row : message.rows) {
    sending.all.rejected.push_back(rejected_row(sending.batch, inputs_, row, reason + ", to '" + message.topic + '\''));
    sending.all.rejected_rows.push_back(row);
  }
}

void MqttSink::wait(const Sending& sending, Clock::time_point now) {
  Clock::time_point until = now + answer_patience;
  if (sending.in_flight > 0) until = sending.heard + answer_patience;
  if (sending.next < sending.all.messages.size() && sending.in_flight < window_) until = std::min(until, next_publish_);
  MutexLock lock(mutex_);
  while (answers_.empty() && lost_.empty() && !interrupted_) {
    if (changed_.wait_until(lock, until) == std::cv_status::timeout) return;
  }
}

Outcome MqttSink::finish(Sending& sending) {
  tries_ = 0;
  if (sending.batch.last_part) last_epoch_ = sending.batch.id;
  Delivered delivered{std::exchange(rejected_, {})};
  std::move(sending.all.rejected.begin(), sending.all.rejected.end(), std::back_inserter(delivered.rejected));
  return delivered;
}

// Rows behind the first one that is not confirmed come again, also those that were refused.
RetryAfter MqttSink::failed(Sending& sending, const std::string& reason, bool needs_person) {
  failed_ = true;
  // What was confirmed before the connection ended counts, also where its end was seen first.
  for (const Answer& answer : answers_so_far()) {
    if (answer.error == 0 && publish_answer(answer.reason).kind == PublishAnswer::Kind::taken) confirm(sending, answer);
  }
  const std::size_t stored = sending.confirmed.first_ones();
  for (std::size_t i = 0; i < sending.all.rejected.size(); ++i) {
    if (sending.all.rejected_rows[i] < stored) rejected_.push_back(std::move(sending.all.rejected[i]));
  }
  std::string words = server() + ": " + reason;
  if (const std::string sent = reads_->error(); !sent.empty()) words += ": the broker sent " + sent;
  RetryAfter outcome{Duration(), words, stored, needs_person};
  if (needs_person) outcome.at_least = after_refusal;
  return outcome;
}

// In order only where all is well: a broker that does not answer would hold us up.
void MqttSink::close() noexcept {
  if (client_ && !failed_ && why_ended().empty()) {
    end_connection(*client_, options_.status_topic);
  }
  {
    const MutexLock lock(mutex_);
    // So that the broker publishes the last will: what the library sends at the end would forbid it.
    if (client_ && socket_.is_open()) shutdown(socket_.get(), SHUT_RDWR);
    socket_ = Descriptor();
  }
  client_.reset();
  attempt_.reset();
  if (reads_) reads_->release();
  reads_.reset();
  share_.reset();
  const MutexLock lock(mutex_);
  interrupted_ = false;
}

void MqttSink::interrupt() noexcept {
  const MutexLock lock(mutex_);
  interrupted_ = true;
  changed_.notify_all();
}

std::string MqttSink::why_ended() const {
  const MutexLock lock(mutex_);
  return interrupted_ ? "interrupted" : lost_;
}

void MqttSink::on_failure(const mqtt::token& published) {
  const int reason = static_cast<int>(published.get_reason_code());
  const int code = published.get_return_code();
  const bool is_answer = options_.protocol == 5 && code == MQTTASYNC_SUCCESS && reason >= first_error_reason;
  note_answer(published, is_answer ? reason : 0, is_answer ? 0 : code);
}

void MqttSink::note_answer(const mqtt::token& published, int reason, int error) noexcept {
  const MutexLock lock(mutex_);
  answers_.push_back({reinterpret_cast<std::size_t>(published.get_user_context()), reason, error});
  changed_.notify_all();
}

// The first reason is the telling one.
void MqttSink::set_lost(const std::string& reason) noexcept {
  const MutexLock lock(mutex_);
  if (lost_.empty()) lost_ = reason;
  changed_.notify_all();
}

void MqttSink::note_socket(int socket) noexcept {
  const MutexLock lock(mutex_);
  socket_ = socket == no_socket ? Descriptor() : Descriptor::duplicate(socket);
}

}  // namespace

SinkTraits mqtt_sink_traits(const MqttSinkOptions& options) {
  std::size_t rows = max_rows;
  if (options.max_publishes > 0) {
    rows = std::clamp<std::size_t>(static_cast<std::size_t>(options.max_publishes * seconds_per_delivery), 1, rows);
  }
  return {.kind = SinkKind::stream, .delivery = DeliveryGuarantee::at_least_once, .max_rows = rows};
}

std::unique_ptr<Sink> make_mqtt_sink(MqttSinkOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs) {
  return std::make_unique<MqttSink>(std::move(options), std::move(identity), std::move(inputs));
}

}  // namespace edgetide
