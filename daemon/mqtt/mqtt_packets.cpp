#include "daemon/mqtt/mqtt_packets.h"

namespace edgetide {

namespace {

constexpr std::uint8_t connect_reserved = 0x01, connect_clean = 0x02, connect_will = 0x04, connect_will_retain = 0x20,
                       connect_password = 0x40, connect_username = 0x80;
constexpr unsigned will_qos_shift = 3;
constexpr std::uint8_t publish_dup = 0x08, publish_retain = 0x01;
constexpr std::size_t max_length_bytes = 4;
constexpr std::uint8_t subscription_qos = 0x03, subscription_reserved_3 = 0xFC, subscription_reserved_5 = 0xC0,
                       subscription_retain_handling = 0x30;

// Only what is acknowledged can be sent again.
bool is_publish_flags(std::uint8_t flags) noexcept {
  const unsigned qos = flags >> 1U & 3U;
  return qos != 3 && (qos > 0 || (flags & publish_dup) == 0);
}

MqttReason malformed_unless(bool is_well_formed) noexcept {
  return is_well_formed ? MqttReason::success : MqttReason::malformed_packet;
}

// Of the properties that nothing here asks for.
MqttReason skip_properties(MqttFields& in, MqttPacket packet) noexcept {
  MqttProperties properties(in, packet);
  MqttProperty property;
  while (properties.next(property)) {
  }
  return properties.error();
}

MqttReason read_connect_properties(MqttFields& in, MqttConnect& connect) noexcept {
  MqttProperties properties(in, MqttPacket::connect);
  MqttProperty property;
  bool has_data = false;
  connect.session_expiry = 0;
  while (properties.next(property)) {
    if (property.id == MqttPropertyId::session_expiry) connect.session_expiry = property.number;
    if (property.id == MqttPropertyId::maximum_packet_size) connect.max_packet_bytes = property.number;
    if (property.id == MqttPropertyId::authentication_method) connect.has_authentication_method = true;
    if (property.id == MqttPropertyId::authentication_data) has_data = true;
  }
  if (is_error(properties.error())) return properties.error();
  return has_data && !connect.has_authentication_method ? MqttReason::protocol_error : MqttReason::success;
}

MqttReason read_will(MqttFields& in, std::uint8_t flags, MqttConnect& connect) noexcept {
  MqttWill will{.topic = {},
                .payload = {},
                .qos = static_cast<std::uint8_t>(flags >> will_qos_shift & 3U),
                .retain = (flags & connect_will_retain) != 0};
  if ((flags & connect_will) == 0) return malformed_unless(will.qos == 0 && !will.retain);
  if (will.qos == 3) return MqttReason::malformed_packet;
  if (connect.version == MqttVersion::v5) {
    const MqttReason reason = skip_properties(in, MqttPacket::will);
    if (is_error(reason)) return reason;
  }
  will.topic = in.text();
  will.payload = in.binary();
  if (!in.ok()) return MqttReason::malformed_packet;
  if (!is_topic_name(will.topic)) return MqttReason::topic_name_invalid;
  connect.will = will;
  return MqttReason::success;
}

bool is_name_of_protocol(std::string_view name) noexcept {
  return name == "MQTT";
}

bool is_subscription_option(std::uint8_t options, MqttVersion version) noexcept {
  if ((options & subscription_qos) == subscription_qos) return false;
  if (version == MqttVersion::v3_1_1) return (options & subscription_reserved_3) == 0;
  return (options & subscription_reserved_5) == 0 &&
         (options & subscription_retain_handling) != subscription_retain_handling;
}

MqttReason read_publish_properties(MqttFields& in, MqttPublish& publish, std::vector<MqttUserProperty>& all) {
  MqttProperties properties(in, MqttPacket::publish);
  MqttProperty property;
  while (properties.next(property)) {
    if (property.id == MqttPropertyId::topic_alias) publish.topic_alias = static_cast<std::uint16_t>(property.number);
    if (property.id == MqttPropertyId::content_type) publish.content_type = property.text;
    if (property.id == MqttPropertyId::user_property) all.push_back({property.text, property.value});
  }
  return properties.error();
}

}  // namespace

MqttHead read_head(std::string_view bytes) noexcept {
  MqttHead head;
  if (bytes.empty()) return head;
  const auto first = static_cast<unsigned char>(bytes[0]);
  head.type = static_cast<MqttPacket>(first >> 4U);
  head.flags = first & 0x0FU;
  for (std::size_t i = 1; i <= max_length_bytes; ++i) {
    if (i == bytes.size()) return head;
    const auto next = static_cast<unsigned char>(bytes[i]);
    head.body_bytes |= static_cast<std::size_t>(next & 0x7FU) << 7 * (i - 1);
    if (next >= 0x80) continue;
    head.head_bytes = i + 1;
    head.state = MqttHead::State::complete;
    return head;
  }
  head.state = MqttHead::State::malformed;
  return head;
}

bool has_its_flags(const MqttHead& head) noexcept {
  switch (head.type) {
    case MqttPacket::publish:
      return is_publish_flags(head.flags);
    case MqttPacket::pubrel:
    case MqttPacket::subscribe:
    case MqttPacket::unsubscribe:
      return head.flags == 0x02;
    default:
      return head.flags == 0;
  }
}

MqttReason read_connect(std::string_view body, MqttConnect& connect) noexcept {
  MqttFields in(body);
  const std::string_view name = in.binary();
  const std::uint8_t version = in.u8();
  if (!in.ok()) return MqttReason::malformed_packet;
  if (!is_name_of_protocol(name)) return MqttReason::unsupported_version;
  if (version != 4 && version != 5) return MqttReason::unsupported_version;
  connect.version = static_cast<MqttVersion>(version);
  const std::uint8_t flags = in.u8();
  connect.keep_alive = in.u16();
  if (!in.ok() || (flags & connect_reserved) != 0) return MqttReason::malformed_packet;
  connect.clean = (flags & connect_clean) != 0;
  const bool has_username = (flags & connect_username) != 0, has_password = (flags & connect_password) != 0;
  if (connect.version == MqttVersion::v3_1_1 && has_password && !has_username) return MqttReason::malformed_packet;
  if (connect.version == MqttVersion::v5) {
    const MqttReason reason = read_connect_properties(in, connect);
    if (is_error(reason)) return reason;
  }
  connect.client_id = in.text();
  if (!in.ok()) return MqttReason::malformed_packet;
  const MqttReason reason = read_will(in, flags, connect);
  if (is_error(reason)) return reason;
  if (has_username) connect.username = in.text();
  if (has_password) connect.password = in.binary();
  return malformed_unless(in.ok() && in.at_end());
}

MqttReason read_publish(std::uint8_t flags, std::string_view body, MqttVersion version, MqttPublish& publish,
                        std::vector<MqttUserProperty>& properties) {
  MqttFields in(body);
  publish.dup = (flags & publish_dup) != 0;
  publish.retain = (flags & publish_retain) != 0;
  publish.qos = static_cast<std::uint8_t>(flags >> 1U & 3U);
  publish.topic = in.binary();
  if (publish.qos > 0) publish.packet_id = in.u16();
  if (!in.ok()) return MqttReason::malformed_packet;
  if (publish.qos > 0 && publish.packet_id == 0) return MqttReason::protocol_error;
  if (version == MqttVersion::v5) {
    const MqttReason reason = read_publish_properties(in, publish, properties);
    if (is_error(reason)) return reason;
  }
  if (!publish.topic.empty() && !is_topic_name(publish.topic)) {
    return is_mqtt_text(publish.topic) ? MqttReason::topic_name_invalid : MqttReason::malformed_packet;
  }
  if (publish.topic.empty() && !publish.topic_alias) {
    return version == MqttVersion::v5 ? MqttReason::protocol_error : MqttReason::topic_name_invalid;
  }
  publish.payload = in.rest();
  return MqttReason::success;
}

MqttReason read_acknowledgement(MqttPacket type, std::string_view body, MqttVersion version,
                                std::uint16_t& packet_id) noexcept {
  MqttFields in(body);
  packet_id = in.u16();
  if (in.ok() && packet_id == 0) return MqttReason::protocol_error;
  if (version == MqttVersion::v5 && !in.at_end()) {
    in.u8();
    const MqttReason reason = in.at_end() ? MqttReason::success : skip_properties(in, type);
    if (is_error(reason)) return reason;
  }
  return malformed_unless(in.ok() && in.at_end());
}

MqttReason read_filters(MqttPacket type, std::string_view body, MqttVersion version, MqttFilters& filters) noexcept {
  MqttFields in(body);
  filters.packet_id = in.u16();
  if (in.ok() && filters.packet_id == 0) return MqttReason::protocol_error;
  if (version == MqttVersion::v5) {
    const MqttReason reason = skip_properties(in, type);
    if (is_error(reason)) return reason;
  }
  while (in.ok() && !in.at_end()) {
    const std::string_view filter = in.text();
    if (in.ok() && !is_topic_filter(filter)) return MqttReason::malformed_packet;
    if (type == MqttPacket::subscribe && !is_subscription_option(in.u8(), version)) return MqttReason::malformed_packet;
    ++filters.count;
  }
  if (!in.ok()) return MqttReason::malformed_packet;
  return filters.count > 0 ? MqttReason::success : MqttReason::protocol_error;
}

MqttReason read_disconnect(std::string_view body, MqttVersion version, MqttDisconnect& disconnect) noexcept {
  if (body.empty()) return MqttReason::success;
  if (version != MqttVersion::v5) return MqttReason::malformed_packet;
  MqttFields in(body);
  disconnect.reason = static_cast<MqttReason>(in.u8());
  if (in.at_end()) return malformed_unless(in.ok());
  MqttProperties properties(in, MqttPacket::disconnect);
  MqttProperty property;
  while (properties.next(property)) {
    if (property.id == MqttPropertyId::session_expiry) disconnect.session_expiry = property.number;
  }
  if (is_error(properties.error())) return properties.error();
  return malformed_unless(in.ok() && in.at_end());
}

}  // namespace edgetide
