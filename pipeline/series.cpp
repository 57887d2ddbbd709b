#include "pipeline/series.h"

#include <algorithm>
#include <numeric>

#include "pipeline/heap_bytes.h"

namespace edgetide {

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
  auto position = static_cast<std::uint32_t>(series_.size());
  if (!free_.empty()) {
    position = free_.back();
    free_.pop_back();
  } else {
    series_.emplace_back();
    names_.emplace_back();
  }
  index_.insert(hash_of(series), position);
  if (series.computed) ++computed_;
  names_[position] = name_of(series);
  texts_bytes_ += texts_bytes(series);
  series_[position] = std::make_shared<const Series>(std::move(series));
  ranked_ = false;
  return SeriesId{position};
}

void SeriesTable::remove(SeriesId id) {
  const Series& removed = *series_[index_of(id)];
  index_.erase(hash_of(removed), index_of(id));
  if (removed.computed) --computed_;
  texts_bytes_ -= texts_bytes(removed);
  series_[index_of(id)].reset();
  names_[index_of(id)] = {};
  free_.push_back(index_of(id));
  ranked_ = false;
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
         index_.memory_bytes();
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
