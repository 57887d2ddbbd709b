// The packets that a server sends to a client that publishes only, appended to a string.
//
// Thread: pure. Fails: never.
// See:    MQTT Version 3.1.1 and MQTT Version 5.0, 3
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/mqtt/mqtt_fields.h"
#include "daemon/mqtt/mqtt_reason.h"

namespace edgetide {

struct MqttConnack {
  MqttReason reason = MqttReason::success;
  bool session_present = false;
  // Of MQTT 5, where the client was let in.
  std::uint16_t receive_maximum = 0;
  std::uint32_t max_packet_bytes = 0;
  std::uint16_t topic_alias_maximum = 0;
  std::string assigned_client_id = {};  // empty: it has one
  std::optional<std::uint16_t> server_keep_alive = {};
  std::optional<std::uint32_t> session_expiry = {};  // if it is not the one asked for
};
void write_connack(std::string& out, MqttVersion version, const MqttConnack& connack);

// PUBACK, PUBREC, PUBCOMP. MQTT 3.1.1 has no reasons in them.
void write_acknowledgement(std::string& out, MqttVersion version, MqttPacket type, std::uint16_t packet_id,
                           MqttReason reason);

// SUBACK that refuses, and UNSUBACK, for so many filters.
void write_suback(std::string& out, MqttVersion version, std::uint16_t packet_id, std::size_t filters,
                  MqttReason reason);
void write_unsuback(std::string& out, MqttVersion version, std::uint16_t packet_id, std::size_t filters);

void write_pingresp(std::string& out);
// MQTT 5 only.
void write_disconnect(std::string& out, MqttReason reason);

}  // namespace edgetide
