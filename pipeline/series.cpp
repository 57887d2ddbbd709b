#include "pipeline/series.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace edgetide {

namespace {

std::uint32_t hash_of(std::string_view sensor, std::string_view metric) noexcept {
  const std::size_t a = std::hash<std::string_view>{}(sensor);
  const std::size_t b = std::hash<std::string_view>{}(metric);
  const std::uint64_t mixed = (static_cast<std::uint64_t>(a) * 31 + b) * 0x9E37'79B9'7F4A'7C15;
  return static_cast<std::uint32_t>(mixed >> 32);
}

}  // namespace

SeriesTable::SeriesTable(std::size_t capacity) : capacity_(capacity) {}

std::optional<SeriesId> SeriesTable::find(std::string_view sensor, std::string_view metric) const noexcept {
  const std::uint32_t position = index_.find(hash_of(sensor, metric), [&](std::uint32_t i) {
    return series_[i]->sensor == sensor && series_[i]->metric == metric;
  });
  if (position == FlatIndex::npos) return std::nullopt;
  return SeriesId{position};
}

std::optional<SeriesId> SeriesTable::add(Series series) {
  if (series_.size() >= capacity_) return std::nullopt;
  const auto position = static_cast<std::uint32_t>(series_.size());
  index_.insert(hash_of(series.sensor, series.metric), position);
  series_.push_back(std::make_shared<const Series>(std::move(series)));
  return SeriesId{position};
}

const std::vector<std::uint32_t>& SeriesTable::ranks() {
  if (ranks_.size() == series_.size()) return ranks_;
  std::vector<std::uint32_t> order(series_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int sensors = series_[a]->sensor.compare(series_[b]->sensor);
    return sensors != 0 ? sensors < 0 : series_[a]->metric < series_[b]->metric;
  });
  ranks_.resize(series_.size());
  for (std::uint32_t rank = 0; rank < order.size(); ++rank) ranks_[order[rank]] = rank;
  return ranks_;
}

}  // namespace edgetide
