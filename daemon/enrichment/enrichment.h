// Joins the readings of sources with their sensor tables: labels, and scale and offset for each value; and finds the
// series of a reading, with the labels that it has then.
//
// Owns:   what the tables say of each series. A series uses the table of the source that sent it first.
// Thread: one owner at a time (the intake lock). Fails: never.
// Cost:   an array access per reading where a source has a table; a reading with labels compares them with those of its
//         series. Nothing is allocated for a series that is known.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/enrichment/sensor_table.h"
#include "pipeline/reading.h"

namespace edgetide {

// Whose value it is, as a reading names it.
struct ReadingNames {
  std::string_view sensor;
  std::string_view metric;
  std::string_view unit;
  std::span<const LabelView> labels;  // of one key the first counts
};

class Enrichment {
 public:
  // The table of each source; null: none.
  explicit Enrichment(std::vector<std::shared_ptr<const SensorTable>> tables = {});

  // The series with the labels of the reading and those of the table that it does not have itself; nothing: it is new.
  std::optional<SeriesId> find(SourceId source, const ReadingNames& names, const SeriesTable& table);
  Series make(SourceId source, const ReadingNames& names) const;

  double calibrated(SourceId source, SeriesId id, const SeriesTable& table, double value) {
    const SensorTable::Row* const row = any_ ? row_of(source, id, table) : nullptr;
    return row == nullptr ? value : row->calibration(value);
  }
  // From now on this id belongs to another series.
  void forget(SeriesId id) noexcept;

  // Replaces the tables, for later readings.
  void replace(std::vector<std::shared_ptr<const SensorTable>> tables);

 private:
  struct Known {
    bool known = false;
    const SensorTable::Row* row = nullptr;
  };
  const SensorTable::Row* row_of(SourceId source, SeriesId id, const SeriesTable& table);
  const SensorTable::Row* row_of(SourceId source, std::string_view sensor) const noexcept;

  std::vector<std::shared_ptr<const SensorTable>> tables_;
  bool any_ = false;
  std::vector<Known> known_;   // by series
  std::vector<Label> labels_;  // of one reading; kept for its strings
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
