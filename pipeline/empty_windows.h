// Rows for windows of known series in which no reading came: for `emit_empty`.
//
// An empty window is emitted once as `closed`, when its time has passed on the clock that runs on for a silent series
// too, and once as `final`, when the watermark itself has passed it. What the clock has passed once stays passed, also
// for windows that are missed only since an earlier reading came, with which the series is silent no more.
//
// Owns:   by key, how far both have come. Limit: max_rows per key and firing; older empty windows are skipped.
// Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/grid.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/options.h"
#include "pipeline/window_row.h"

namespace edgetide {

class EmptyWindows {
 public:
  static constexpr std::int64_t max_rows = 1440;

  explicit EmptyWindows(const WindowOptions& options)
      : starts_(traits_of(options.kind).step(options), options.offset, options.time_zone),
        allowed_lateness_(options.allowed_lateness) {}

  void reserve_keys(std::size_t count) { keys_.resize(std::max(keys_.size(), count)); }
  void forget(KeyId key) noexcept { keys_[index_of(key)] = {}; }

  // A reading that was not dropped. The earliest one of a key says from where on windows are missed: none behind it is
  // final yet.
  void observe(KeyId key, Timestamp event_time) noexcept {
    Key& state = keys_[index_of(key)];
    if (event_time >= state.begin) return;
    const std::int64_t first = starts_.cell_of(event_time);
    const bool any_closed = state.closed_from < state.closed;
    state.begin = starts_.start_of(first);
    state.final = first + 1;
    if (!any_closed) state.closed_from = state.closed = first + 1;
  }

  // True if the window was emitted as an empty one: its row goes on with the next revision.
  bool has_left(KeyId key, Timestamp start) const noexcept {
    return keys_[index_of(key)].has_closed(starts_.cell_of(start));
  }

  // How far it is for a key.
  struct Reach {
    Timestamp watermark;
    Timestamp clock;     // at least the watermark
    bool ended = false;  // no reading will come: what is past, or was closed, is final
  };
  // Adds the rows of one key, as long as there are fewer than `max` in all.
  template <typename Windows>
  void collect(KeyId key, const Reach& reach, std::uint32_t rank, std::size_t max, const Windows& windows,
               std::vector<Candidate>& rows) {
    Key& state = keys_[index_of(key)];
    if (!state.begun()) return;
    const Key before = state;
    const Timestamp is_final = reach.watermark - (reach.ended ? Duration() : allowed_lateness_);
    state.final = skip(state.final, is_final);
    const auto is_over = [&](std::int64_t cell) {
      return is_past(cell, windows, is_final) || (reach.ended && cell < before.closed);
    };
    for (; rows.size() < max && is_over(state.final); ++state.final) {
      const Timestamp start = starts_.start_of(state.final);
      if (windows.has_window(key, start, true)) continue;
      const std::uint32_t revision = before.has_closed(state.final) ? 2 : 1;
      rows.push_back(
          {start, windows.window_end(start), rank, key, revision, RowState::final, true, Candidate::Of::empty});
    }
    const auto close = [&](std::int64_t cell) {
      const Timestamp start = starts_.start_of(cell);
      if (windows.has_window(key, start, false)) return;
      rows.push_back({start, windows.window_end(start), rank, key, 1, RowState::closed, true, Candidate::Of::empty});
    };
    // Those before a reading that came earlier, and those behind.
    const std::int64_t first = skip(std::max(starts_.cell_of(state.begin) + 1, state.final), reach.clock);
    for (; rows.size() < max && state.closed_from > first; --state.closed_from) close(state.closed_from - 1);
    state.closed = skip(std::max(state.closed, state.final), reach.clock);
    for (; rows.size() < max && is_past(state.closed, windows, reach.clock); ++state.closed) close(state.closed);
  }

  std::size_t memory_bytes() const noexcept { return heap_bytes(keys_); }
  static constexpr std::size_t bytes_by_key = 4 * sizeof(std::int64_t);
  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct Key {
    Timestamp begin = Timestamp::latest();  // of the window of the earliest reading; latest(): there is none
    // By cell of their start: windows that were emitted as closed or final, and the next that was not as final.
    std::int64_t closed_from = 0;
    std::int64_t closed = 0;
    std::int64_t final = 0;

    bool begun() const noexcept { return begin != Timestamp::latest(); }
    bool has_closed(std::int64_t cell) const noexcept { return begun() && cell >= closed_from && cell < closed; }
  };

  template <typename Windows>
  bool is_past(std::int64_t cell, const Windows& windows, Timestamp time) const noexcept {
    const Timestamp start = starts_.start_of(cell);
    // Cells behind the end of all times begin in an earlier one, where time ends.
    return start < Timestamp::latest() && starts_.cell_of(start) >= cell && windows.window_end(start) <= time;
  }
  std::int64_t skip(std::int64_t cell, Timestamp time) const noexcept {
    return std::max(cell, starts_.cell_of(time) - max_rows);
  }

  Grid starts_;
  Duration allowed_lateness_;
  std::vector<Key> keys_;
};

}  // namespace edgetide
