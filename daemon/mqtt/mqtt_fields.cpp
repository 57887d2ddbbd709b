#include "daemon/mqtt/mqtt_fields.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

constexpr unsigned max_variable_bits = 4 * 7;

enum class ValueKind : std::uint8_t { flag, byte, two_bytes, four_bytes, variable, text, topic, binary, pair };

struct PropertyRule {
  ValueKind kind;
  std::uint16_t packets;  // of a client, that may have it: a bit each
  bool is_positive = false;
};

constexpr std::uint16_t in(std::initializer_list<MqttPacket> packets) {
  unsigned bits = 0;
  for (const MqttPacket packet : packets) bits |= 1U << static_cast<unsigned>(packet);
  return static_cast<std::uint16_t>(bits);
}

std::optional<PropertyRule> rule_of(MqttPropertyId id) noexcept {
  using enum MqttPacket;
  switch (id) {
    case MqttPropertyId::payload_format:
      return PropertyRule{ValueKind::flag, in({publish, will})};
    case MqttPropertyId::message_expiry:
      return PropertyRule{ValueKind::four_bytes, in({publish, will})};
    case MqttPropertyId::content_type:
      return PropertyRule{ValueKind::text, in({publish, will})};
    case MqttPropertyId::response_topic:
      return PropertyRule{ValueKind::topic, in({publish, will})};
    case MqttPropertyId::correlation_data:
      return PropertyRule{ValueKind::binary, in({publish, will})};
    case MqttPropertyId::subscription_identifier:
      return PropertyRule{ValueKind::variable, in({subscribe}), true};
    case MqttPropertyId::session_expiry:
      return PropertyRule{ValueKind::four_bytes, in({connect, disconnect})};
    case MqttPropertyId::authentication_method:
      return PropertyRule{ValueKind::text, in({connect, auth})};
    case MqttPropertyId::authentication_data:
      return PropertyRule{ValueKind::binary, in({connect, auth})};
    case MqttPropertyId::request_problem_information:
    case MqttPropertyId::request_response_information:
      return PropertyRule{ValueKind::flag, in({connect})};
    case MqttPropertyId::will_delay:
      return PropertyRule{ValueKind::four_bytes, in({will})};
    case MqttPropertyId::reason_string:
      return PropertyRule{ValueKind::text, in({puback, pubrec, pubrel, pubcomp, disconnect, auth})};
    case MqttPropertyId::receive_maximum:
      return PropertyRule{ValueKind::two_bytes, in({connect}), true};
    case MqttPropertyId::topic_alias_maximum:
      return PropertyRule{ValueKind::two_bytes, in({connect})};
    case MqttPropertyId::topic_alias:
      return PropertyRule{ValueKind::two_bytes, in({publish})};
    case MqttPropertyId::maximum_packet_size:
      return PropertyRule{ValueKind::four_bytes, in({connect}), true};
    case MqttPropertyId::user_property:
      return PropertyRule{ValueKind::pair, in({connect, will, publish, puback, pubrec, pubrel, pubcomp, subscribe,
                                               unsubscribe, disconnect, auth})};
    default:
      return std::nullopt;  // a server's, or none
  }
}

bool read_value(MqttFields& in, ValueKind kind, MqttProperty& property) noexcept {
  switch (kind) {
    case ValueKind::flag:
    case ValueKind::byte:
      property.number = in.u8();
      break;
    case ValueKind::two_bytes:
      property.number = in.u16();
      break;
    case ValueKind::four_bytes:
      property.number = in.u32();
      break;
    case ValueKind::variable:
      property.number = in.variable();
      break;
    case ValueKind::binary:
      property.text = in.binary();
      break;
    case ValueKind::pair:
      property.text = in.text();
      property.value = in.text();
      break;
    case ValueKind::text:
    case ValueKind::topic:
      property.text = in.text();
      break;
  }
  return in.ok();
}

bool is_surrogate_or_nul(std::string_view character) noexcept {
  return character[0] == '\0' || (character[0] == '\xED' && static_cast<unsigned char>(character[1]) >= 0xA0);
}

bool has_levels_of_a_filter(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '+' && text[i] != '#') continue;
    const bool begins = i == 0 || text[i - 1] == '/';
    const bool is_last = i + 1 == text.size();
    const bool ends = is_last || (text[i] == '+' && text[i + 1] == '/');
    if (!begins || !ends) return false;
  }
  return true;
}

}  // namespace

bool is_mqtt_text(std::string_view text) noexcept {
  while (!text.empty()) {
    std::size_t length = 1;
    if (static_cast<unsigned char>(text[0]) >= 0x80) length = utf8_length(text);
    if (length == 0 || is_surrogate_or_nul(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_topic_name(std::string_view text) noexcept {
  bool is_ascii = true;
  for (const char c : text) {
    if (c == '+' || c == '#' || c == '\0') return false;
    is_ascii = is_ascii && static_cast<unsigned char>(c) < 0x80;
  }
  return !text.empty() && (is_ascii || is_mqtt_text(text));
}

bool is_topic_filter(std::string_view text) noexcept {
  return !text.empty() && is_mqtt_text(text) && has_levels_of_a_filter(text);
}

std::uint32_t MqttFields::number(std::size_t bytes) noexcept {
  std::uint32_t value = 0;
  for (const char c : take(bytes)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint32_t MqttFields::variable() noexcept {
  std::uint32_t value = 0;
  for (unsigned bits = 0; bits < max_variable_bits; bits += 7) {
    const std::uint8_t next = u8();
    value |= static_cast<std::uint32_t>(next & 0x7FU) << bits;
    if (next < 0x80) return ok_ ? value : 0;
  }
  fail();
  return 0;
}

std::string_view MqttFields::binary() noexcept {
  return take(u16());
}

std::string_view MqttFields::text() noexcept {
  const std::string_view text = binary();
  if (is_mqtt_text(text)) return text;
  fail();
  return {};
}

std::string_view MqttFields::take(std::size_t bytes) noexcept {
  if (bytes > rest_.size()) fail();
  if (!ok_) return {};
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

MqttProperties::MqttProperties(MqttFields& fields, MqttPacket packet) noexcept
    : rest_(fields.take(fields.variable())), packet_(packet) {
  if (!fields.ok()) error_ = MqttReason::malformed_packet;
}

bool MqttProperties::refuse(MqttReason reason) noexcept {
  error_ = reason;
  return false;
}

bool MqttProperties::next(MqttProperty& property) noexcept {
  if (is_error(error_) || rest_.at_end()) return false;
  property = {.id = static_cast<MqttPropertyId>(rest_.u8()), .number = 0, .text = {}, .value = {}};
  const std::optional<PropertyRule> rule = rule_of(property.id);
  if (!rule || !(rule->packets >> static_cast<unsigned>(packet_) & 1U)) return refuse(MqttReason::malformed_packet);
  if (!read_value(rest_, rule->kind, property)) return refuse(MqttReason::malformed_packet);
  const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(property.id);
  if (property.id != MqttPropertyId::user_property && (seen_ & bit) != 0) return refuse(MqttReason::protocol_error);
  seen_ |= bit;
  if (rule->kind == ValueKind::flag && property.number > 1) return refuse(MqttReason::protocol_error);
  if (rule->is_positive && property.number == 0) return refuse(MqttReason::protocol_error);
  if (rule->kind == ValueKind::topic && !is_topic_name(property.text)) return refuse(MqttReason::protocol_error);
  return true;
}

}  // namespace edgetide
