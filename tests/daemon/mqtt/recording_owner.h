// The owner of a connection that keeps what was delivered.
//
// Thread: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/message_fingerprint.h"
#include "daemon/mqtt/device_connection.h"

namespace edgetide::test {

struct RecordingOwner final : DeviceOwner {
  Admission admit(const MqttConnect& connect) override {
    username = connect.username.value_or("-");
    client_id = connect.client_id;
    Admission admission;
    admission.reason = refuse_connect;
    admission.session = &session;
    admission.session_present = is_session_known && !connect.clean;
    if (!admission.session_present) session.reset();
    if (connect.client_id.empty()) admission.assigned_client_id = "made-1";
    return admission;
  }
  bool may_publish(std::string_view topic) override { return topic.starts_with(prefix); }
  bool was_taken(std::uint64_t fingerprint) override { return taken_in_former_run == fingerprint; }
  std::uint64_t fingerprint_of(const DeviceMessage& message) override {
    return message_fingerprint(message.packet_id, message.topic, message.payload);
  }
  MqttReason deliver(const DeviceMessage& message, std::optional<std::uint64_t>) override {
    delivered.push_back(std::string(message.topic) + '=' + std::string(message.payload));
    for (const MqttUserProperty& one : message.properties) {
      properties.push_back(std::string(one.name) + '=' + std::string(one.value));
    }
    return answer;
  }
  void note_resent() override { ++resent; }
  void note_subscribe() override { ++subscribes; }
  void end_session_after(std::uint32_t seconds) override { expiry = seconds; }

  DeviceSession session;
  bool is_session_known = false;
  MqttReason refuse_connect = MqttReason::success, answer = MqttReason::success;
  std::string prefix, username, client_id;
  std::optional<std::uint64_t> taken_in_former_run;
  std::vector<std::string> delivered, properties;
  int resent = 0, subscribes = 0;
  std::optional<std::uint32_t> expiry;
};

}  // namespace edgetide::test
