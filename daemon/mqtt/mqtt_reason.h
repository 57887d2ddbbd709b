// Why a packet was answered as it was, in the numbers of MQTT 5. MQTT 3.1.1 has some of them in its CONNACK, under
// other numbers (`connack_code`).
//
// Thread: plain values, any thread.
// See:    MQTT Version 5.0, 2.4; MQTT Version 3.1.1, 3.2.2.3
#pragma once

#include <cstdint>
#include <string_view>

#include "pipeline/enum_word.h"

namespace edgetide {

enum class MqttReason : std::uint8_t {
  success = 0x00,
  disconnect_with_will = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific = 0x83,
  unsupported_version = 0x84,
  client_id_not_valid = 0x85,
  bad_user_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_name_invalid = 0x90,
  packet_id_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
};

inline constexpr EnumWord<MqttReason> mqtt_reason_words[] = {
    {MqttReason::success, "success"},
    {MqttReason::disconnect_with_will, "disconnect with will"},
    {MqttReason::no_matching_subscribers, "no matching subscribers"},
    {MqttReason::no_subscription_existed, "no subscription existed"},
    {MqttReason::malformed_packet, "malformed packet"},
    {MqttReason::protocol_error, "protocol error"},
    {MqttReason::implementation_specific, "not accepted by this server"},
    {MqttReason::unsupported_version, "unsupported protocol version"},
    {MqttReason::client_id_not_valid, "client id not valid"},
    {MqttReason::bad_user_or_password, "bad user name or password"},
    {MqttReason::not_authorized, "not authorized"},
    {MqttReason::server_unavailable, "server unavailable"},
    {MqttReason::server_busy, "server busy"},
    {MqttReason::server_shutting_down, "server shutting down"},
    {MqttReason::bad_authentication_method, "bad authentication method"},
    {MqttReason::keep_alive_timeout, "keep alive timeout"},
    {MqttReason::session_taken_over, "session taken over"},
    {MqttReason::topic_name_invalid, "topic name invalid"},
    {MqttReason::packet_id_not_found, "packet identifier not found"},
    {MqttReason::receive_maximum_exceeded, "receive maximum exceeded"},
    {MqttReason::topic_alias_invalid, "topic alias invalid"},
    {MqttReason::packet_too_large, "packet too large"},
    {MqttReason::message_rate_too_high, "message rate too high"}};

constexpr bool is_error(MqttReason reason) noexcept {
  return static_cast<std::uint8_t>(reason) >= 0x80;
}

constexpr std::string_view words_of(MqttReason reason) noexcept {
  return word_of(mqtt_reason_words, reason);
}

}  // namespace edgetide
