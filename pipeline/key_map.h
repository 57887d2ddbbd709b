// What a window definition keeps windows for: which series it takes, and the keys they belong to.
//
// Without group_by a key is a series, with the same number. With group_by a key is a group: the values of the columns,
// and with `cube` every series belongs to one group for each subset of the columns.
//
// Owns:   the texts of groups.
// Thread: one owner at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/options.h"
#include "pipeline/series.h"

namespace edgetide {

class KeyMap {
 public:
  static constexpr std::uint32_t none = 0xFFFF'FFFF;

  explicit KeyMap(const WindowOptions& options);

  bool grouped() const noexcept { return !columns_.empty(); }
  bool takes_all() const noexcept { return !grouped() && takes_all_; }

  void save(ByteWriter& out) const;
  // The groups, in the order in which they were made. Requires: the series are added again afterwards.
  void load(ByteReader& in);

  // An id may be added again when it was given to another series. A computed series has a key, but none of its own
  // readings are taken.
  void add_series(SeriesId id, const Series& series, bool computed);

  // The keys of a series; empty: the definition does not take it.
  std::span<const std::uint32_t> keys_of(std::uint32_t series) const noexcept {
    if (series * stride_ >= keys_.size()) return {};
    const std::uint32_t* const first = keys_.data() + series * stride_;
    return {first, *first == none ? 0 : stride_};
  }
  std::size_t stride() const noexcept { return stride_; }

  // How many keys there are; grows with `add_series`.
  std::size_t size() const noexcept { return grouped() ? groups_.size() : keys_.size(); }

  std::size_t series_count() const noexcept { return keys_.size() / stride_; }

  // Requires: grouped.
  const std::shared_ptr<const Series>& group(std::uint32_t key) const noexcept { return groups_[key]; }
  // Requires: grouped. By key, its place in the order of rows.
  const std::vector<std::uint32_t>& ranks();

 private:
  // By column its value; left out of a subset: nothing, which is less than any value.
  using Tuple = std::vector<std::pair<bool, std::string>>;

  bool matches(const Series& series) const noexcept;
  std::uint32_t group_of(const Series& series, std::size_t subset);
  std::uint32_t group_named(Tuple tuple);
  Series to_series(const Tuple& tuple) const;

  MatchOptions match_;
  bool takes_all_;
  std::vector<std::string> columns_;  // empty: by series
  std::size_t stride_;                // keys per series
  std::vector<std::uint32_t> keys_;   // by series, `stride_` each
  std::map<Tuple, std::uint32_t> tuples_;
  std::vector<std::shared_ptr<const Series>> groups_;
  std::vector<std::uint32_t> ranks_;
};

}  // namespace edgetide
