// What a file adds to the readings of sensors: labels, and a scale and offset for their values.
//
// Owns:   the rows. Thread: immutable once filled.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/series.h"

namespace edgetide {

// value * scale + offset
struct Calibration {
  double scale = 1;
  double offset = 0;
  double operator()(double value) const noexcept { return value * scale + offset; }
};

class SensorTable {
 public:
  struct Row {
    std::vector<Label> labels;
    Calibration calibration;
  };

  // False: the sensor has a row already.
  bool add(std::string sensor, Row row) { return rows_.try_emplace(std::move(sensor), std::move(row)).second; }

  const Row* find(std::string_view sensor) const noexcept {
    const auto row = rows_.find(sensor);
    return row == rows_.end() ? nullptr : &row->second;
  }
  std::size_t size() const noexcept { return rows_.size(); }
  // For how many sensors it adds other labels than `before`.
  std::size_t labels_changed(const SensorTable& before) const {
    std::size_t changed = 0;
    for (const auto& [sensor, row] : rows_) {
      const Row* const known = before.find(sensor);
      changed += known == nullptr ? !row.labels.empty() : known->labels != row.labels;
    }
    for (const auto& [sensor, row] : before.rows_) changed += find(sensor) == nullptr && !row.labels.empty();
    return changed;
  }

 private:
  std::map<std::string, Row, std::less<>> rows_;
};

// A table as configured, and read.
struct SensorTableInput {
  std::string name;
  std::shared_ptr<const SensorTable> table;
};

}  // namespace edgetide
