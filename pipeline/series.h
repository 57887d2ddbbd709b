// A series is one metric of one sensor. The table gives each a dense id, so that all state by series is an array.
//
// Owns:   the strings of every series; `shared` hands them to rows that outlive the lock.
// Thread: one owner at a time (the intake lock).
// Fails:  `add` returns nothing when the table is full; known series are still found.
// Limit:  capacity, given at construction (limits.max_series, default 20000), without computed series; strings shorter
//         than 4 GiB.
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
#include "pipeline/name_hash.h"
#include "pipeline/reading.h"

namespace edgetide {

struct Label {
  std::string key;
  std::string value;
  bool operator==(const Label&) const = default;
};

// Refused beyond: keys and values of the labels of one series.
inline constexpr std::size_t max_label_bytes = 4096;

struct Series {
  std::string sensor;
  std::string metric;
  std::string unit;           // as first seen, may be empty
  std::vector<Label> labels;  // as first seen, sorted by key; of a group its columns, in their order
  bool grouped = false;       // a group of series: `sensor` is "column=value,..." with \ before , = \ in values
  bool computed = false;      // from other series of the sensor; the capacity does not count it
};

// That a series owns, with itself.
std::size_t memory_bytes(const Series& series) noexcept;
std::size_t label_bytes(const Series& series) noexcept;

class SeriesTable {
 public:
  // `seed` makes the hash of names unpredictable to peers; it changes no result.
  explicit SeriesTable(std::size_t capacity, std::uint64_t seed = 0) : capacity_(capacity), hash_(seed) {}

  // Finds the series, without allocation.
  std::optional<SeriesId> find(std::string_view sensor, std::string_view metric) const noexcept {
    const std::uint64_t lengths = NameHash::lengths_of(sensor, metric);
    const std::uint32_t position = index_.find(hash_(lengths, sensor, metric), [&](std::uint32_t i) {
      const Name& name = names_[i];
      return name.lengths == lengths &&
             (detail::difference(sensor.data(), name.text.get(), sensor.size()) |
              detail::difference(metric.data(), name.text.get() + sensor.size(), metric.size())) == 0;
    });
    if (position == FlatIndex::npos) return std::nullopt;
    return SeriesId{position};
  }

  // Adds a series that `find` did not find; nothing when the table is full. Ids of removed series are given again.
  std::optional<SeriesId> add(Series series);
  SeriesId add_beyond_capacity(Series series);
  void remove(SeriesId id);

  const Series& operator[](SeriesId id) const noexcept { return *series_[index_of(id)]; }
  std::shared_ptr<const Series> shared(SeriesId id) const noexcept { return series_[index_of(id)]; }
  bool has(SeriesId id) const noexcept { return series_[index_of(id)] != nullptr; }
  std::size_t size() const noexcept { return series_.size(); }                  // ids in use and removed
  const std::vector<std::uint32_t>& removed() const noexcept { return free_; }  // the last one is given again next
  bool full() const noexcept { return series_.size() - free_.size() - computed_ >= capacity_; }

  // By series id, its position in the order (sensor, metric). Sorted again only after series were added.
  const std::vector<std::uint32_t>& ranks();

  std::size_t memory_bytes() const noexcept;

 private:
  struct Name {
    std::unique_ptr<char[]> text;  // sensor and metric, one after the other
    std::uint64_t lengths = 0;
  };

  static Name name_of(const Series& series);
  static std::size_t texts_bytes(const Series& series) noexcept;
  std::uint32_t hash_of(const Series& series) const noexcept {
    return hash_(NameHash::lengths_of(series.sensor, series.metric), series.sensor, series.metric);
  }

  std::size_t capacity_;
  NameHash hash_;
  std::vector<std::shared_ptr<const Series>> series_;  // null: removed
  std::vector<Name> names_;
  std::vector<std::uint32_t> free_;
  std::size_t computed_ = 0;     // how many
  std::size_t texts_bytes_ = 0;  // of all series, with their names
  FlatIndex index_;
  std::vector<std::uint32_t> ranks_;
  bool ranked_ = true;
};

}  // namespace edgetide
