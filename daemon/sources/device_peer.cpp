#include "daemon/sources/device_peer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include "daemon/decoders/message_fingerprint.h"
#include "daemon/service/clock.h"
#include "daemon/sources/mqtt_listener.h"

namespace edgetide {

namespace {

constexpr std::size_t max_client_id_bytes = 256;
constexpr long ended = 0;
constexpr std::chrono::milliseconds shortest_slowing{10};
constexpr std::chrono::seconds last_answers_time{5};
constexpr std::chrono::seconds time_to_read_answers{1};

}  // namespace

DevicePeer::DevicePeer(MqttListener& listener, Descriptor descriptor, Address address, Time now)
    : listener_(listener),
      descriptor_(std::move(descriptor)),
      address_(std::move(address)),
      watched_(listener.watched(), listener.id(), descriptor_.get()),
      connection_(listener.limits(), *this, now),
      rated_at_(now) {
  if (listener_.tls() != nullptr) tls_.emplace(*listener_.tls(), descriptor_.get());
}

DevicePeer::~DevicePeer() {
  end_large();
  if (entry_ == nullptr || entry_->peer != this) return;
  note_settled(std::chrono::steady_clock::now());
  listener_.sessions().leave(*entry_, std::chrono::steady_clock::now());
  if (!is_named_) listener_.sessions().erase(*entry_);
}

// ---- bytes in

long DevicePeer::receive(char* to, std::size_t size) noexcept {
  if (tls_) return tls_->read(to, size);
  const ssize_t got = recv(descriptor_.get(), to, size, 0);
  if (got >= 0) return got;
  return errno == EAGAIN || errno == EINTR ? TlsServer::again : TlsServer::broken;
}

bool DevicePeer::has_pending() const noexcept {
  return tls_ && !is_gone_ && !connection_.is_over() && tls_->has_pending();
}

// True: nothing more is to be read now.
bool DevicePeer::note_end(long received) noexcept {
  if (received > 0) return false;
  waits_for_tls_ = tls_ && received == TlsServer::again && tls_->waits_for_room();
  if (received == ended || received == TlsServer::broken) is_gone_ = true;
  return true;
}

void DevicePeer::read(Time now) {
  if (is_gone_ || connection_.is_over()) {
    char rest[1024];
    note_end(receive(rest, sizeof rest));
    return;
  }
  if (slowed_until_ && now < *slowed_until_) return;
  slowed_until_.reset();
  if (large_bytes_ > 0 && !begin_large(now)) return;
  large_bytes_ > 0 ? read_large(now) : read_on(now);
  limit_rate(now);
}

void DevicePeer::read_on(Time now) {
  DeviceTurn& turn = listener_.turn();
  const std::span<char> room = turn.room();
  const std::size_t before = partial_.size();
  partial_.copy(room.data(), before);
  const std::size_t most = std::min(room.size(), before + DeviceTurn::least_room / 2);
  const long got = receive(room.data() + before, most - before);
  if (note_end(got)) return;
  const std::size_t size = before + static_cast<std::size_t>(got);
  turn.use(size);
  partial_.clear();
  take(std::string_view(room.data(), size), now);
}

void DevicePeer::read_large(Time now) {
  const long got = receive(partial_.data() + filled_, large_bytes_ - filled_);
  if (note_end(got)) return;
  filled_ += static_cast<std::size_t>(got);
  if (filled_ < large_bytes_) return;
  end_large();
  const std::string_view packet = listener_.turn().keep(std::exchange(partial_, {}));
  take(packet, now);
}

void DevicePeer::take(std::string_view bytes, Time now) {
  const std::size_t used = connection_.take(bytes, now);
  if (connection_.is_over()) return note_over();
  wait_for_rest(bytes.substr(used), now);
}

void DevicePeer::wait_for_rest(std::string_view rest, Time now) {
  partial_.assign(rest);
  if (connection_.packet_bytes() <= small_packet_bytes) return;
  large_bytes_ = connection_.packet_bytes();
  begin_large(now);
}

// Packets that are large together take as much memory as they say, before it comes. False: it has to wait.
bool DevicePeer::begin_large(Time now) {
  if (reserved_ > 0) return true;
  if (!listener_.reserve(large_bytes_)) return false;
  large_since_ = now;
  reserved_ = large_bytes_;
  filled_ = partial_.size();
  partial_.resize(large_bytes_);
  return true;
}

void DevicePeer::end_large() noexcept {
  listener_.give_back(std::exchange(reserved_, 0));
  large_bytes_ = filled_ = 0;
}

// A bucket of one second; what is above it is read later.
void DevicePeer::limit_rate(Time now) noexcept {
  const double per_second = listener_.max_messages_per_second();
  if (per_second <= 0) return;
  const double passed = std::chrono::duration<double>(now - rated_at_).count();
  rated_at_ = now;
  allowance_ =
      std::min(allowance_ + passed * per_second, per_second) - static_cast<double>(std::exchange(messages_, 0));
  if (allowance_ >= 0) return;
  const auto wait = std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(-allowance_ / per_second));
  slowed_until_ = now + std::max<Time::duration>(wait, shortest_slowing);
}

