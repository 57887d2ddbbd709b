#include "daemon/sources/mqtt_subscriptions.h"

#include <algorithm>
#include <stdexcept>

#include "daemon/sources/topic_filter.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

using Subscription = MqttSubscriptions::Subscription;
using AtBroker = MqttSubscriptions::AtBroker;
using Copy = MqttSubscriptions::Copy;
using Kind = Copy::Kind;

constexpr std::uint32_t max_identifier = 268'435'455;  // of MQTT 5

bool has(std::span<const std::uint32_t> identifiers, const Subscription& one) noexcept {
  return std::find(identifiers.begin(), identifiers.end(), one.identifier) != identifiers.end();
}

// Of the copies of one message, as mosquitto sends them: level by level a name, then `+`, then `#`; a filter that ends
// with `#` before the one that ends without it.
bool comes_first(std::string_view a, std::string_view b) noexcept {
  const std::size_t same =
      static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto rank = [&](std::string_view filter) {
    if (same >= filter.size()) return 3;
    return filter[same] == '#' ? 2 : filter[same] == '+' ? 1 : 0;
  };
  return rank(a) < rank(b);
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
      return one.filter == filter && (one.is_needed() || one.at_broker != AtBroker::no);
    });
    if (known != all_.end()) {
      known->ended_before = 0;
    } else {
      all_.push_back({filter, next_identifier_++});
    }
  }
  while (std::count_if(all_.begin(), all_.end(), [](const Subscription& one) { return !one.is_needed(); }) >
         static_cast<std::ptrdiff_t>(max_ended)) {
    all_.erase(std::find_if(all_.begin(), all_.end(), [](const Subscription& one) { return !one.is_needed(); }));
  }
  for (const Subscription& one : all_) {
    overlapping_ = overlapping_ || std::any_of(all_.begin(), all_.end(), [&](const Subscription& other) {
                     return &one != &other && overlap(plain_filter(one.filter), plain_filter(other.filter));
                   });
    patterns_.emplace_back(plain_filter(one.filter));
  }
}

void MqttSubscriptions::note_subscribed() noexcept {
  for (Subscription& one : all_) {
    if (one.is_needed()) one.at_broker = AtBroker::surely;
  }
}

void MqttSubscriptions::note_ending() noexcept {
  for (Subscription& one : all_) {
    if (one.has_to_end()) one.at_broker = AtBroker::maybe;
  }
}

void MqttSubscriptions::note_ended() noexcept {
  for (Subscription& one : all_) {
    if (!one.is_needed()) one.at_broker = AtBroker::no;
  }
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
    out.u8(static_cast<std::uint8_t>(one.at_broker));
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
    one.at_broker = static_cast<AtBroker>(std::min(in.u8(), static_cast<std::uint8_t>(AtBroker::surely)));
    try {
      TopicPattern pattern(plain_filter(one.filter));
    } catch (const std::invalid_argument&) {
      return false;
    }
    all_.push_back(std::move(one));
  }
  return in.ok() && in.at_end() && next_identifier_ > 0;
}

Copy MqttSubscriptions::copy_of(std::string_view topic, std::span<const std::uint32_t> identifiers) const {
  if (!overlapping_ || identifiers.empty()) return {};
  const auto borne = [&](const Subscription& one) { return has(identifiers, one); };
  const auto needed = [&](const Subscription& one) { return one.is_needed() && borne(one); };
  if (std::none_of(all_.begin(), all_.end(), needed)) return copy_through_former(topic, identifiers);
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (!all_[i].is_needed() || !matches(i, topic)) continue;
    if (!borne(all_[i])) return {Kind::left_out};
    const bool has_former =
        std::any_of(all_.begin(), all_.end(), [&](const Subscription& one) { return !one.is_needed() && borne(one); });
    return has_former ? Copy() : copy_through_needed(i, topic);
  }
  return {};
}

// Sent before the routes were edited, or just then. Of those that were subscribed at that time, the copy of one that
// still is comes first, then that of the oldest.
Copy MqttSubscriptions::copy_through_former(std::string_view topic, std::span<const std::uint32_t> identifiers) const {
  const auto own =
      std::find_if(all_.begin(), all_.end(), [&](const Subscription& one) { return has(identifiers, one); });
  if (own == all_.end()) return {};
  const Subscription* newer = nullptr;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const Subscription& other = all_[i];
    const bool was_there = other.is_needed()
                               ? other.identifier < own->ended_before
                               : other.identifier < own->identifier && other.ended_before >= own->ended_before;
    if (!was_there && !(other.is_needed() && newer == nullptr)) continue;
    if (!matches(i, topic)) continue;
    if (was_there) return {Kind::left_out};
    newer = &other;
  }
  if (newer == nullptr) return {};
  return {Kind::through_ended, comes_first(own->filter, newer->filter)};
}

// Of the filters that match and are needed it is the oldest. While the broker surely has one that was ended for it,
// there is a copy through that.
Copy MqttSubscriptions::copy_through_needed(std::size_t subscription, std::string_view topic) const {
  const Subscription& own = all_[subscription];
  const Subscription* former = nullptr;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const Subscription& other = all_[i];
    const bool is_former = !other.is_needed() && other.ended_before <= own.identifier;
    if (!is_former || (former != nullptr && former->ended_before >= other.ended_before)) continue;
    if (matches(i, topic)) former = &other;
  }
  if (former == nullptr) return {};
  const bool is_there = former->at_broker == AtBroker::surely;
  return {is_there ? Kind::until_ended : Kind::through_newer, comes_first(former->filter, own.filter)};
}

// While both are there, at an edit, a broker that sends one message for all is more likely than a second copy.
unsigned MqttSubscriptions::copies(std::string_view topic) const {
  if (!overlapping_) return 1;
  unsigned needed = 0, former = 0;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].at_broker != AtBroker::no && matches(i, topic)) ++(all_[i].is_needed() ? needed : former);
  }
  return std::max({needed, former, 1U});
}

bool MqttSubscriptions::matches(std::size_t subscription, std::string_view topic) const {
  std::vector<Capture> none;
  return patterns_[subscription].match(topic, none);
}

}  // namespace edgetide
