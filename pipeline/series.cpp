#include "pipeline/series.h"

#include <algorithm>
#include <utility>

#include "pipeline/heap_bytes.h"

namespace edgetide {

namespace {

// Stored (duplicate_filter.h): it must not change.
std::uint32_t mark_of(std::span<const Label> labels) noexcept {
  static const NameHash hash(0);
  std::uint64_t mark = 0;
  for (const Label& label : labels) {
    mark = hash.wide(NameHash::lengths_of(label.key, label.value) ^ mark, label.key, label.value);
  }
  return std::max<std::uint32_t>(static_cast<std::uint32_t>(mark), 1);
}

}  // namespace

SeriesTable::Name SeriesTable::name_of(const Series& series) {
  auto text = std::make_unique_for_overwrite<char[]>(series.sensor.size() + series.metric.size());
  series.metric.copy(text.get() + series.sensor.copy(text.get(), series.sensor.size()), series.metric.size());
  return {std::move(text), NameHash::lengths_of(series.sensor, series.metric)};
}

std::optional<SeriesId> SeriesTable::add(Series series) {
  if (full()) return std::nullopt;
  return add_beyond_capacity(std::move(series));
}

SeriesId SeriesTable::add_beyond_capacity(Series series) {
  if (const auto origin = find(series.sensor, series.metric)) return add_variant(std::move(series), *origin);
  const SeriesId id = enter(std::move(series));
  index_.insert(hash_of(*series_[index_of(id)]), index_of(id));
  return id;
}

SeriesId SeriesTable::add_variant(Series series, SeriesId origin) {
  const SeriesId id = enter(std::move(series));
  make_variant_places(std::max<std::size_t>(series_.size(), index_of(origin) + 1));
  ++variants_;
  origins_[index_of(id)] = origin;
  next_[index_of(id)] = std::exchange(next_[index_of(origin)], id);
  marks_[index_of(id)] = mark_of(series_[index_of(id)]->labels);
  variant_index_.insert(hash_of(origin, series_[index_of(id)]->labels), index_of(id));
  return id;
}

void SeriesTable::make_variant_places(std::size_t size) {
  for (auto i = static_cast<std::uint32_t>(origins_.size()); i < size; ++i) origins_.push_back(SeriesId{i});
  next_.resize(origins_.size(), no_series);
  marks_.resize(origins_.size());
}

SeriesId SeriesTable::enter(Series series) {
  auto position = static_cast<std::uint32_t>(series_.size());
  if (!free_.empty()) {
    position = free_.back();
    free_.pop_back();
  } else {
    series_.emplace_back();
    names_.emplace_back();
  }
  if (!origins_.empty()) make_variant_places(series_.size());
  if (series.computed) ++computed_;
  names_[position] = name_of(series);
  texts_bytes_ += texts_bytes(series);
  series_[position] = std::make_shared<const Series>(std::move(series));
  ranked_ = false;
  return SeriesId{position};
}

void SeriesTable::remove(SeriesId id) {
  const Series& removed = *series_[index_of(id)];
  if (const SeriesId origin = origin_of(id); origin != id) {
    variant_index_.erase(hash_of(origin, removed.labels), index_of(id));
    SeriesId* at = &next_[index_of(origin)];
    while (*at != id) at = &next_[index_of(*at)];
    *at = std::exchange(next_[index_of(id)], no_series);
    origins_[index_of(id)] = id;
    marks_[index_of(id)] = 0;
    --variants_;
  } else {
    index_.erase(hash_of(removed), index_of(id));
  }
  if (removed.computed) --computed_;
  texts_bytes_ -= texts_bytes(removed);
  series_[index_of(id)].reset();
  names_[index_of(id)] = {};
  free_.push_back(index_of(id));
  ranked_ = false;
}

std::optional<SeriesId> SeriesTable::find_variant(SeriesId origin, std::span<const Label> labels) const noexcept {
  const auto has = [&](const Series& series) { return std::ranges::equal(series.labels, labels); };
  if (has(*series_[index_of(origin)])) return origin;
  if (!has_variants()) return std::nullopt;
  const std::uint32_t found = variant_index_.find(
      hash_of(origin, labels), [&](std::uint32_t i) { return origins_[i] == origin && has(*series_[i]); });
  if (found == FlatIndex::npos) return std::nullopt;
  return SeriesId{found};
}

std::optional<SeriesId> SeriesTable::find(const Series& series) const noexcept {
  const auto origin = find(series.sensor, series.metric);
  return origin ? find_variant(*origin, series.labels) : std::nullopt;
}

std::uint32_t SeriesTable::hash_of(SeriesId origin, std::span<const Label> labels) const noexcept {
  std::uint32_t hash = index_of(origin);
  for (const Label& label : labels) {
    hash = hash_(NameHash::lengths_of(label.key, label.value) ^ hash, label.key, label.value);
  }
  return hash;
}

const std::vector<std::uint32_t>& SeriesTable::ranks() {
  if (ranked_) return ranks_;
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < series_.size(); ++i) {
    if (series_[i]) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int sensors = series_[a]->sensor.compare(series_[b]->sensor);
    return sensors != 0 ? sensors < 0 : series_[a]->metric < series_[b]->metric;
  });
  ranks_.assign(series_.size(), 0);
  for (std::uint32_t rank = 0; rank < order.size(); ++rank) ranks_[order[rank]] = rank;
  ranked_ = true;
  return ranks_;
}

std::size_t SeriesTable::memory_bytes() const noexcept {
  return texts_bytes_ + heap_bytes(series_) + heap_bytes(names_) + heap_bytes(free_) + heap_bytes(ranks_) +
         index_.memory_bytes() + heap_bytes(origins_) + heap_bytes(next_) + heap_bytes(marks_) +
         variant_index_.memory_bytes();
}

std::size_t SeriesTable::texts_bytes(const Series& series) noexcept {
  return edgetide::memory_bytes(series) + heap_block(series.sensor.size() + series.metric.size());
}

std::size_t memory_bytes(const Series& series) noexcept {
  std::size_t bytes = shared_bytes<Series>() + heap_bytes(series.sensor) + heap_bytes(series.metric) +
                      heap_bytes(series.unit) + heap_bytes(series.labels);
  for (const Label& label : series.labels) bytes += heap_bytes(label.key) + heap_bytes(label.value);
  return bytes;
}

std::size_t label_bytes(const Series& series) noexcept {
  std::size_t bytes = 0;
  for (const Label& label : series.labels) bytes += label.key.size() + label.value.size();
  return bytes;
}

}  // namespace edgetide
