#include "pipeline/key_map.h"

#include <algorithm>
#include <utility>

#include "pipeline/glob.h"
#include "pipeline/heap_bytes.h"

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
      grouped_(options.one_group || !columns_.empty()),
      stride_(options.cube ? std::size_t{1} << columns_.size() : 1) {}

bool KeyMap::matches(const Series& series) const noexcept {
  return any_glob_matches(match_.sensor, series.sensor) && any_glob_matches(match_.metric, series.metric) &&
         std::all_of(match_.labels.begin(), match_.labels.end(), [&](const MatchOptions::LabelGlobs& label) {
           return any_glob_matches(label.globs, label_of(series, label.label));
         });
}

void KeyMap::add_series(SeriesId id, const Series& series, SeriesId origin, bool computed) {
  skip_series(id);
  if (computed || !matches(series)) return;
  const std::size_t first = index_of(id) * stride_;
  for (std::size_t subset = 0; subset < stride_; ++subset) {
    keys_[first + subset] = grouped() ? group_of(series, subset) : key_of(origin);
    if (grouped()) members_[first + subset] = enter(keys_[first + subset]);
  }
}

void KeyMap::skip_series(SeriesId id) {
  const std::size_t first = index_of(id) * stride_;
  keys_.resize(std::max(keys_.size(), first + stride_), no_key);
  if (grouped()) members_.resize(keys_.size());
  std::fill_n(keys_.begin() + static_cast<std::ptrdiff_t>(first), stride_, no_key);
}

void KeyMap::forget_series(SeriesId id) {
  if (grouped()) {
    for_each_membership(id, [&](KeyId key, MemberId member) {
      Group& group = groups_[index_of(key)];
      group.free.push_back(member);
      if (--group.members == 0) ++deserted_;
    });
  }
  skip_series(id);
}

// The id of a new member.
MemberId KeyMap::enter(KeyId key) {
  Group& group = groups_[index_of(key)];
  if (group.members++ == 0) --deserted_;
  if (group.free.empty()) return MemberId{group.ids++};
  const MemberId member = group.free.back();
  group.free.pop_back();
  return member;
}

void KeyMap::take_out(KeyId key) {
  groups_bytes_ -= group_bytes(groups_[index_of(key)]);
  tuples_.erase(tuples_.find(*groups_[index_of(key)].tuple));
  groups_[index_of(key)] = {};
  --deserted_;
  ranked_ = false;
}

// Bit i of `subset` leaves column i out.
KeyId KeyMap::group_of(const Series& series, std::size_t subset) {
  Tuple tuple;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool left_out = (subset >> i) & 1U;
    tuple.emplace_back(!left_out, left_out ? std::string() : std::string(column_of(series, columns_[i])));
  }
  return group_named(std::move(tuple));
}

KeyId KeyMap::group_named(Tuple tuple) {
  const auto [known, is_new] = tuples_.try_emplace(std::move(tuple));
  if (!is_new) return known->second;
  known->second = free_key();
  open_group(known->second, known->first);
  ranked_ = false;
  return known->second;
}

// Without members at first.
void KeyMap::open_group(KeyId key, const Tuple& tuple) {
  Group& group = groups_[index_of(key)];
  group.names = std::make_shared<const Series>(to_series(tuple));
  group.tuple = &tuple;
  groups_bytes_ += group_bytes(group);
  ++deserted_;
}

// Of a group that was taken out, or a new one.
KeyId KeyMap::free_key() {
  const bool any_free = tuples_.size() <= groups_.size();  // the new one has its tuple already
  const auto unused =
      any_free ? std::find_if(groups_.begin(), groups_.end(), [](const Group& g) { return !g.names; }) : groups_.end();
  const auto number = static_cast<std::uint32_t>(unused - groups_.begin());
  if (unused == groups_.end()) groups_.emplace_back();
  return KeyId{number};
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
  out.u32(static_cast<std::uint32_t>(groups_.size()));
  for (const Group& group : groups_) {
    out.u8(group.names ? 1 : 0);
    if (!group.names) continue;
    for (const auto& [present, value] : *group.tuple) {
      out.u8(present ? 1 : 0);
      out.text(value);
    }
  }
}

void KeyMap::load(ByteReader& in) {
  keys_.clear();
  members_.clear();
  tuples_.clear();
  groups_.clear();
  groups_bytes_ = 0;
  deserted_ = 0;
  const std::uint32_t count = in.u32();
  if (!in.has(count, 1)) return;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    groups_.emplace_back();
    if (in.u8() == 0) continue;
    Tuple tuple;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      const bool present = in.u8() != 0;
      tuple.emplace_back(present, std::string(in.text()));
    }
    const auto [known, is_new] = tuples_.try_emplace(std::move(tuple), KeyId{i});
    in.require(is_new);
    open_group(KeyId{i}, known->first);
  }
  ranked_ = false;
}

const std::vector<std::uint32_t>& KeyMap::ranks() {
  if (ranked_) return ranks_;
  ranks_.assign(groups_.size(), 0);
  std::uint32_t rank = 0;
  for (const auto& [tuple, key] : tuples_) ranks_[index_of(key)] = rank++;
  ranked_ = true;
  return ranks_;
}

std::size_t KeyMap::group_bytes(const Group& group) noexcept {
  std::size_t bytes = edgetide::memory_bytes(*group.names) + map_entry_bytes<std::pair<const Tuple, KeyId>>() +
                      heap_bytes(*group.tuple);
  for (const auto& [present, value] : *group.tuple) bytes += heap_bytes(value);
  return bytes;
}

// Its columns stand in its key and in its names.
std::size_t KeyMap::bytes_of_group(const Series& series) noexcept {
  return 2 * edgetide::memory_bytes(series) + map_entry_bytes<std::pair<const Tuple, KeyId>>();
}

// Without the member ids that wait to be given again.
std::size_t KeyMap::memory_bytes() const noexcept {
  return heap_bytes(keys_) + heap_bytes(members_) + heap_bytes(groups_) + heap_bytes(ranks_) + groups_bytes_;
}

}  // namespace edgetide
