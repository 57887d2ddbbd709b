// Which variant of its series (series.h) the newest reading of a window has: whose labels its row carries. Kept only of
// series that have several, by the cell of their windows: a tumbling window, a pane of sliding ones, a gap of sessions.
//
// What a cell says is of the readings that were noted. Those before the first variant were not: `begun` is the newest
// of them. A window that is final while another one takes a later reading of the same cell is settled before that.
//
// Units:  UTC microseconds.
// Owns:   an entry for each cell with readings, until it is forgotten; by key, where windows without readings have
//         rows, the newest of the windows and cells that are past, which outlives its variant.
// Thread: one owner at a time. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/ids.h"
#include "pipeline/series.h"
#include "pipeline/time.h"

namespace edgetide {

class RowLabels {
 public:
  struct Newest {
    Timestamp event_time;
    SeriesId variant = no_series;  // no_series: it was evicted
  };

  // `keep_forgotten`: `newest_before` is asked for.
  explicit RowLabels(bool keep_forgotten) noexcept : keep_forgotten_(keep_forgotten) {}

  bool empty() const noexcept { return keys_.empty(); }

  // The series of the key has its first variant; until now its newest reading was that one.
  void begin(KeyId key, Timestamp newest);
  Timestamp begun(KeyId key) const;  // earliest(): it had no reading then

  // Of readings of one time the last counts.
  void note(KeyId key, Timestamp cell, Timestamp event_time, SeriesId variant);
  bool has(KeyId key, Timestamp cell) const { return cells_.contains({key, cell}); }

  // Of the readings in [start, end); nothing: none was noted.
  std::optional<Newest> newest(KeyId key, Timestamp start, Timestamp end) const;
  // How many were noted in the cells from `start` to `end`.
  std::uint64_t noted(KeyId key, Timestamp start, Timestamp end) const;
  // Of a window whose last row is emitted; what its newest reading has is not forgotten. `event_time` lies behind those
  // of all windows that were emitted before. Nothing of a key without variants.
  void keep_past(KeyId key, Timestamp event_time, SeriesId variant);
  // The newest of those, if it is before a time.
  std::optional<Newest> past(KeyId key, Timestamp end) const;
  // The same where its variant was evicted; or null.
  std::shared_ptr<const Series> evicted_before(KeyId key, Timestamp end) const;

  // Of a window that is final, until its row was emitted.
  void settle(KeyId key, Timestamp start, SeriesId variant);
  std::optional<SeriesId> settled(KeyId key, Timestamp start) const;

  bool uses(SeriesId variant) const noexcept {
    return index_of(variant) < uses_.size() && uses_[index_of(variant)] > 0;
  }
  // Requires: it is not used.
  void evict(KeyId key, SeriesId variant, const std::shared_ptr<const Series>& names);
  void forget_key(KeyId key) { keys_.erase(key); }

  // Cells for which is_past(key, event time of the newest reading) holds. Requires: no settled window waits.
  template <typename IsPast>
  void forget(IsPast&& is_past) {
    for (const auto& [window, variant] : settled_) --uses_[index_of(variant)];
    settled_.clear();
    std::erase_if(cells_, [&](const auto& cell) {
      const auto& [key, newest] = std::pair(cell.first.first, cell.second.newest);
      if (!is_past(key, newest.event_time)) return false;
      --uses_[index_of(newest.variant)];
      if (keep_forgotten_) keep(key, newest);
      return true;
    });
  }

  std::size_t memory_bytes() const noexcept;
  static constexpr std::size_t bytes_of_cell() noexcept {
    return map_entry_bytes<std::pair<const std::pair<KeyId, Timestamp>, Cell>>();
  }
  static constexpr std::size_t bytes_of_key() noexcept { return map_entry_bytes<std::pair<const KeyId, Key>>(); }
  void save(ByteWriter& out) const;
  void load(ByteReader& in, const SeriesTable& series);

 private:
  struct Cell {
    Newest newest;
    std::uint32_t readings = 0;
  };
  struct Key {
    Timestamp begun = Timestamp::earliest();
    std::optional<Newest> forgotten;
    // The newest of those forgotten whose variant was evicted.
    Timestamp evicted_at = Timestamp::earliest();
    std::shared_ptr<const Series> evicted;
  };
  using Place = std::pair<KeyId, Timestamp>;

  void count_use(SeriesId variant);
  void keep(KeyId key, const Newest& newest);
  void load_keys(ByteReader& in, const SeriesTable& series);

  bool keep_forgotten_;
  std::map<Place, Cell> cells_;
  std::map<Place, SeriesId> settled_;  // by start
  std::map<KeyId, Key> keys_;
  std::vector<std::uint32_t> uses_;  // by variant: in how many cells and settled windows
};

}  // namespace edgetide
