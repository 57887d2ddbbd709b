#include "pipeline/key_map.h"

#include <algorithm>
#include <utility>

#include "pipeline/glob.h"

namespace edgetide {

namespace {

// So that two groups never have the same text.
std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == ',' || c == '=' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

// Grouped by sensor and metric is grouped by series.
std::vector<std::string> columns_of(const WindowOptions& options) {
  const std::vector<std::string>& columns = options.group_by;
  const auto has = [&](std::string_view name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  if (!options.cube && columns.size() == 2 && has("sensor") && has("metric")) return {};
  return columns;
}

std::string_view label_of(const Series& series, std::string_view key) noexcept {
  for (const Label& label : series.labels) {
    if (label.key == key) return label.value;
  }
  return {};
}

std::string_view column_of(const Series& series, std::string_view column) noexcept {
  if (column == "sensor") return series.sensor;
  if (column == "metric") return series.metric;
  return label_of(series, column);
}

}  // namespace

KeyMap::KeyMap(const WindowOptions& options)
    : match_(options.match),
      takes_all_(match_.sensor.empty() && match_.metric.empty() && match_.labels.empty()),
      columns_(columns_of(options)),
      stride_(options.cube ? std::size_t{1} << columns_.size() : 1) {}

bool KeyMap::matches(const Series& series) const noexcept {
  return any_glob_matches(match_.sensor, series.sensor) && any_glob_matches(match_.metric, series.metric) &&
         std::all_of(match_.labels.begin(), match_.labels.end(), [&](const MatchOptions::LabelGlobs& label) {
           return any_glob_matches(label.globs, label_of(series, label.label));
         });
}

void KeyMap::add_series(SeriesId id, const Series& series, bool computed) {
  const std::size_t first = index_of(id) * stride_;
  keys_.resize(std::max(keys_.size(), first + stride_), none);
  const bool taken = !computed && matches(series);
  for (std::size_t subset = 0; subset < stride_; ++subset) {
    std::uint32_t& key = keys_[first + subset];
    key = !taken ? none : grouped() ? group_of(series, subset) : index_of(id);
  }
}

// Bit i of `subset` leaves column i out.
std::uint32_t KeyMap::group_of(const Series& series, std::size_t subset) {
  Tuple tuple;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool left_out = (subset >> i) & 1U;
    tuple.emplace_back(!left_out, left_out ? std::string() : std::string(column_of(series, columns_[i])));
  }
  return group_named(std::move(tuple));
}

std::uint32_t KeyMap::group_named(Tuple tuple) {
  const auto [known, is_new] = tuples_.try_emplace(std::move(tuple), static_cast<std::uint32_t>(groups_.size()));
  if (is_new) groups_.push_back(std::make_shared<const Series>(to_series(known->first)));
  return known->second;
}

Series KeyMap::to_series(const Tuple& tuple) const {
  Series group;
  group.grouped = true;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto& [present, value] = tuple[i];
    if (!present) continue;
    if (!group.sensor.empty()) group.sensor += ',';
    group.sensor.append(escaped(columns_[i])).append(1, '=').append(escaped(value));
    if (columns_[i] == "metric") group.metric = value;
    group.labels.push_back({columns_[i], value});
  }
  if (group.labels.empty()) group.sensor.assign(1, '*');  // of everything
  return group;
}

void KeyMap::save(ByteWriter& out) const {
  std::vector<const Tuple*> in_order(tuples_.size());
  for (const auto& [tuple, key] : tuples_) in_order[key] = &tuple;
  out.u32(static_cast<std::uint32_t>(in_order.size()));
  for (const Tuple* tuple : in_order) {
    for (const auto& [present, value] : *tuple) {
      out.u8(present ? 1 : 0);
      out.text(value);
    }
  }
}

void KeyMap::load(ByteReader& in) {
  tuples_.clear();
  groups_.clear();
  ranks_.clear();
  const std::uint32_t count = in.u32();
  if (!in.has(count, 5 * std::max<std::size_t>(columns_.size(), 1))) return;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    Tuple tuple;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      const bool present = in.u8() != 0;
      tuple.emplace_back(present, std::string(in.text()));
    }
    in.require(group_named(std::move(tuple)) == i);
  }
}

const std::vector<std::uint32_t>& KeyMap::ranks() {
  if (ranks_.size() == groups_.size()) return ranks_;
  ranks_.resize(groups_.size());
  std::uint32_t rank = 0;
  for (const auto& [tuple, key] : tuples_) ranks_[key] = rank++;
  return ranks_;
}

}  // namespace edgetide