// ---- what the client says

std::string DevicePeer::who() const {
  return client_id_.empty() ? address_.name : client_id_ + " at " + address_.name;
}

Admission DevicePeer::admit(const MqttConnect& connect) {
  const Time now = std::chrono::steady_clock::now();
  Admission admission;
  if (DevicePasswords* const passwords = listener_.passwords(); passwords != nullptr) {
    DevicePasswords::Verdict verdict = passwords->check(connect.username, connect.password, now);
    if (const std::string error = passwords->take_error(); !error.empty()) listener_.say(error);
    admission.reason = verdict.reason;
    topic_prefix_ = std::move(verdict.topic_prefix);
  }
  if (connect.client_id.size() > max_client_id_bytes) admission.reason = MqttReason::client_id_not_valid;
  if (is_error(admission.reason)) return admission;
  client_id_ = connect.client_id;
  is_named_ = !client_id_.empty();
  if (!is_named_) client_id_ = admission.assigned_client_id = listener_.new_client_id();
  const bool has_user = listener_.passwords() != nullptr;
  const std::string name = DeviceSessions::name_of(has_user ? *connect.username : std::string_view(), client_id_);
  const std::uint32_t asked = connect.session_expiry.value_or(connect.clean ? 0 : DeviceSessions::without_end);
  DeviceSessions::Entry& entry = listener_.sessions().enter(name, connect.clean, asked, now, admission.session_present);
  if (entry.peer != nullptr) entry.peer->hand_over();
  entry.peer = this;
  entry_ = &entry;
  admission.session = &entry.session;
  return admission;
}

bool DevicePeer::may_publish(std::string_view topic) {
  ++messages_;
  if (topic.starts_with(topic_prefix_)) return true;
  listener_.turn().refuse(Refusal::unauthorised, topic);
  return false;
}

bool DevicePeer::was_taken(std::uint64_t fingerprint) {
  return entry_->may_be_older && listener_.was_taken_before(fingerprint);
}

std::uint64_t DevicePeer::fingerprint_of(const DeviceMessage& message) {
  return message_fingerprint(message.packet_id, message.topic, message.payload) ^ entry_->mark;
}

MqttReason DevicePeer::deliver(const DeviceMessage& message, std::optional<std::uint64_t> fingerprint) {
  if (fingerprint) {
    ++entry_->taken;
    listener_.turn().note(*entry_, *fingerprint, message.qos == 2);
  }
  return listener_.turn().decode(message, fingerprint);
}

void DevicePeer::note_subscribe() {
  listener_.turn().refuse(Refusal::unsupported, client_id_);
  listener_.say_rarely(who() + " wants to subscribe: this listener only takes what is published");
}

void DevicePeer::end_session_after(std::uint32_t seconds) {
  if (entry_->peer == this) listener_.sessions().set_expiry(*entry_, seconds);
}

