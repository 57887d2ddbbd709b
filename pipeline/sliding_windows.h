// The sliding windows of one definition: [start, start + size) for every multiple of slide, kept as panes of
// gcd(size, slide). A reading enters one pane, whatever the overlap; windows are merged from panes when rows are
// emitted.
//
// A window that is final by the watermark takes no reading any more, though its panes may live on in later windows. So
// before a reading enters a pane of such a window, the window is sealed: merged and kept until its row is emitted.
//
// Owns:   panes, sealed windows, and the marks of windows whose row was emitted.
// Units:  UTC microseconds. Fails: never. Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/bytes.h"
#include "pipeline/counters.h"
#include "pipeline/floor_divide.h"
#include "pipeline/grid.h"
#include "pipeline/options.h"
#include "pipeline/pane_fold.h"
#include "pipeline/slot_store.h"
#include "pipeline/window_row.h"

namespace edgetide {

class SlidingWindows {
 public:
  using Word = AggregateLayout::Word;

  SlidingWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed);
  ~SlidingWindows();
  SlidingWindows(const SlidingWindows&) = delete;
  SlidingWindows& operator=(const SlidingWindows&) = delete;

  void reserve_keys(std::size_t count) { keys_.resize(std::max(keys_.size(), count)); }

  Timestamp window_end(Timestamp start) const noexcept { return end_of(grid_.cell_of(start)); }
  // Of the windows that contain a time, the oldest and the newest start; the first start that is not before a time.
  Timestamp first_start(Timestamp event_time) const noexcept {
    return grid_.start_of(first_start_of(grid_.cell_of(event_time)));
  }
  Timestamp last_start(Timestamp event_time) const noexcept { return grid_.start_of(last_start_of(event_time)); }
  Timestamp start_from(Timestamp time) const noexcept {
    const Timestamp start = last_start(time);
    return start == time ? start : grid_.start_of(last_start_of(time) + slide_cells_);
  }
  Timestamp last_end(Timestamp event_time) const noexcept { return end_of(last_start_of(event_time)); }

  // Requires: room for the key.
  ReadingOutcome admit(KeyId key, Timestamp event_time, double value, Timestamp reached) {
    const std::uint32_t newest = keys_[index_of(key)].newest;
    if (newest != Panes::none && event_time + allowed_lateness_ >= reached) {  // in no window that could be final
      PaneHeader& pane = panes_.header(newest);
      if (contains(pane.start, event_time)) return add(key, pane, event_time, value, reached);
    }
    return admit_elsewhere(key, event_time, value, reached);
  }

  // End + allowed_lateness of the newest window with readings that is not sealed; earliest(): there is none.
  Timestamp newest_final_at(KeyId key) const noexcept;
  bool has_window(KeyId key, Timestamp start, bool is_final) const noexcept;
  bool has_windows(KeyId key) const noexcept {
    return keys_[index_of(key)].newest != Panes::none || keys_[index_of(key)].sealed > 0;
  }

  void count_due(std::span<const Timestamp> reached, RowsDue& due) const;
  void collect(const FiringContext& firing, std::vector<Candidate>& rows);
  RowMark& mark(const Candidate& row) noexcept;
  double value(const Candidate& row, const Aggregate& aggregate) const noexcept;
  void finish(std::vector<Candidate>& rows);  // forgets sealed windows and what was merged for this firing

  std::size_t open_windows() const noexcept { return panes_.size() + sealed_.size(); }
  // Calls visit(key, start, end) for the windows of every pane, so more than once for most of them, until it is false.
  template <typename Visit>
  void view_windows(Visit&& visit) const {
    panes_.any_of([&](std::uint32_t slot) {
      const PaneHeader& pane = panes_.header(slot);
      const std::int64_t cell = grid_.cell_of(pane.start);
      for (std::int64_t start = first_start_of(cell); start <= cell; start += slide_cells_) {
        if (!visit(pane.key, grid_.start_of(start), end_of(start))) return true;
      }
      return false;
    });
  }
  std::size_t memory_bytes() const noexcept;  // without what states own
  std::size_t owned_bytes() const { return layout_.owned_by_all(panes_) + layout_.owned_by_all(sealed_); }
  // A reading would take memory that was not taken yet.
  bool needs_room(KeyId key, Timestamp event_time, double value, Timestamp reached) const noexcept;

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct PaneHeader {
    Timestamp start;
    KeyId key{0};
    std::uint32_t older : 31 = 0;  // slot of the next older pane of the key, or no_older
    std::uint32_t changed : 1 = 0;
  };
  static_assert(sizeof(PaneHeader) == 16);
  struct WindowHeader {
    Timestamp start;
    KeyId key{0};
    RowMark mark;
  };
  struct Key {
    Timestamp sealed_upto = Timestamp::earliest();  // every window that is final at this watermark is sealed
    Timestamp fired_at = Timestamp::earliest();     // the watermark at the last firing
    std::uint32_t newest = FlatIndex::npos;         // slot of the newest pane
    std::uint32_t sealed : 31 = 0;                  // windows that wait to be emitted
    std::uint32_t changed : 1 = 0;                  // some pane has
  };
  using Panes = SlotStore<PaneHeader>;
  using Marks = SlotStore<WindowHeader>;
  static constexpr std::uint32_t no_older = (1U << 31) - 1;

