// Joins the readings of sources with their sensor tables: labels when a series is created, scale and offset for each
// value.
//
// Owns:   the calibration of each series. A series uses the table of the source that sent it first.
// Thread: one owner at a time (the intake lock). Fails: never.
// Cost:   one array access per reading, and nothing if no source has a table.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/enrichment/sensor_table.h"
#include "pipeline/reading.h"

namespace edgetide {

class Enrichment {
 public:
  // The table of each source; null: none.
  explicit Enrichment(std::vector<std::shared_ptr<const SensorTable>> tables = {});

  // Adds the labels of the table that the series does not have itself.
  void complete(SourceId source, Series& series) const;

  double calibrated(SourceId source, SeriesId id, const SeriesTable& table, double value) {
    return any_ ? look_up(source, id, table)(value) : value;
  }
  // From now on this id belongs to another series.
  void forget(SeriesId id) noexcept;

  // Replaces the tables, for later readings and series.
  void replace(std::vector<std::shared_ptr<const SensorTable>> tables);

 private:
  struct Known {
    bool known = false;
    Calibration calibration;
  };
  const Calibration& look_up(SourceId source, SeriesId id, const SeriesTable& table);
  const SensorTable* table_of(SourceId source) const noexcept;

  std::vector<std::shared_ptr<const SensorTable>> tables_;
  bool any_ = false;
  std::vector<Known> known_;  // by series
};

// Requires: for each SourceId an index into `tables`, or none.
struct EnrichmentOptions {
  std::vector<SensorTableInput> tables;
  std::vector<std::optional<std::size_t>> by_source;

  std::vector<std::shared_ptr<const SensorTable>> tables_by_source() const {
    std::vector<std::shared_ptr<const SensorTable>> found;
    for (const auto& table : by_source) found.push_back(table ? tables[*table].table : nullptr);
    return found;
  }
};

}  // namespace edgetide
