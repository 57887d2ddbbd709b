// The parts of MQTT packets: numbers, strings and properties, read from the bytes of one packet without copies.
//
// Thread: one owner at a time; pure.
// Fails:  after the first read beyond the end, or a string that is not one, `ok` stays false and every read gives zero.
// Owns:   nothing; what is read points into the packet.
// See:    MQTT Version 5.0, 1.5 and 2.2.2
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/mqtt/mqtt_reason.h"

namespace edgetide {

enum class MqttPacket : std::uint8_t {
  will = 0,  // not a packet: the properties of a will
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15
};

enum class MqttVersion : std::uint8_t { v3_1_1 = 4, v5 = 5 };

// UTF-8 without NUL and surrogates.
bool is_mqtt_text(std::string_view text) noexcept;
// Such a text that a message may be published to: not empty, without wildcards.
bool is_topic_name(std::string_view text) noexcept;
// Or subscribed to.
bool is_topic_filter(std::string_view text) noexcept;

class MqttFields {
 public:
  explicit MqttFields(std::string_view bytes) noexcept : rest_(bytes) {}

  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() noexcept { return number(4); }
  std::uint32_t variable() noexcept;   // at most four bytes
  std::string_view binary() noexcept;  // with its length before it
  std::string_view text() noexcept;    // the same, which has to be text
  std::string_view take(std::size_t bytes) noexcept;
  std::string_view rest() noexcept { return take(rest_.size()); }

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return rest_.empty(); }
  void fail() noexcept { ok_ = false, rest_ = {}; }

 private:
  std::uint32_t number(std::size_t bytes) noexcept;

  std::string_view rest_;
  bool ok_ = true;
};

enum class MqttPropertyId : std::uint8_t {
  payload_format = 0x01,
  message_expiry = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry = 0x11,
  assigned_client_id = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_available = 0x28,
  subscription_identifiers_available = 0x29,
  shared_available = 0x2A
};

struct MqttProperty {
  MqttPropertyId id{};
  std::uint32_t number = 0;
  std::string_view text;   // or binary data; of a user property its name
  std::string_view value;  // of a user property
};

// The properties of a packet that a client sends, one after the other.
//
//   MqttProperties properties(fields, MqttPacket::publish);
//   while (properties.next(property)) ...
//   if (is_error(properties.error())) ...
class MqttProperties {
 public:
  // Takes them off `fields`, with their length.
  MqttProperties(MqttFields& fields, MqttPacket packet) noexcept;

  // False: there is none, or an error.
  bool next(MqttProperty& property) noexcept;
  MqttReason error() const noexcept { return error_; }

 private:
  bool refuse(MqttReason reason) noexcept;

  MqttFields rest_;
  const MqttPacket packet_;
  std::uint64_t seen_ = 0;
  MqttReason error_ = MqttReason::success;
};

}  // namespace edgetide
