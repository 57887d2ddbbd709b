// A series is one metric of one sensor. The table gives each a dense id, so that all state by series is an array.
//
// Labels are the reading's own. A series that was seen with several sets of labels has a variant for each, with a
// separate id. The first is the series itself, the `origin` of the others: what is kept by series is kept by that id.
//
// Owns:   the strings of every series; `shared` hands them to rows that outlive the lock.
// Thread: one owner at a time (the intake lock).
// Fails:  `add` returns nothing when the table is full; known series are still found.
// Limit:  capacity, given at construction (limits.max_series, default 20000), variants included, without computed
//         series; strings shorter than 4 GiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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

// The same, as a decoder reads it.
struct LabelView {
  std::string_view key;
  std::string_view value;
};

// Refused beyond: keys and values of the labels of one series.
inline constexpr std::size_t max_label_bytes = 4096;

struct Series {
  std::string sensor;
  std::string metric;
  std::string unit;           // as first seen, may be empty
  std::vector<Label> labels;  // of this variant, sorted by key; of a group its columns, in their order
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

  // Finds the series, the origin of its variants, without allocation.
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

  // Finds the variant with these labels.
  std::optional<SeriesId> find_variant(SeriesId origin, std::span<const Label> labels) const noexcept;
  std::optional<SeriesId> find(const Series& series) const noexcept;

  // Adds a series, or a variant, that was not found; nothing when the table is full. Ids of removed ones are given
  // again.
  std::optional<SeriesId> add(Series series);
  SeriesId add_beyond_capacity(Series series);
  // Its origin may be added later.
  SeriesId add_variant(Series series, SeriesId origin);
  // Requires: no variant has it as its origin.
  void remove(SeriesId id);

  SeriesId origin_of(SeriesId id) const noexcept { return has_variants() ? origins_[index_of(id)] : id; }
  // Tells the variants of a series apart, the same after a restart. 0: the first labels.
  std::uint32_t label_mark(SeriesId id) const noexcept { return has_variants() ? marks_[index_of(id)] : 0; }
  bool has_variants() const noexcept { return variants_ > 0; }
  bool has_variants(SeriesId origin) const noexcept { return has_variants() && next_[index_of(origin)] != no_series; }
  // Calls visit(id) for the series and all of its variants.
  template <typename Visit>
  void for_each_variant(SeriesId origin, Visit&& visit) const {
    visit(origin);
    if (!has_variants()) return;
    for (SeriesId id = next_[index_of(origin)]; id != no_series; id = next_[index_of(id)]) visit(id);
  }

  const Series& operator[](SeriesId id) const noexcept { return *series_[index_of(id)]; }
  std::shared_ptr<const Series> shared(SeriesId id) const noexcept { return series_[index_of(id)]; }
  bool has(SeriesId id) const noexcept { return series_[index_of(id)] != nullptr; }
  std::size_t size() const noexcept { return series_.size(); }                  // ids in use and removed
  const std::vector<std::uint32_t>& removed() const noexcept { return free_; }  // the last one is given again next
  bool full() const noexcept { return taken() >= capacity_; }
  bool is_half_full() const noexcept { return taken() >= capacity_ / 2 + capacity_ % 2; }

  // By series id, its position in the order (sensor, metric). Sorted again only after series were added.
  const std::vector<std::uint32_t>& ranks();

  std::size_t memory_bytes() const noexcept;
  // What `ranks` takes.
  std::size_t reserved_bytes() const noexcept {
    return ranks_.size() < series_.size() ? series_.size() * sizeof ranks_[0] : 0;
  }
  static constexpr std::size_t bytes_by_series =
      sizeof(std::shared_ptr<const Series>) + 2 * sizeof(void*) + FlatIndex::most_bytes_per_item;

 private:
  struct Name {
    std::unique_ptr<char[]> text;  // sensor and metric, one after the other
    std::uint64_t lengths = 0;
  };

  std::size_t taken() const noexcept { return series_.size() - free_.size() - computed_; }
  static Name name_of(const Series& series);
  static std::size_t texts_bytes(const Series& series) noexcept;
  SeriesId enter(Series series);
  void make_variant_places(std::size_t size);
  std::uint32_t hash_of(SeriesId origin, std::span<const Label> labels) const noexcept;
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
  FlatIndex index_;              // without variants
  // Only once there are variants:
  std::size_t variants_ = 0;
  std::vector<SeriesId> origins_;     // by id
  std::vector<SeriesId> next_;        // by id: another variant of the series, or no_series
  std::vector<std::uint32_t> marks_;  // by id
  FlatIndex variant_index_;
  std::vector<std::uint32_t> ranks_;
  bool ranked_ = true;
};

}  // namespace edgetide
