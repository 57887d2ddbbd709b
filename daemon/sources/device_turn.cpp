#include "daemon/sources/device_turn.h"

#include <utility>

namespace edgetide {

void DeviceTurn::begin() noexcept {
  batch_.clear();
  used_ = 0;
  kept_.clear();
  kept_bytes_ = 0;
  noted_.clear();
}

std::string_view DeviceTurn::keep(std::string&& packet) {
  kept_bytes_ += packet.size();
  return kept_.emplace_back(std::move(packet));
}

MqttReason DeviceTurn::decode(const DeviceMessage& message, std::optional<std::uint64_t> fingerprint) {
  const std::size_t refusals = batch_.refusals.size();
  properties_.clear();
  for (const MqttUserProperty& one : message.properties) properties_.push_back({one.name, one.value});
  router_.decode({.topic = message.is_topic_kept ? message.topic : batch_.keep(message.topic),
                  .payload = message.payload,
                  .content_type = message.content_type,
                  .properties = properties_},
                 batch_);
  if (fingerprint) batch_.end_message(fingerprint, false);
  const bool has_no_route =
      batch_.refusals.size() == refusals + 1 && batch_.refusals.back().reason == Refusal::no_route;
  return has_no_route ? MqttReason::no_matching_subscribers : MqttReason::success;
}

// The newest first, as DeviceSession wants it.
void DeviceTurn::take_back() noexcept {
  for (auto one = noted_.rbegin(); one != noted_.rend(); ++one) {
    one->entry->session.take_back(one->fingerprint, one->is_held);
  }
  noted_.clear();
}

}  // namespace edgetide
