#include "daemon/mqtt/device_connection.h"

#include <algorithm>

namespace edgetide {

namespace {

constexpr std::uint16_t max_topic_aliases = 64;
constexpr std::size_t max_connect_bytes = 128 * 1024;  // with a will of 64 KiB
constexpr std::chrono::seconds longest_keep_alive{65'535};
constexpr std::uint32_t session_without_end = 0xFFFF'FFFF;

}  // namespace

DeviceConnection::DeviceConnection(const DeviceLimits& limits, DeviceOwner& owner, Time now)
    : limits_(limits), owner_(owner), silence_(limits.connect_time), heard_at_(now) {}

std::size_t DeviceConnection::take(std::string_view bytes, Time now) {
  std::size_t used = 0;
  packet_bytes_ = 0;
  while (!is_over()) {
    const MqttHead head = read_head(bytes.substr(used));
    if (head.state == MqttHead::State::malformed) {
      fail(MqttReason::malformed_packet);
      break;
    }
    if (head.state == MqttHead::State::partial) break;
    const std::size_t size = head.head_bytes + head.body_bytes;
    const bool connects = state_ == State::waits_for_connect;
    if (size > (connects ? std::min(limits_.max_packet_bytes, max_connect_bytes) : limits_.max_packet_bytes)) {
      fail(MqttReason::packet_too_large);
      break;
    }
    if (size > bytes.size() - used) {
      packet_bytes_ = size;
      break;
    }
    if (!connects) heard_at_ = now;
    take_packet(head, bytes.substr(used + head.head_bytes, head.body_bytes));
    if (connects && is_connected()) heard_at_ = now;
    used += size;
  }
  return used;
}

void DeviceConnection::take_packet(const MqttHead& head, std::string_view body) {
  if (state_ == State::waits_for_connect) {
    if (head.type != MqttPacket::connect) return finish(MqttReason::protocol_error);
    if (!has_its_flags(head)) return finish(MqttReason::malformed_packet);
    return take_connect(body);
  }
  if (!has_its_flags(head)) return fail(MqttReason::malformed_packet);
  const MqttReason reason = take_connected(head, body);
  if (is_error(reason)) fail(reason);
}

// ---- CONNECT

void DeviceConnection::take_connect(std::string_view body) {
  MqttConnect connect;
  const MqttReason fault = read_connect(body, connect);
  version_ = connect.version;
  if (fault == MqttReason::unsupported_version) return refuse_connect(fault);
  if (is_error(fault)) return version_ == MqttVersion::v5 ? refuse_connect(fault) : finish(fault);
  if (connect.has_authentication_method) return refuse_connect(MqttReason::bad_authentication_method);
  if (connect.client_id.empty() && !connect.clean && version_ == MqttVersion::v3_1_1) {
    return refuse_connect(MqttReason::client_id_not_valid);
  }
  Admission admission = owner_.admit(connect);
  if (is_error(admission.reason)) return refuse_connect(admission.reason);
  accept(connect, admission);
}

void DeviceConnection::accept(const MqttConnect& connect, Admission& admission) {
  session_ = admission.session;
  session_expiry_ = connect.session_expiry.value_or(connect.clean ? 0 : session_without_end);
  MqttConnack connack{.session_present = admission.session_present,
                      .receive_maximum = static_cast<std::uint16_t>(DeviceSession::max_in_flight),
                      .max_packet_bytes = static_cast<std::uint32_t>(limits_.max_packet_bytes),
                      .topic_alias_maximum = max_topic_aliases};
  connack.assigned_client_id = std::move(admission.assigned_client_id);
  connack.session_expiry = admission.session_expiry;
  std::chrono::seconds keep_alive(connect.keep_alive);
  const std::chrono::seconds longest = std::min(limits_.idle_time, longest_keep_alive);
  if (version_ == MqttVersion::v5 && (keep_alive.count() == 0 || keep_alive > longest)) {
    keep_alive = longest;
    connack.server_keep_alive = static_cast<std::uint16_t>(keep_alive.count());
  }
  const std::chrono::milliseconds idle = limits_.idle_time, asked = keep_alive;
  silence_ = asked.count() == 0 ? idle : std::min(asked, idle) * 3 / 2;
  state_ = State::connected;
  write_connack(answers_, version_, connack);
}

void DeviceConnection::refuse_connect(MqttReason reason) {
  write_connack(answers_, version_, {.reason = reason});
  finish(reason);
}

// ---- after it

MqttReason DeviceConnection::take_connected(const MqttHead& head, std::string_view body) {
  switch (head.type) {
    case MqttPacket::publish:
      return take_publish(head.flags, body);
    case MqttPacket::pubrel:
      return take_release(body);
    case MqttPacket::pingreq:
      if (!body.empty()) return MqttReason::malformed_packet;
      write_pingresp(answers_);
      return MqttReason::success;
    case MqttPacket::subscribe:
      return take_subscribe(body);
    case MqttPacket::unsubscribe:
      return take_unsubscribe(body);
    case MqttPacket::disconnect:
      return take_disconnect(body);
    default:
      return MqttReason::protocol_error;  // a second CONNECT, or what only a server sends, or AUTH without a method
  }
}

MqttReason DeviceConnection::take_publish(std::uint8_t flags, std::string_view body) {
  MqttPublish publish;
  properties_.clear();
  const MqttReason fault = read_publish(flags, body, version_, publish, properties_);
  if (is_error(fault)) return fault;
  DeviceMessage message;
  const MqttReason invalid = resolve_topic(publish, message);
  if (is_error(invalid)) return invalid;
  message.payload = publish.payload;
  message.content_type = publish.content_type;
  message.properties = properties_;
  message.qos = publish.qos;
  message.packet_id = publish.packet_id;
  return deliver(publish, message);
}

MqttReason DeviceConnection::resolve_topic(MqttPublish& publish, DeviceMessage& message) {
  if (publish.topic.size() > limits_.max_topic_bytes) return MqttReason::topic_name_invalid;
  message.topic = publish.topic;
  if (!publish.topic_alias) return MqttReason::success;
  const std::uint16_t alias = *publish.topic_alias;
  if (alias == 0 || alias > max_topic_aliases) return MqttReason::topic_alias_invalid;
  if (aliases_.size() < alias) aliases_.resize(alias);
  std::string& known = aliases_[alias - std::size_t{1}];
  if (!publish.topic.empty()) {
    known = publish.topic;
    return MqttReason::success;
  }
  if (known.empty()) return MqttReason::protocol_error;
  message.topic = known;
  message.is_topic_kept = false;
  return MqttReason::success;
}

MqttReason DeviceConnection::deliver(const MqttPublish& publish, const DeviceMessage& message) {
  if (publish.qos > 0) {
    if (version_ == MqttVersion::v5 && unanswered_ + session_->unreleased() >= DeviceSession::max_in_flight) {
      const bool is_sent_again = publish.qos == 2 && session_->is_unreleased(publish.packet_id);
      if (!is_sent_again) return MqttReason::receive_maximum_exceeded;
    }
    return deliver_acknowledged(publish, message);
  }
  if (owner_.may_publish(message.topic)) owner_.deliver(message, std::nullopt);
  return MqttReason::success;
}

// The DUP flag alone says nothing: the first attempt may have been lost on its way.
MqttReason DeviceConnection::deliver_acknowledged(const MqttPublish& publish, const DeviceMessage& message) {
  const MqttPacket answer = publish.qos == 1 ? MqttPacket::puback : MqttPacket::pubrec;
  const std::uint16_t id = publish.packet_id;
  MqttReason reason = MqttReason::success;
  if (publish.qos == 2 && session_->is_unreleased(id)) {
    owner_.note_resent();
  } else if (!owner_.may_publish(message.topic)) {
    reason = MqttReason::not_authorized;
  } else {
    const std::uint64_t fingerprint = owner_.fingerprint_of(message);
    const bool session_knows = publish.dup && publish.qos == 1 && session_->knows(fingerprint);
    const bool is_known = session_knows || (publish.dup && owner_.was_taken(fingerprint));
    if (publish.qos == 2 && !session_->hold(id)) return MqttReason::receive_maximum_exceeded;
    if (is_known) owner_.note_resent();
    if (!is_known) reason = owner_.deliver(message, fingerprint);
    if (!session_knows) session_->add(fingerprint);
  }
  if (publish.qos == 1) ++unanswered_;
  write_acknowledgement(answers_, version_, answer, id, reason);
  return MqttReason::success;
}

MqttReason DeviceConnection::take_release(std::string_view body) {
  std::uint16_t id = 0;
  const MqttReason fault = read_acknowledgement(MqttPacket::pubrel, body, version_, id);
  if (is_error(fault)) return fault;
  const bool was_held = session_->release(id);
  write_acknowledgement(answers_, version_, MqttPacket::pubcomp, id,
                        was_held ? MqttReason::success : MqttReason::packet_id_not_found);
  return MqttReason::success;
}

MqttReason DeviceConnection::take_subscribe(std::string_view body) {
  MqttFilters filters;
  const MqttReason fault = read_filters(MqttPacket::subscribe, body, version_, filters);
  if (is_error(fault)) return fault;
  owner_.note_subscribe();
  write_suback(answers_, version_, filters.packet_id, filters.count, MqttReason::implementation_specific);
  return MqttReason::success;
}

MqttReason DeviceConnection::take_unsubscribe(std::string_view body) {
  MqttFilters filters;
  const MqttReason fault = read_filters(MqttPacket::unsubscribe, body, version_, filters);
  if (is_error(fault)) return fault;
  write_unsuback(answers_, version_, filters.packet_id, filters.count);
  return MqttReason::success;
}

MqttReason DeviceConnection::take_disconnect(std::string_view body) {
  MqttDisconnect disconnect;
  const MqttReason fault = read_disconnect(body, version_, disconnect);
  if (is_error(fault)) return fault;
  if (disconnect.session_expiry) {
    if (session_expiry_ == 0 && *disconnect.session_expiry != 0) return MqttReason::protocol_error;
    owner_.end_session_after(*disconnect.session_expiry);
  }
  finish(MqttReason::success);
  return MqttReason::success;
}

// ---- its end

DeviceConnection::Time DeviceConnection::deadline() const noexcept {
  return is_over() ? Time::max() : heard_at_ + silence_;
}

void DeviceConnection::check(Time now) {
  if (is_over() || now < deadline()) return;
  is_connected() ? end(MqttReason::keep_alive_timeout) : finish(MqttReason::keep_alive_timeout);
}

void DeviceConnection::end(MqttReason reason) {
  if (!is_over()) fail(reason);
}

void DeviceConnection::fail(MqttReason reason) {
  if (is_connected() && version_ == MqttVersion::v5) write_disconnect(answers_, reason);
  finish(reason);
}

void DeviceConnection::finish(MqttReason reason) noexcept {
  reason_ = reason;
  state_ = State::over;
}

}  // namespace edgetide
