#include "daemon/sources/mqtt_subscriptions.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "daemon/sources/topic_filter.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

using Subscription = MqttSubscriptions::Subscription;
using AtBroker = MqttSubscriptions::AtBroker;
using Copy = MqttSubscriptions::Copy;
using Kind = Copy::Kind;

constexpr std::uint32_t max_identifier = 268'435'455;  // of MQTT 5
constexpr std::uint32_t with_this_edit = 0xFFFF'FFFF;  // `ended_before` while the constructor runs

bool has(const std::vector<std::string>& filters, const Subscription& one) noexcept {
  return std::find(filters.begin(), filters.end(), one.filter) != filters.end();
}

// Of the copies of one message, as mosquitto sends them: level by level a name, then `+`, then `#`; a filter that ends
// with `#` before the one that ends without it.
bool comes_first(std::string_view a, std::string_view b) noexcept {
  a = plain_filter(a), b = plain_filter(b);
  const std::size_t same =
      static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto rank = [&](std::string_view filter) {
    if (same >= filter.size()) return 3;
    return filter[same] == '#' ? 2 : filter[same] == '+' ? 1 : 0;
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return rank(a) == 0 && a[same] < b[same];  // two names, which no topic matches
}

bool cross(const Subscription& a, const Subscription& b) noexcept {
  return overlap(plain_filter(a.filter), plain_filter(b.filter));
}

}  // namespace

MqttSubscriptions::MqttSubscriptions(std::vector<std::string> needed, std::string_view notes) {
  if (!read(notes) || next_identifier_ > max_identifier - needed.size() - 1) all_.clear(), next_identifier_ = 1;
  std::sort(needed.begin(), needed.end(), comes_first);
  end_others(needed);
  for (const std::string& filter : needed) begin(filter);
  note_end_of_edit();
  forget_oldest();
  rank_all();
}

// One that the broker surely has stays there up to this edit, though a former edit did not need it any more.
void MqttSubscriptions::end_others(const std::vector<std::string>& needed) noexcept {
  bool is_edit = std::any_of(needed.begin(), needed.end(), [&](const std::string& filter) {
    const Subscription* const known = usable(filter);
    return known == nullptr || !known->is_needed();
  });
  for (Subscription& one : all_) {
    if (!one.is_needed() || has(needed, one)) continue;
    one.ended_before = with_this_edit;
    is_edit = true;
  }
  if (!is_edit) return;
  for (Subscription& one : all_) {
    if (!one.is_needed() && one.at_broker == AtBroker::surely) one.ended_before = with_this_edit;
  }
}

void MqttSubscriptions::begin(const std::string& filter) {
  Subscription* const known = usable(filter);
  if (known != nullptr && !is_overtaken(*known)) {
    known->ended_before = 0;
    return;
  }
  if (known != nullptr) known->ended_before = next_identifier_;
  all_.push_back({filter, next_identifier_++});
}

void MqttSubscriptions::note_end_of_edit() noexcept {
  const auto ends_now = [](const Subscription& one) { return one.ended_before == with_this_edit; };
  if (std::none_of(all_.begin(), all_.end(), ends_now)) return;
  for (Subscription& one : all_) {
    if (ends_now(one)) one.ended_before = next_identifier_;
  }
  ++next_identifier_;
}

void MqttSubscriptions::forget_oldest() {
  const auto is_former = [](const Subscription& one) { return !one.is_needed(); };
  const auto is_gone = [](const Subscription& one) { return !one.is_needed() && one.at_broker == AtBroker::no; };
  while (std::count_if(all_.begin(), all_.end(), is_former) > static_cast<std::ptrdiff_t>(max_ended)) {
    const auto gone = std::find_if(all_.begin(), all_.end(), is_gone);
    all_.erase(gone != all_.end() ? gone : std::find_if(all_.begin(), all_.end(), is_former));
  }
}

void MqttSubscriptions::rank_all() {
  std::vector<std::string_view> order;
  for (const Subscription& one : all_) {
    order.push_back(plain_filter(one.filter));
    patterns_.emplace_back(order.back());
    overlapping_ = overlapping_ || std::any_of(all_.begin(), all_.end(), [&](const Subscription& other) {
                     return &one != &other && cross(one, other);
                   });
  }
  std::sort(order.begin(), order.end(), comes_first);
  for (const Subscription& one : all_) {
    const auto at = std::lower_bound(order.begin(), order.end(), plain_filter(one.filter), comes_first);
    ranks_.push_back(static_cast<std::size_t>(at - order.begin()));
  }
  for (const Subscription& one : all_) filter_ends_.push_back(end_of_filter(one));
}

// With those that it went on under.
std::uint32_t MqttSubscriptions::end_of_filter(const Subscription& one) const noexcept {
  std::uint32_t end = one.ended_before;
  for (const Subscription& next : all_) {
    if (end != 0 && next.identifier == end && next.filter == one.filter) end = next.ended_before;
  }
  return end;
}

// The subscription that the filter can go on with: the broker has had it all the time since it was begun.
Subscription* MqttSubscriptions::usable(std::string_view filter) noexcept {
  Subscription* found = nullptr;
  for (Subscription& one : all_) {
    if (one.filter == filter && (one.is_needed() || one.at_broker == AtBroker::surely)) found = &one;
  }
  return found;
}

// Those before it in the order have been begun.
bool MqttSubscriptions::is_overtaken(const Subscription& one) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const Subscription& other) {
    const bool came_or_goes =
        other.is_needed() ? other.identifier > one.identifier : other.ended_before == with_this_edit;
    return came_or_goes && comes_first(other.filter, one.filter) && cross(other, one);
  });
}

