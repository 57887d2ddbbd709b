#include "daemon/enrichment/enrichment.h"

#include <algorithm>
#include <utility>

namespace edgetide {

namespace {

// The labels of a reading and of the row of its sensor, by key. `labels` is overwritten, its strings are used again.
class LabelList {
 public:
  explicit LabelList(std::vector<Label>& labels) : labels_(labels) {}

  void add(std::string_view key, std::string_view value) {
    const auto end = labels_.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto at = std::lower_bound(labels_.begin(), end, key,
                                     [](const Label& label, std::string_view other) { return label.key < other; });
    if (at != end && at->key == key) return;
    const auto place = at - labels_.begin();
    if (count_ == labels_.size()) labels_.emplace_back();
    labels_[count_].key.assign(key);
    labels_[count_].value.assign(value);
    std::rotate(labels_.begin() + place, labels_.begin() + static_cast<std::ptrdiff_t>(count_),
                labels_.begin() + static_cast<std::ptrdiff_t>(count_) + 1);
    ++count_;
  }
  std::size_t size() const noexcept { return count_; }

 private:
  std::vector<Label>& labels_;
  std::size_t count_ = 0;
};

std::size_t fill(std::vector<Label>& labels, std::span<const LabelView> own, const SensorTable::Row* row) {
  LabelList list(labels);
  for (const LabelView& label : own) list.add(label.key, label.value);
  if (row != nullptr) {
    for (const Label& label : row->labels) list.add(label.key, label.value);
  }
  return list.size();
}

bool are_same(std::span<const LabelView> own, std::span<const Label> labels) noexcept {
  return std::equal(own.begin(), own.end(), labels.begin(), labels.end(),
                    [](const LabelView& a, const Label& b) { return a.value == b.value && a.key == b.key; });
}

}  // namespace

Enrichment::Enrichment(std::vector<std::shared_ptr<const SensorTable>> tables) {
  replace(std::move(tables));
}

void Enrichment::replace(std::vector<std::shared_ptr<const SensorTable>> tables) {
  tables_ = std::move(tables);
  any_ = std::any_of(tables_.begin(), tables_.end(), [](const auto& table) { return table != nullptr; });
  known_.clear();
}

std::optional<SeriesId> Enrichment::find(SourceId source, const ReadingNames& names, const SeriesTable& table) {
  const std::optional<SeriesId> origin = table.find(names.sensor, names.metric);
  if (!origin) return std::nullopt;
  const SensorTable::Row* const row = any_ ? row_of(source, *origin, table) : nullptr;
  const bool adds_labels = row != nullptr && !row->labels.empty();
  if (!adds_labels && are_same(names.labels, table[*origin].labels)) return origin;
  const std::size_t count = fill(labels_, names.labels, row);
  return table.find_variant(*origin, std::span(labels_).first(count));
}

Series Enrichment::make(SourceId source, const ReadingNames& names) const {
  Series series{std::string(names.sensor), std::string(names.metric), std::string(names.unit), {}};
  series.labels.resize(fill(series.labels, names.labels, row_of(source, names.sensor)));
  return series;
}

const SensorTable::Row* Enrichment::row_of(SourceId source, SeriesId id, const SeriesTable& series) {
  if (index_of(id) >= known_.size()) known_.resize(index_of(id) + 1);
  Known& known = known_[index_of(id)];
  if (!known.known) known = {true, row_of(source, series[id].sensor)};
  return known.row;
}

const SensorTable::Row* Enrichment::row_of(SourceId source, std::string_view sensor) const noexcept {
  const SensorTable* const table = index_of(source) < tables_.size() ? tables_[index_of(source)].get() : nullptr;
  return table == nullptr ? nullptr : table->find(sensor);
}

void Enrichment::forget(SeriesId id) noexcept {
  if (index_of(id) < known_.size()) known_[index_of(id)] = {};
}

}  // namespace edgetide