  // The panes of one window that hold readings: listed_[first] to listed_[last].
  struct Extent {
    std::int64_t start_cell;
    std::size_t first;
    std::size_t last;
  };
  // A row that is emitted at this firing: a sealed window, or one that was merged for it.
  struct Leaving {
    bool sealed;
    std::uint32_t slot;  // in sealed_ or marks_
    std::size_t state;   // in merged_
  };

  [[gnu::noinline]] ReadingOutcome admit_elsewhere(KeyId key, Timestamp event_time, double value, Timestamp reached);
  bool contains(Timestamp start, Timestamp event_time) const noexcept {
    return static_cast<std::uint64_t>(event_time.count()) - static_cast<std::uint64_t>(start.count()) < even_step_;
  }
  ReadingOutcome add(KeyId key, PaneHeader& pane, Timestamp event_time, double value, Timestamp reached) {
    pane.changed = 1;
    keys_[index_of(key)].changed = 1;
    layout_.add(Panes::state_of(pane), event_time, value);
    // A pane lies in a window of at least this end, which spares the division.
    return reached < pane.start + step_ || reached < last_end(event_time) ? ReadingOutcome::on_time
                                                                          : ReadingOutcome::late_accepted;
  }

  Timestamp end_of(std::int64_t start_cell) const noexcept { return grid_.start_of(start_cell + window_cells_); }
  Timestamp final_at(std::int64_t start_cell) const noexcept { return end_of(start_cell) + allowed_lateness_; }
  std::int64_t last_start_of(Timestamp event_time) const noexcept {
    return floor_divide(grid_.cell_of(event_time), slide_cells_) * slide_cells_;
  }
  std::int64_t first_start_of(std::int64_t cell) const noexcept;  // cell at which the oldest window with `cell` starts
  std::uint32_t find_or_create(KeyId key, Timestamp start);
  void link(KeyId key, std::uint32_t slot);
  void list_panes(KeyId key);
  template <typename Visit>
  void for_each_window(Visit&& visit) const;  // of the listed panes
  void seal(KeyId key, Timestamp reached);
  void seal_window(KeyId key, const Extent& extent);
  void drop_panes(KeyId key);
  void collect_key(KeyId key, const FiringContext& firing, std::vector<Candidate>& rows);
  void collect_window(KeyId key, const Extent& extent, const FiringContext& firing, std::vector<Candidate>& rows);
  void collect_sealed(const FiringContext& firing, std::vector<Candidate>& rows);
  bool changed(const Extent& extent) const noexcept {
    return changed_before_[extent.last + 1] != changed_before_[extent.first];
  }
  void clear_merged() noexcept;

  const Grid grid_;  // of panes
  const Duration step_;
  const std::uint64_t even_step_;  // 0 where cells differ
  const std::int64_t window_cells_;
  const std::int64_t slide_cells_;
  const Duration allowed_lateness_;
  const AggregateLayout& layout_;
  Panes panes_;
  Marks marks_;                 // of windows that were emitted and are not sealed
  Marks sealed_;                // with states
  std::vector<Key> keys_;       // by key
  std::uint32_t next_key_ = 0;  // where a firing goes on that had no room for the rows of all

  // Of one firing; kept for their buffers.
  PaneFold fold_;
  std::vector<std::uint32_t> slots_;  // panes of the key at hand, oldest first
  std::vector<PaneFold::Pane> listed_;
  std::vector<std::uint32_t> changed_before_;  // by listed pane: how many older ones have changed
  bool folded_ = false;
  std::vector<Leaving> leaving_;
  std::vector<Word> merged_;
};

}  // namespace edgetide
