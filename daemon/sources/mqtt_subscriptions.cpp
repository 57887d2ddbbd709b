#include "daemon/sources/mqtt_subscriptions.h"

#include <algorithm>
#include <stdexcept>

#include "daemon/sources/topic_filter.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

using Subscription = MqttSubscriptions::Subscription;

constexpr std::uint32_t max_identifier = 268'435'455;  // of MQTT 5

bool has(std::span<const std::uint32_t> identifiers, const Subscription& one) noexcept {
  return std::find(identifiers.begin(), identifiers.end(), one.identifier) != identifiers.end();
}

}  // namespace

MqttSubscriptions::MqttSubscriptions(const std::vector<std::string>& needed, std::string_view notes) {
  if (!read(notes)) all_.clear(), next_identifier_ = 1;
  if (next_identifier_ > max_identifier - needed.size()) all_.clear(), next_identifier_ = 1;
  const std::uint32_t now = next_identifier_;
  for (Subscription& one : all_) {
    if (one.is_needed() && std::find(needed.begin(), needed.end(), one.filter) == needed.end()) one.ended_before = now;
  }
  for (const std::string& filter : needed) {
    const auto known = std::find_if(all_.begin(), all_.end(), [&](const Subscription& one) {
      return one.filter == filter && (one.is_needed() || one.at_broker);
    });
    if (known != all_.end()) {
      known->ended_before = 0;
    } else {
      all_.push_back({filter, next_identifier_++, 0, true});
    }
  }
  while (std::count_if(all_.begin(), all_.end(), [](const Subscription& one) { return !one.is_needed(); }) >
         static_cast<std::ptrdiff_t>(max_ended)) {
    all_.erase(std::find_if(all_.begin(), all_.end(), [](const Subscription& one) { return !one.is_needed(); }));
  }
  for (const Subscription& one : all_) {
    overlapping_ = overlapping_ || std::any_of(all_.begin(), all_.end(), [&](const Subscription& other) {
                     return &one != &other && overlap(one.filter, other.filter);
                   });
    patterns_.emplace_back(one.filter);
  }
}

void MqttSubscriptions::forget_at_broker() noexcept {
  for (Subscription& one : all_) one.at_broker = one.is_needed();
}

std::string MqttSubscriptions::notes() const {
  std::string notes;
  ByteWriter out(notes);
  out.u32(next_identifier_);
  out.u32(static_cast<std::uint32_t>(all_.size()));
  for (const Subscription& one : all_) {
    out.text(one.filter);
    out.u32(one.identifier);
    out.u32(one.ended_before);
    out.u8(one.at_broker ? 1 : 0);
  }
  return notes;
}

bool MqttSubscriptions::read(std::string_view notes) {
  if (notes.empty()) return true;
  ByteReader in(notes);
  next_identifier_ = in.u32();
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    Subscription one;
    one.filter = in.text();
    one.identifier = in.u32();
    one.ended_before = in.u32();
    one.at_broker = in.u8() != 0;
    try {
      TopicPattern pattern(one.filter);
    } catch (const std::invalid_argument&) {
      return false;
    }
    all_.push_back(std::move(one));
  }
  return in.ok() && in.at_end() && next_identifier_ > 0;
}

bool MqttSubscriptions::takes(std::string_view topic, std::span<const std::uint32_t> identifiers) const {
  if (!overlapping_ || identifiers.empty()) return true;
  const auto borne = [&](const Subscription& one) { return one.is_needed() && has(identifiers, one); };
  if (std::none_of(all_.begin(), all_.end(), borne)) return takes_ended(topic, identifiers);
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].is_needed() && matches(i, topic)) return has(identifiers, all_[i]);
  }
  return true;
}

// Sent before the routes were edited, or just then. Of those that were subscribed at that time, the copy of one that
// still is comes first, then that of the oldest.
bool MqttSubscriptions::takes_ended(std::string_view topic, std::span<const std::uint32_t> identifiers) const {
  const auto own =
      std::find_if(all_.begin(), all_.end(), [&](const Subscription& one) { return has(identifiers, one); });
  if (own == all_.end()) return true;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const Subscription& other = all_[i];
    const bool comes_first = other.is_needed()
                                 ? other.identifier < own->ended_before
                                 : other.identifier < own->identifier && other.ended_before >= own->ended_before;
    if (comes_first && matches(i, topic)) return false;
  }
  return true;
}

unsigned MqttSubscriptions::copies(std::string_view topic) const {
  if (!overlapping_) return 1;
  unsigned copies = 0;
  for (std::size_t i = 0; i < all_.size(); ++i) copies += all_[i].at_broker && matches(i, topic) ? 1 : 0;
  return std::max(copies, 1U);
}

bool MqttSubscriptions::matches(std::size_t subscription, std::string_view topic) const {
  std::vector<Capture> none;
  return patterns_[subscription].match(topic, none);
}

}  // namespace edgetide
