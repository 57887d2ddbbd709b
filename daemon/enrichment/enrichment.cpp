#include "daemon/enrichment/enrichment.h"

#include <algorithm>
#include <utility>

namespace edgetide {

Enrichment::Enrichment(std::vector<std::shared_ptr<const SensorTable>> tables) {
  replace(std::move(tables));
}

void Enrichment::replace(std::vector<std::shared_ptr<const SensorTable>> tables) {
  tables_ = std::move(tables);
  any_ = std::any_of(tables_.begin(), tables_.end(), [](const auto& table) { return table != nullptr; });
  known_.clear();
}

const SensorTable* Enrichment::table_of(SourceId source) const noexcept {
  return index_of(source) < tables_.size() ? tables_[index_of(source)].get() : nullptr;
}

void Enrichment::complete(SourceId source, Series& series) const {
  const SensorTable* const table = table_of(source);
  const SensorTable::Row* const row = table == nullptr ? nullptr : table->find(series.sensor);
  if (row == nullptr) return;
  for (const Label& label : row->labels) {
    const auto same = [&](const Label& own) { return own.key == label.key; };
    if (std::none_of(series.labels.begin(), series.labels.end(), same)) series.labels.push_back(label);
  }
  std::sort(series.labels.begin(), series.labels.end(), [](const Label& a, const Label& b) { return a.key < b.key; });
}

const Calibration& Enrichment::look_up(SourceId source, SeriesId id, const SeriesTable& series) {
  if (index_of(id) >= known_.size()) known_.resize(index_of(id) + 1);
  Known& known = known_[index_of(id)];
  if (known.known) return known.calibration;
  const SensorTable* const table = table_of(source);
  const SensorTable::Row* const row = table == nullptr ? nullptr : table->find(series[id].sensor);
  known = {true, row == nullptr ? Calibration{} : row->calibration};
  return known.calibration;
}

void Enrichment::forget(SeriesId id) noexcept {
  if (index_of(id) < known_.size()) known_[index_of(id)] = {};
}

}  // namespace edgetide
