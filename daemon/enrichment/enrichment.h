// Joins the readings of sources with their sensor tables: labels when a series is born, scale and offset for each
// value.
//
// Owns:   the calibration of each series. A series goes by the table of the source that brought it first.
// Thread: one owner at a time (the intake lock). Fails: never.
// Cost:   per reading one look at an array, and nothing where no source has a table.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/enrichment/sensor_table.h"
#include "pipeline/reading.h"

namespace edgetide {

class Enrichment {
 public:
  // By source its table; null: none.
  explicit Enrichment(std::vector<std::shared_ptr<const SensorTable>> tables = {});

  // The labels of the table, where the series has none of that name.
  void complete(SourceId source, Series& series) const;

  double calibrated(SourceId source, SeriesId id, const SeriesTable& table, double value) {
    return any_ ? look_up(source, id, table)(value) : value;
  }
  // The series with this id is another one from now on.
  void forget(SeriesId id) noexcept;

  // Tables that were read again. Holds for readings and series to come.
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

// Requires: by SourceId a position in `tables`, or none.
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
