#include "pipeline/row_labels.h"

#include <algorithm>

#include "pipeline/heap_bytes.h"
#include "pipeline/series_bytes.h"

namespace edgetide {

void RowLabels::begin(KeyId key, Timestamp newest) {
  Timestamp& begun = keys_[key].begun;
  begun = std::max(begun, newest);
}

Timestamp RowLabels::begun(KeyId key) const {
  const auto known = keys_.find(key);
  return known == keys_.end() ? Timestamp::earliest() : known->second.begun;
}

void RowLabels::note(KeyId key, Timestamp cell, Timestamp event_time, SeriesId variant) {
  const auto [known, is_new] = cells_.try_emplace({key, cell}, Cell{{event_time, variant}});
  ++known->second.readings;
  if (is_new) keys_.try_emplace(key);
  if (is_new) return count_use(variant);
  Newest& newest = known->second.newest;
  if (event_time < newest.event_time) return;
  --uses_[index_of(newest.variant)];
  newest = {event_time, variant};
  count_use(variant);
}

void RowLabels::count_use(SeriesId variant) {
  if (index_of(variant) >= uses_.size()) uses_.resize(index_of(variant) + 1);
  ++uses_[index_of(variant)];
}

// Cells are in the order of their readings, so the last one that has a reading in the window has the newest.
std::optional<RowLabels::Newest> RowLabels::newest(KeyId key, Timestamp start, Timestamp end) const {
  for (auto cell = cells_.lower_bound({key, end}); cell != cells_.begin();) {
    --cell;
    if (cell->first.first != key || cell->second.newest.event_time < start) break;
    if (cell->second.newest.event_time < end) return cell->second.newest;
  }
  return std::nullopt;
}

std::uint64_t RowLabels::noted(KeyId key, Timestamp start, Timestamp end) const {
  std::uint64_t readings = 0;
  for (auto cell = cells_.lower_bound({key, start}); cell != cells_.end() && cell->first < Place(key, end); ++cell) {
    readings += cell->second.readings;
  }
  return readings;
}

void RowLabels::keep_past(KeyId key, Timestamp event_time, SeriesId variant) {
  if (keep_forgotten_ && keys_.contains(key)) keep(key, {event_time, variant});
}

std::optional<RowLabels::Newest> RowLabels::past(KeyId key, Timestamp end) const {
  const auto known = keys_.find(key);
  if (known == keys_.end() || !known->second.forgotten || known->second.forgotten->event_time >= end) return {};
  return known->second.forgotten;
}

std::shared_ptr<const Series> RowLabels::evicted_before(KeyId key, Timestamp end) const {
  const auto known = keys_.find(key);
  return known != keys_.end() && known->second.evicted_at < end ? known->second.evicted : nullptr;
}

void RowLabels::settle(KeyId key, Timestamp start, SeriesId variant) {
  if (settled_.try_emplace({key, start}, variant).second) count_use(variant);
}

std::optional<SeriesId> RowLabels::settled(KeyId key, Timestamp start) const {
  const auto known = settled_.find({key, start});
  return known == settled_.end() ? std::nullopt : std::optional(known->second);
}

void RowLabels::keep(KeyId key, const Newest& newest) {
  std::optional<Newest>& forgotten = keys_[key].forgotten;
  if (!forgotten || forgotten->event_time <= newest.event_time) forgotten = newest;
}

void RowLabels::evict(KeyId key, SeriesId variant, const std::shared_ptr<const Series>& names) {
  const auto known = keys_.find(key);
  if (known == keys_.end() || !known->second.forgotten || known->second.forgotten->variant != variant) return;
  known->second.forgotten->variant = no_series;
  known->second.evicted_at = known->second.forgotten->event_time;
  known->second.evicted = names;
}

std::size_t RowLabels::memory_bytes() const noexcept {
  std::size_t bytes = cells_.size() * map_entry_bytes<decltype(cells_)::value_type>() + heap_bytes(uses_) +
                      settled_.size() * map_entry_bytes<decltype(settled_)::value_type>() +
                      keys_.size() * map_entry_bytes<decltype(keys_)::value_type>();
  for (const auto& [key, kept] : keys_) bytes += kept.evicted ? edgetide::memory_bytes(*kept.evicted) : 0;
  return bytes;
}

void RowLabels::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(cells_.size()));
  for (const auto& [place, cell] : cells_) {
    out.numbers(index_of(place.first), place.second.count(), cell.newest.event_time.count(),
                index_of(cell.newest.variant), cell.readings);
  }
  out.u32(static_cast<std::uint32_t>(settled_.size()));
  for (const auto& [place, variant] : settled_) {
    out.numbers(index_of(place.first), place.second.count(), index_of(variant));
  }
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const auto& [key, kept] : keys_) {
    const Newest forgotten = kept.forgotten.value_or(Newest{});
    out.numbers(index_of(key), kept.begun.count(), std::uint8_t{kept.forgotten.has_value()},
                forgotten.event_time.count(), index_of(forgotten.variant), std::uint8_t{kept.evicted != nullptr});
    if (!kept.evicted) continue;
    out.time(kept.evicted_at);
    save_names(out, *kept.evicted);
  }
}

void RowLabels::load(ByteReader& in, const SeriesTable& series) {
  cells_.clear();
  settled_.clear();
  keys_.clear();
  uses_.clear();
  const auto is_there = [&](SeriesId variant) { return index_of(variant) < series.size() && series.has(variant); };
  const std::uint32_t cells = in.u32();
  if (!in.has(cells, 28)) return;
  for (std::uint32_t i = 0; in.ok() && i < cells; ++i) {
    const KeyId key{in.u32()};
    const Timestamp start = in.time(), event_time = in.time();
    const SeriesId variant{in.u32()};
    const std::uint32_t readings = in.u32();
    in.require(index_of(key) < series.size() && is_there(variant));
    if (in.ok() && cells_.try_emplace({key, start}, Cell{{event_time, variant}, readings}).second) count_use(variant);
  }
  const std::uint32_t settled = in.u32();
  if (!in.has(settled, 16)) return;
  for (std::uint32_t i = 0; in.ok() && i < settled; ++i) {
    const KeyId key{in.u32()};
    const Timestamp start = in.time();
    const SeriesId variant{in.u32()};
    in.require(index_of(key) < series.size() && is_there(variant));
    if (in.ok()) settle(key, start, variant);
  }
  load_keys(in, series);
}

void RowLabels::load_keys(ByteReader& in, const SeriesTable& series) {
  const std::uint32_t keys = in.u32();
  if (!in.has(keys, 26)) return;
  for (std::uint32_t i = 0; in.ok() && i < keys; ++i) {
    const KeyId key{in.u32()};
    Key kept;
    kept.begun = in.time();
    const bool has_forgotten = in.u8() != 0;
    const Timestamp event_time = in.time();
    const SeriesId variant{in.u32()};
    in.require(index_of(key) < series.size() &&
               (!has_forgotten || variant == no_series || (index_of(variant) < series.size() && series.has(variant))));
    if (has_forgotten) kept.forgotten = Newest{event_time, variant};
    if (in.u8() != 0) {
      kept.evicted_at = in.time();
      kept.evicted = std::make_shared<const Series>(load_names(in));
    }
    if (in.ok()) keys_.insert_or_assign(key, std::move(kept));
  }
}

}  // namespace edgetide
