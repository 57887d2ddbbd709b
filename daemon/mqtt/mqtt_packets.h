// The packets that a client sends to a server, MQTT 3.1.1 and 5, read without copies.
//
//   read_head           where the next packet ends, from its first two to five bytes
//   read_connect ...    its body, each by its function; the answer says whether it may be used
//
// Thread: pure. Fails: by the reason that MQTT 5 has for it.
// Owns:   nothing; what is read points into the packet.
// See:    MQTT Version 3.1.1 and MQTT Version 5.0, 2 and 3
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "daemon/mqtt/mqtt_fields.h"
#include "daemon/mqtt/mqtt_reason.h"

namespace edgetide {

struct MqttHead {
  enum class State : std::uint8_t { complete, partial, malformed } state = State::partial;
  MqttPacket type{};
  std::uint8_t flags = 0;
  std::size_t head_bytes = 0;
  std::size_t body_bytes = 0;
};
MqttHead read_head(std::string_view bytes) noexcept;

// The flags that the packet's type has; those of PUBLISH are its own.
bool has_its_flags(const MqttHead& head) noexcept;

struct MqttWill {
  std::string_view topic;
  std::string_view payload;
  std::uint8_t qos = 0;
  bool retain = false;
};

struct MqttConnect {
  MqttVersion version = MqttVersion::v3_1_1;
  bool clean = false;
  std::uint16_t keep_alive = 0;  // s
  std::string_view client_id;
  std::optional<MqttWill> will;
  std::optional<std::string_view> username;
  std::optional<std::string_view> password;
  // Of MQTT 5; none of 3.1.1, whose session has no end if it is not clean.
  std::optional<std::uint32_t> session_expiry;  // s
  std::optional<std::uint32_t> max_packet_bytes;
  bool has_authentication_method = false;
};
// `unsupported_version`: nothing but that is known of it.
MqttReason read_connect(std::string_view body, MqttConnect& connect) noexcept;

struct MqttPublish {
  bool dup = false;
  bool retain = false;
  std::uint8_t qos = 0;
  std::uint16_t packet_id = 0;  // with QoS 1 and 2
  std::string_view topic;       // empty: that of the alias
  std::string_view payload;
  // Of MQTT 5.
  std::optional<std::uint16_t> topic_alias;
  std::string_view content_type;
};
struct MqttUserProperty {
  std::string_view name, value;
};
// The user properties are appended.
MqttReason read_publish(std::uint8_t flags, std::string_view body, MqttVersion version, MqttPublish& publish,
                        std::vector<MqttUserProperty>& properties);

// PUBACK, PUBREC, PUBREL, PUBCOMP.
MqttReason read_acknowledgement(MqttPacket type, std::string_view body, MqttVersion version,
                                std::uint16_t& packet_id) noexcept;

struct MqttFilters {
  std::uint16_t packet_id = 0;
  std::size_t count = 0;
};
// SUBSCRIBE and UNSUBSCRIBE.
MqttReason read_filters(MqttPacket type, std::string_view body, MqttVersion version, MqttFilters& filters) noexcept;

struct MqttDisconnect {
  MqttReason reason = MqttReason::success;
  std::optional<std::uint32_t> session_expiry;
};
MqttReason read_disconnect(std::string_view body, MqttVersion version, MqttDisconnect& disconnect) noexcept;

}  // namespace edgetide