// Its filter goes on under another identifier.
bool MqttSubscriptions::is_renewed(const Subscription& one) const noexcept {
  return !one.is_needed() && std::any_of(all_.begin(), all_.end(), [&](const Subscription& other) {
    return other.is_needed() && other.filter == one.filter;
  });
}

std::vector<std::string> MqttSubscriptions::to_end() const {
  std::vector<std::string> filters;
  for (const Subscription& one : all_) {
    if (one.is_needed() || one.at_broker == AtBroker::no || is_renewed(one) || has(filters, one)) continue;
    filters.push_back(one.filter);
  }
  return filters;
}

void MqttSubscriptions::note_subscribing() noexcept {
  for (Subscription& one : all_) {
    if (one.is_needed() && one.at_broker == AtBroker::no) one.at_broker = AtBroker::begun;
    if (is_renewed(one) && one.at_broker != AtBroker::no) one.at_broker = AtBroker::ending;
  }
}

std::uint32_t MqttSubscriptions::note_subscribed(std::string_view filter) noexcept {
  std::uint32_t begins = 0;
  for (Subscription& one : all_) {
    if (one.filter != filter) continue;
    if (!one.is_needed()) one.at_broker = AtBroker::no;
    if (!one.is_needed() || one.at_broker != AtBroker::no) continue;
    one.at_broker = AtBroker::surely;
    begins = one.identifier;
  }
  return begins;
}

void MqttSubscriptions::note_subscribed() noexcept {
  for (Subscription& one : all_) {
    if (one.is_needed()) one.at_broker = AtBroker::surely;
    if (is_renewed(one)) one.at_broker = AtBroker::no;
  }
}

void MqttSubscriptions::note_ending() noexcept {
  for (Subscription& one : all_) {
    if (!one.is_needed() && one.at_broker != AtBroker::no) one.at_broker = AtBroker::ending;
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
    one.at_broker = static_cast<AtBroker>(std::min(in.u8(), static_cast<std::uint8_t>(AtBroker::begun)));
    try {
      TopicPattern pattern(plain_filter(one.filter));
    } catch (const std::invalid_argument&) {
      return false;
    }
    all_.push_back(std::move(one));
  }
  return in.ok() && in.at_end() && next_identifier_ > 0;
}

// Whenever the broker had `inner`, it surely had the filter of `outer`, which comes first.
bool MqttSubscriptions::spans(std::size_t outer, std::size_t inner) const noexcept {
  const Subscription& one = all_[inner];
  if (ranks_[outer] >= ranks_[inner] || all_[outer].identifier >= one.identifier) return false;
  const std::uint32_t end = filter_ends_[outer];
  return end == 0 || (one.identifier < end && !one.is_needed() && one.ended_before <= end);
}

// Through another one of those that match its topic.
bool MqttSubscriptions::always_has_copy(std::size_t subscription,
                                        std::span<const std::size_t> matching) const noexcept {
  return std::any_of(matching.begin(), matching.end(), [&](std::size_t other) { return spans(other, subscription); });
}

// A message with several identifiers is the only one.
Copy MqttSubscriptions::copy_of(std::string_view topic, std::span<const std::uint32_t> identifiers) const {
  if (!overlapping_ || identifiers.size() != 1) return {};
  const std::size_t own = static_cast<std::size_t>(
      std::find_if(all_.begin(), all_.end(),
                   [&](const Subscription& one) { return one.identifier == identifiers.front(); }) -
      all_.begin());
  if (own == all_.size()) return {};
  std::vector<std::size_t> matching;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (i != own && matches(i, topic)) matching.push_back(i);
  }
  if (always_has_copy(own, matching)) return {.kind = Kind::left_out};
  Copy copy = {Kind::counts, ranks_[own], all_[own].identifier};
  for (const std::size_t i : matching) {
    if (ranks_[i] == ranks_[own] || spans(own, i) || always_has_copy(i, matching)) continue;
    copy.kind = Kind::unsure;
    if (surely_has_copy_through(i, own)) return {Kind::until_ended, copy.rank, copy.identifier};
  }
  return copy;
}

// The first of the copies may be the only one, and has to be judged in the same way when it is sent again.
bool MqttSubscriptions::surely_has_copy_through(std::size_t former, std::size_t newer) const noexcept {
  const Subscription& other = all_[former];
  return !other.is_needed() && other.at_broker == AtBroker::surely && other.identifier < all_[newer].identifier &&
         ranks_[former] < ranks_[newer];
}

std::optional<std::size_t> MqttSubscriptions::rank_of(std::uint32_t identifier) const noexcept {
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (all_[i].identifier == identifier) return ranks_[i];
  }
  return std::nullopt;
}

bool MqttSubscriptions::is_edit_open() const noexcept {
  return std::any_of(all_.begin(), all_.end(),
                     [](const Subscription& one) { return !one.is_needed() && one.at_broker != AtBroker::no; });
}

// While both are there, at an edit, a broker that sends one message for all is more likely than a second copy.
unsigned MqttSubscriptions::copies(std::string_view topic) const {
  if (!overlapping_) return 1;
  unsigned needed = 0, former = 0;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const bool is_needed = all_[i].is_needed();
    if ((is_needed || all_[i].at_broker != AtBroker::no) && matches(i, topic)) ++(is_needed ? needed : former);
  }
  return std::max({needed, former, 1U});
}

bool MqttSubscriptions::matches(std::size_t subscription, std::string_view topic) const {
  std::vector<Capture> none;
  return patterns_[subscription].match(topic, none);
}

}  // namespace edgetide
