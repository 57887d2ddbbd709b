#include "daemon/mqtt/mqtt_answers.h"

#include <string_view>

namespace edgetide {

namespace {

constexpr std::uint8_t suback_failure_3 = 0x80;

void add_u8(std::string& out, unsigned value) {
  out += static_cast<char>(value);
}

void add_u16(std::string& out, unsigned value) {
  add_u8(out, value >> 8U & 0xFFU);
  add_u8(out, value & 0xFFU);
}

void add_u32(std::string& out, std::uint32_t value) {
  add_u16(out, value >> 16U);
  add_u16(out, value & 0xFFFFU);
}

void add_variable(std::string& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7U) add_u8(out, (value & 0x7FU) | 0x80U);
  add_u8(out, static_cast<unsigned>(value));
}

void add_text(std::string& out, std::string_view text) {
  add_u16(out, static_cast<unsigned>(text.size()));
  out += text;
}

void begin_packet(std::string& out, MqttPacket type, std::size_t body_bytes) {
  add_u8(out, static_cast<unsigned>(type) << 4U);
  add_variable(out, body_bytes);
}

void begin_property(std::string& out, MqttPropertyId id) {
  add_u8(out, static_cast<unsigned>(id));
}

// The numbers of MQTT 3.1.1.
std::uint8_t connack_code(MqttReason reason) noexcept {
  switch (reason) {
    case MqttReason::success:
      return 0;
    case MqttReason::unsupported_version:
      return 1;
    case MqttReason::client_id_not_valid:
      return 2;
    case MqttReason::bad_user_or_password:
      return 4;
    case MqttReason::not_authorized:
      return 5;
    default:
      return 3;
  }
}

std::string connack_properties(const MqttConnack& connack) {
  std::string properties;
  if (is_error(connack.reason)) return properties;
  if (connack.session_expiry) {
    begin_property(properties, MqttPropertyId::session_expiry);
    add_u32(properties, *connack.session_expiry);
  }
  begin_property(properties, MqttPropertyId::receive_maximum);
  add_u16(properties, connack.receive_maximum);
  begin_property(properties, MqttPropertyId::maximum_packet_size);
  add_u32(properties, connack.max_packet_bytes);
  if (!connack.assigned_client_id.empty()) {
    begin_property(properties, MqttPropertyId::assigned_client_id);
    add_text(properties, connack.assigned_client_id);
  }
  begin_property(properties, MqttPropertyId::topic_alias_maximum);
  add_u16(properties, connack.topic_alias_maximum);
  for (const MqttPropertyId subscriptions :
       {MqttPropertyId::wildcard_available, MqttPropertyId::subscription_identifiers_available,
        MqttPropertyId::shared_available}) {
    begin_property(properties, subscriptions);
    add_u8(properties, 0);
  }
  if (connack.server_keep_alive) {
    begin_property(properties, MqttPropertyId::server_keep_alive);
    add_u16(properties, *connack.server_keep_alive);
  }
  return properties;
}

}  // namespace

void write_connack(std::string& out, MqttVersion version, const MqttConnack& connack) {
  const unsigned flags = connack.session_present && !is_error(connack.reason) ? 1 : 0;
  if (version == MqttVersion::v3_1_1) {
    begin_packet(out, MqttPacket::connack, 2);
    add_u8(out, flags);
    return add_u8(out, connack_code(connack.reason));
  }
  const std::string properties = connack_properties(connack);
  std::string length;
  add_variable(length, properties.size());
  begin_packet(out, MqttPacket::connack, 2 + length.size() + properties.size());
  add_u8(out, flags);
  add_u8(out, static_cast<unsigned>(connack.reason));
  out += length;
  out += properties;
}

void write_acknowledgement(std::string& out, MqttVersion version, MqttPacket type, std::uint16_t packet_id,
                           MqttReason reason) {
  const bool has_reason = version == MqttVersion::v5 && reason != MqttReason::success;
  begin_packet(out, type, has_reason ? 3 : 2);
  add_u16(out, packet_id);
  if (has_reason) add_u8(out, static_cast<unsigned>(reason));
}

void write_suback(std::string& out, MqttVersion version, std::uint16_t packet_id, std::size_t filters,
                  MqttReason reason) {
  const bool is_5 = version == MqttVersion::v5;
  begin_packet(out, MqttPacket::suback, 2 + (is_5 ? 1 : 0) + filters);
  add_u16(out, packet_id);
  if (is_5) add_u8(out, 0);
  out.append(filters, static_cast<char>(is_5 ? static_cast<std::uint8_t>(reason) : suback_failure_3));
}

void write_unsuback(std::string& out, MqttVersion version, std::uint16_t packet_id, std::size_t filters) {
  const bool is_5 = version == MqttVersion::v5;
  begin_packet(out, MqttPacket::unsuback, 2 + (is_5 ? 1 + filters : 0));
  add_u16(out, packet_id);
  if (!is_5) return;
  add_u8(out, 0);
  out.append(filters, static_cast<char>(MqttReason::no_subscription_existed));
}

void write_pingresp(std::string& out) {
  begin_packet(out, MqttPacket::pingresp, 0);
}

void write_disconnect(std::string& out, MqttReason reason) {
  begin_packet(out, MqttPacket::disconnect, 1);
  add_u8(out, static_cast<unsigned>(reason));
}

}  // namespace edgetide
