#include "pipeline/series.h"

#include <algorithm>
#include <numeric>

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
  series_[position] = std::make_shared<const Series>(std::move(series));
  ranked_ = false;
  return SeriesId{position};
}

void SeriesTable::remove(SeriesId id) {
  const Series& removed = *series_[index_of(id)];
  index_.erase(hash_of(removed), index_of(id));
  if (removed.computed) --computed_;
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
  constexpr std::size_t string_bytes = 64;  // a guess: short ones stand in the string itself
  return series_.capacity() * (sizeof(Series) + string_bytes + sizeof(std::shared_ptr<const Series>)) +
         names_.capacity() * sizeof(Name) + index_.memory_bytes() + ranks_.capacity() * sizeof(std::uint32_t);
}

}  // namespace edgetide
