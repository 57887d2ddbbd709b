// A series is one metric of one sensor. The table gives each a dense id, so that all state by series is an array.
//
// Owns:   the texts of every series; `shared` hands them to rows that outlive the lock.
// Thread: one owner at a time (the intake lock).
// Fails:  `intern` returns nothing when the table is full; known series are still found.
// Limit:  capacity, given at construction (limits.max_series, default 20000).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/flat_index.h"
#include "pipeline/reading.h"

namespace edgetide {

struct Label {
  std::string key;
  std::string value;
  bool operator==(const Label&) const = default;
};

struct Series {
  std::string sensor;
  std::string metric;
  std::string unit;           // as first seen, may be empty
  std::vector<Label> labels;  // as first seen, sorted by key
};

class SeriesTable {
 public:
  explicit SeriesTable(std::size_t capacity);

  // Finds the series, without allocation.
  std::optional<SeriesId> find(std::string_view sensor, std::string_view metric) const noexcept;

  // Adds a series that `find` did not find; nothing when the table is full.
  std::optional<SeriesId> add(Series series);

  const Series& operator[](SeriesId id) const noexcept { return *series_[index_of(id)]; }
  std::shared_ptr<const Series> shared(SeriesId id) const noexcept { return series_[index_of(id)]; }
  std::size_t size() const noexcept { return series_.size(); }

  // By series id, its place in the order (sensor, metric). Sorted anew only after series were added.
  const std::vector<std::uint32_t>& ranks();

 private:
  std::size_t capacity_;
  std::vector<std::shared_ptr<const Series>> series_;
  FlatIndex index_;
  std::vector<std::uint32_t> ranks_;
};

}  // namespace edgetide