// Counted, where the client is to blame.
void DevicePeer::note_over() {
  partial_.clear();
  const MqttReason reason = connection_.reason();
  if (!is_error(reason) || reason == MqttReason::keep_alive_timeout || reason == MqttReason::session_taken_over) return;
  const bool is_refused = reason == MqttReason::bad_user_or_password || reason == MqttReason::not_authorized ||
                          reason == MqttReason::client_id_not_valid;
  const Refusal counted = is_refused                               ? Refusal::unauthorised
                          : reason == MqttReason::packet_too_large ? Refusal::too_large
                                                                   : Refusal::bad_syntax;
  if (reason != MqttReason::server_busy) listener_.turn().refuse(counted, address_.name);
  listener_.say_rarely(who() + " was disconnected: " + std::string(words_of(reason)));
}

// ---- answers

DevicePeer::NewAnswers DevicePeer::take_new_answers() noexcept {
  const NewAnswers answers{connection_.answers().size() - assigned_, connection_.unanswered() - answered_};
  assigned_ += answers.bytes;
  answered_ += answers.messages;
  return answers;
}

void DevicePeer::release(NewAnswers answers) noexcept {
  released_ += answers.bytes;
  answered_ -= answers.messages;
  connection_.note_answered(answers.messages);
}

void DevicePeer::flush() noexcept {
  while (released_ > 0 && !is_gone_) {
    const std::string_view next = std::string_view(connection_.answers()).substr(0, released_);
    long sent = 0;
    if (tls_) {
      sent = tls_->write(next);
    } else {
      const ssize_t result = send(descriptor_.get(), next.data(), next.size(), MSG_NOSIGNAL);
      sent = result >= 0 ? result : errno == EAGAIN || errno == EINTR ? TlsServer::again : TlsServer::broken;
    }
    if (sent == TlsServer::again) return;
    if (sent <= 0) return drop();
    answered_at_ = std::chrono::steady_clock::now();
    connection_.answers().erase(0, static_cast<std::size_t>(sent));
    assigned_ -= static_cast<std::size_t>(sent);
    released_ -= static_cast<std::size_t>(sent);
  }
}

// ---- its end

void DevicePeer::end(MqttReason reason) {
  connection_.end(reason);
  end_large();
  partial_.clear();
}

// Where an equal message may be another one, the kernel knows best whether the answers have arrived: the client had
// some time to read them, or it would have said more.
void DevicePeer::note_settled(Time now) noexcept {
  if (!entry_->session.reuses_ids() || now < answered_at_ + time_to_read_answers) return;
  int unacknowledged_bytes = 0;
  const bool is_known = ioctl(descriptor_.get(), SIOCOUTQ, &unacknowledged_bytes) == 0;
  if (is_known && unacknowledged_bytes == 0 && connection_.answers().empty()) entry_->session.settle();
}

// What still waits for the disk is answered in the new connection, where it comes again.
void DevicePeer::hand_over() {
  note_settled(std::chrono::steady_clock::now());
  end(MqttReason::session_taken_over);
  if (assigned_ > released_) drop();
  listener_.touch(*this);
}

void DevicePeer::check(Time now) {
  if (slowed_until_ && now >= *slowed_until_) slowed_until_.reset();
  if (reserved_ > 0 && now >= large_since_ + max_packet_time) end(MqttReason::keep_alive_timeout);
  connection_.check(now);
  if (!connection_.is_over()) return;
  if (!over_since_) over_since_ = now;
  if (now >= *over_since_ + last_answers_time) drop();
}

DevicePeer::Time DevicePeer::deadline() const noexcept {
  if (connection_.is_over()) return over_since_ ? *over_since_ + last_answers_time : Time::min();
  Time at = connection_.deadline();
  if (reserved_ > 0) at = std::min(at, large_since_ + max_packet_time);
  return slowed_until_ ? std::min(at, *slowed_until_) : at;
}

bool DevicePeer::is_done() const noexcept {
  return is_gone_ || (connection_.is_over() && connection_.answers().empty());
}

std::uint32_t DevicePeer::wanted_events() const noexcept {
  if (is_gone_) return 0;
  const bool is_slow =
      connection_.answers().size() > max_unread_answers || slowed_until_.has_value() || waits_for_memory();
  const bool writes = (released_ > 0) || waits_for_tls_;
  return (is_slow ? 0U : std::uint32_t{EPOLLIN}) | (writes ? std::uint32_t{EPOLLOUT} : 0U);
}

}  // namespace edgetide
