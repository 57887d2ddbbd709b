#include "daemon/decoders/sparkplug_nodes.h"

#include <algorithm>
#include <utility>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/decoders/sparkplug_payload.h"

namespace edgetide {

namespace {

constexpr std::string_view state_mark = "spB1";  // the state of another format begins otherwise
enum StateField : std::uint32_t { place_key = 1, place_births = 2 };

using Metrics = std::vector<SparkplugBirthMetric>;

// An alias that stands for several names stands for none.
void keep_unambiguous(Metrics& aliased) {
  std::stable_sort(aliased.begin(), aliased.end(), [](const auto& a, const auto& b) { return a.alias < b.alias; });
  Metrics kept;
  for (auto first = aliased.begin(); first != aliased.end();) {
    const auto end = std::find_if(first, aliased.end(), [&](const auto& each) { return each.alias != first->alias; });
    const bool is_one = std::all_of(first, end, [&](const auto& each) { return each.name == first->name; });
    if (is_one) kept.push_back(std::move(*first));
    first = end;
  }
  aliased = std::move(kept);
}

void keep_one_of_each_name(Metrics& named) {
  std::stable_sort(named.begin(), named.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  named.erase(std::unique(named.begin(), named.end(), same), named.end());
}

}  // namespace

const SparkplugBirthMetric* SparkplugPlace::find(std::optional<std::uint64_t> alias,
                                                 std::string_view name) const noexcept {
  if (birth_ == Birth::missing) return nullptr;
  const SparkplugBirthMetric* const by_alias = alias ? with_alias(*alias) : nullptr;
  if (name.empty() || (by_alias != nullptr && by_alias->name == name)) return by_alias;
  return named(name);
}

const SparkplugBirthMetric* SparkplugPlace::with_alias(std::uint64_t alias) const noexcept {
  const auto found = std::lower_bound(aliased_.begin(), aliased_.end(), alias,
                                      [](const auto& each, std::uint64_t wanted) { return *each.alias < wanted; });
  return found != aliased_.end() && found->alias == alias ? &*found : nullptr;
}

const SparkplugBirthMetric* SparkplugPlace::named(std::string_view name) const noexcept {
  const auto found = std::lower_bound(named_.begin(), named_.end(), name,
                                      [](const auto& each, std::string_view wanted) { return each.name < wanted; });
  return found != named_.end() && found->name == name ? &*found : nullptr;
}

std::string_view SparkplugNodes::key_of(const SparkplugTopic& topic, bool of_node) {
  key_.assign(topic.group).append(1, '/').append(topic.node);
  if (!of_node && !topic.device.empty()) key_.append(1, '/').append(topic.device);
  return key_;
}

SparkplugPlace* SparkplugNodes::node(const SparkplugTopic& topic) {
  return find_or_add(key_of(topic, true));
}

const SparkplugPlace* SparkplugNodes::find(const SparkplugTopic& topic) {
  const auto found = places_.find(key_of(topic, false));
  return found == places_.end() ? nullptr : &found->second;
}

SparkplugPlace* SparkplugNodes::find_or_add(std::string_view key) {
  const auto found = places_.find(key);
  if (found != places_.end()) return &found->second;
  if (places_.size() >= max_places && !make_room()) {
    is_beyond_limit_ = true;
    return nullptr;
  }
  return &places_.emplace(key, SparkplugPlace()).first->second;
}

bool SparkplugNodes::make_room() {
  for (const auto birth : {SparkplugPlace::Birth::missing, SparkplugPlace::Birth::restored}) {
    const auto unborn =
        std::find_if(places_.begin(), places_.end(), [&](const auto& place) { return place.second.birth_ == birth; });
    if (unborn == places_.end()) continue;
    metric_count_ -= unborn->second.aliased_.size() + unborn->second.named_.size();
    places_.erase(unborn);
    return true;
  }
  return false;
}

bool SparkplugNodes::follows(SparkplugPlace& node, std::optional<std::uint64_t> seq) noexcept {
  constexpr std::uint64_t modulus = 256;
  if (seq && *seq >= modulus) seq.reset();
  const std::optional<std::uint64_t> before = std::exchange(node.seq_, seq);
  // The same again is a message that was sent twice.
  const bool follows = !seq || !before || *seq == *before || *seq == (*before + 1) % modulus;
  if (!follows) doubt(node);
  return follows;
}

void SparkplugNodes::birth(const SparkplugTopic& topic, std::vector<SparkplugBirthMetric> metrics) {
  if (topic.device.empty()) set_devices_missing(key_of(topic, true));
  SparkplugPlace* const place = find_or_add(key_of(topic, false));
  if (place == nullptr) return;
  place->birth_ = SparkplugPlace::Birth::seen;
  if (set_metrics(*place, std::move(metrics))) has_changed_ = true;
}

// True: they are others than before.
bool SparkplugNodes::set_metrics(SparkplugPlace& place, std::vector<SparkplugBirthMetric> metrics) {
  metric_count_ -= place.aliased_.size() + place.named_.size();
  const std::size_t room = max_metrics - metric_count_;
  place.is_cut_ = metrics.size() > room;
  if (place.is_cut_) metrics.resize(room), is_beyond_limit_ = true;
  const auto named = std::stable_partition(metrics.begin(), metrics.end(), [](const auto& each) { return each.alias; });
  Metrics without_alias(std::make_move_iterator(named), std::make_move_iterator(metrics.end()));
  metrics.erase(named, metrics.end());
  keep_unambiguous(metrics);
  keep_one_of_each_name(without_alias);
  metric_count_ += metrics.size() + without_alias.size();
  const bool differ = place.aliased_ != metrics || place.named_ != without_alias;
  place.aliased_ = std::move(metrics);
  place.named_ = std::move(without_alias);
  return differ;
}

void SparkplugNodes::begin(SparkplugPlace& node, std::optional<std::uint64_t> bd_seq,
                           std::optional<std::uint64_t> seq) noexcept {
  node.bd_seq_ = bd_seq;
  node.seq_.reset();
  node.is_in_doubt_ = false;
  follows(node, seq);
}

void SparkplugNodes::set_devices_missing(std::string_view node_key) {
  const std::string prefix = std::string(node_key) + '/';
  for (auto at = places_.lower_bound(prefix); at != places_.end() && at->first.starts_with(prefix); ++at) {
    at->second.birth_ = SparkplugPlace::Birth::missing;
  }
}

void SparkplugNodes::death(const SparkplugTopic& topic, std::optional<std::uint64_t> bd_seq) {
  const auto found = places_.find(key_of(topic, false));
  if (found == places_.end()) return;
  SparkplugPlace& place = found->second;
  const bool of_device = !topic.device.empty();
  if (!of_device && bd_seq && place.bd_seq_ && *bd_seq != *place.bd_seq_) return;
  place.birth_ = SparkplugPlace::Birth::missing;
  if (of_device) return;
  place.seq_.reset();
  set_devices_missing(key_of(topic, true));
}

bool SparkplugNodes::lacks_birth(const SparkplugTopic& topic) {
  constexpr auto seen = SparkplugPlace::Birth::seen;
  const auto node = places_.find(key_of(topic, true));
  if (node == places_.end()) return false;
  if (node->second.birth_ != seen || node->second.is_in_doubt_) return true;
  const SparkplugPlace* const place = find(topic);
  return place == nullptr ? places_.size() < max_places : place->birth_ != seen;
}

void SparkplugNodes::count_message(SparkplugPlace& node) noexcept {
  if (node.messages_since_request_) ++*node.messages_since_request_;
}

bool SparkplugNodes::may_ask(SparkplugPlace& node, std::optional<std::uint64_t> timestamp) noexcept {
  const bool is_first = !node.messages_since_request_;
  const bool after_messages = !is_first && *node.messages_since_request_ >= messages_between_requests;
  const bool after_time = timestamp && node.asked_at_ && *timestamp > *node.asked_at_ &&
                          *timestamp - *node.asked_at_ >= milliseconds_between_requests;
  if (!is_first && !after_messages && !after_time) return false;
  node.messages_since_request_ = 0;
  node.asked_at_ = timestamp;
  return true;
}

std::string SparkplugNodes::state() {
  has_changed_ = false;
  std::string state(state_mark);
  for (const auto& [key, known] : places_) {
    if (known.aliased_.empty() && known.named_.empty()) continue;
    std::string births, place;
    for (const auto* const metrics : {&known.aliased_, &known.named_}) {
      for (const SparkplugBirthMetric& each : *metrics) append_metric(births, each.name, each.alias, each.datatype);
    }
    append_protobuf(place, place_key, key);
    append_protobuf(place, place_births, births);
    constexpr std::size_t max_frame_bytes = 8;  // what append_protobuf adds
    if (state.size() + place.size() + max_frame_bytes > max_decoder_state_bytes) continue;
    append_protobuf(state, 1, place);
  }
  return state;
}

void SparkplugNodes::restore(std::string_view state) {
  if (!state.starts_with(state_mark)) return;
  ProtobufReader reader(state.substr(state_mark.size()));
  for (ProtobufField field; reader.next(field);) {
    if (field.kind != ProtobufField::Kind::bytes || !restore_place(field.bytes)) return;
  }
}

bool SparkplugNodes::restore_place(std::string_view bytes) {
  std::string_view key, births;
  ProtobufReader reader(bytes);
  for (ProtobufField field; reader.next(field);) {
    if (field.number == place_key) key = field.bytes;
    if (field.number == place_births) births = field.bytes;
  }
  if (reader.is_malformed() || key.empty()) return false;
  Metrics metrics;
  for_each_metric(births, [&](std::string_view metric) {
    if (const auto read = sparkplug_metric(metric)) {
      metrics.push_back({read->alias, std::string(read->name), read->datatype});
    }
  });
  SparkplugPlace* const place = find_or_add(key);
  if (place == nullptr) return false;
  place->birth_ = SparkplugPlace::Birth::restored;
  set_metrics(*place, std::move(metrics));
  return true;
}

}  // namespace edgetide
