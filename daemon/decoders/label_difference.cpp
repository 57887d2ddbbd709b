#include "daemon/decoders/label_difference.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

namespace edgetide {

namespace {

constexpr std::size_t shown_labels = 3;

std::optional<std::string_view> value_of(std::span<const LabelView> labels, std::string_view key) noexcept {
  const auto label = std::find_if(labels.begin(), labels.end(), [&](const LabelView& one) { return one.key == key; });
  return label == labels.end() ? std::nullopt : std::optional(label->value);
}

std::string shown(std::optional<std::string_view> value) {
  return value ? std::string(*value) : "none";
}

}  // namespace

LabelDifference difference_of(std::span<const LabelView> a, std::span<const LabelView> b) {
  LabelDifference difference;
  std::size_t count = 0;
  const auto compare = [&](std::string_view key) {
    const auto of_a = value_of(a, key), of_b = value_of(b, key);
    if (of_a == of_b) return;
    difference.keys.append(count == 0 ? "" : ", ").append(key);
    if (count == shown_labels) difference.text += ", ...";
    if (count++ >= shown_labels) return;
    difference.text.append(count == 1 ? "" : ", ").append(key);
    difference.text += " (" + shown(of_a) + ", " + shown(of_b) + ')';
  };
  for (const LabelView& label : a) compare(label.key);
  for (const LabelView& label : b) {
    if (!value_of(a, label.key)) compare(label.key);
  }
  return difference;
}

std::string mixed_advice(const LabelDifference& labels) {
  return "readings of one time differ in the labels " + labels.text +
         ", and windows without group_by count them together; if they are different things, let sensor or metric of "
         "the route have these labels in its name, or group windows by them";
}

std::vector<MixedReadings> mixed_readings(const DecodedBatch& batch) {
  std::map<std::tuple<std::string_view, std::string_view, std::optional<Timestamp>>, std::size_t> firsts;
  std::vector<MixedReadings> mixed;
  for (std::size_t i = 0; i < batch.readings.size(); ++i) {
    const DecodedReading& reading = batch.readings[i];
    const std::size_t first = firsts.try_emplace({reading.sensor, reading.metric, reading.event_time}, i).first->second;
    LabelDifference labels = difference_of(batch.labels_of(batch.readings[first]), batch.labels_of(reading));
    const bool is_known = std::any_of(mixed.begin(), mixed.end(),
                                      [&](const MixedReadings& known) { return known.labels.keys == labels.keys; });
    if (!labels.keys.empty() && !is_known) mixed.push_back({first, i, std::move(labels)});
  }
  return mixed;
}

}  // namespace edgetide
