// What a client sends to the server's side of a connection. The first byte says how the bytes are cut into pieces. The
// outcome does not depend on the pieces; every answer is whole, and nothing is delivered before the CONNECT.
#include <string>
#include <vector>

#include "daemon/decoders/message_fingerprint.h"
#include "daemon/mqtt/device_connection.h"
#include "tests/fuzz/fuzz_target.h"

namespace edgetide {
namespace {

class PromiseKeeper final : public DeviceOwner {
 public:
  Admission admit(const MqttConnect& connect) override {
    require(!is_admitted_, "there is one CONNECT");
    require(is_mqtt_text(connect.client_id), "a client id is UTF-8");
    is_admitted_ = true;
    Admission admission;
    admission.session = &session_;
    return admission;
  }
  bool may_publish(std::string_view topic) override { return !topic.starts_with("no/"); }
  bool was_taken(std::uint64_t fingerprint) override { return fingerprint % 7 == 0; }
  std::uint64_t fingerprint_of(const DeviceMessage& message) override {
    return message_fingerprint(message.packet_id, message.topic, message.payload);
  }
  MqttReason deliver(const DeviceMessage& message, std::optional<std::uint64_t> fingerprint) override {
    require(is_admitted_, "CONNECT comes first");
    require(is_topic_name(message.topic), "a topic is one");
    require((message.qos > 0) == fingerprint.has_value(), "what is acknowledged can be recognised");
    delivered += std::string(message.topic) + '\n' + std::string(message.payload) + '\n';
    for (const MqttUserProperty& one : message.properties) delivered.append(one.name).append(one.value);
    return MqttReason::success;
  }
  void note_resent() override { delivered += "again\n"; }
  void note_subscribe() override { delivered += "subscribe\n"; }
  void end_session_after(std::uint32_t) override {}

  std::string delivered;

 private:
  bool is_admitted_ = false;
  DeviceSession session_;
};

// Of a server's answers: each with its length.
void require_whole(std::string_view answers) {
  while (!answers.empty()) {
    const MqttHead head = read_head(answers);
    require(head.state == MqttHead::State::complete, "an answer has a head");
    require(answers.size() - head.head_bytes >= head.body_bytes, "an answer is whole");
    answers.remove_prefix(head.head_bytes + head.body_bytes);
  }
}

std::string outcome_of(std::string_view bytes, std::size_t piece) {
  DeviceLimits limits;
  limits.max_packet_bytes = 2000;
  PromiseKeeper owner;
  DeviceConnection connection(limits, owner, {});
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size() && !connection.is_over(); at += piece) {
    waiting += bytes.substr(at, piece);
    const std::size_t used = connection.take(waiting, {});
    require(used <= waiting.size(), "no byte is used that did not come");
    waiting.erase(0, used);
    require(connection.packet_bytes() == 0 || connection.packet_bytes() > waiting.size(), "a whole packet is used");
    require(waiting.size() < limits.max_packet_bytes + piece, "what waits is bounded");
  }
  require_whole(connection.answers());
  return owner.delivered + connection.answers() + std::string(words_of(connection.reason()));
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = edgetide::text_of(data, size);
  if (bytes.empty()) return 0;
  const auto how = static_cast<unsigned char>(bytes[0]);
  bytes.remove_prefix(1);
  edgetide::require(edgetide::outcome_of(bytes, 1) == edgetide::outcome_of(bytes, how + std::size_t{1}),
                    "pieces change nothing");
  return 0;
}
