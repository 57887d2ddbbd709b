// The sliding windows of one definition: [start, start + size) for every multiple of slide, kept as panes of
// gcd(size, slide). A reading enters one pane, whatever the overlap; windows are merged from panes when rows are
// emitted.
//
// A window that is final by the watermark takes no reading any more, though its panes may live on in later windows. So
// before a reading enters a pane of such a window, the window is sealed: merged and kept until its row is emitted.
//
// Owns:   panes, sealed windows, the marks of windows whose row was emitted, and by key the last reading of the panes
//         that are forgotten.
// Limit:  a pane is in up to size / slide windows, and a firing gives each of them a mark, of 5 bytes where windows
//         overlap much: memory is reserved for these once the pane is there. A firing seals and merges about as many
//         windows as it has rows for.
// Units:  UTC microseconds. Fails: never. Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/bytes.h"
#include "pipeline/carried_reading.h"
#include "pipeline/counters.h"
#include "pipeline/floor_divide.h"
#include "pipeline/grid.h"
#include "pipeline/options.h"
#include "pipeline/pane_fold.h"
#include "pipeline/slot_store.h"
#include "pipeline/window_marks.h"
#include "pipeline/window_row.h"

namespace edgetide {

class SlidingWindows {
 public:
  using Word = AggregateLayout::Word;
  static constexpr WindowTraits traits = {
      .kind = WindowKind::sliding,
      .name = "sliding",
      .aligned = true,
      .overlaps = true,
      .step = [](const WindowOptions& options) { return options.slide; },
      .longest = [](const WindowOptions& options) { return options.size; },
      .windows_of_reading =
          [](const WindowOptions& options) {
            return static_cast<std::size_t>(options.size.count() / options.slide.count() + 1);
          },
      .is_possible =
          [](const WindowOptions& options) {
            const std::int64_t pane = std::gcd(options.size.count(), options.slide.count());
            return options.slide <= options.size && options.size.count() / pane <= max_panes;
          },
  };

  SlidingWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed);
  ~SlidingWindows();
  SlidingWindows(const SlidingWindows&) = delete;
  SlidingWindows& operator=(const SlidingWindows&) = delete;

  void reserve_keys(std::size_t count) {
    keys_.resize(std::max(keys_.size(), count));
    carried_.reserve_keys(count);
  }
  // The key, which has no windows, is given to something else.
  void forget_key(KeyId key) noexcept {
    keys_[index_of(key)] = Key{};
    carried_.forget(key);
  }

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
    const SlotId newest = keys_[index_of(key)].newest_whole;
    if (newest != no_slot && event_time + allowed_lateness_ >= reached) {  // in no window that could be final
      PaneHeader& pane = panes_.header(newest);
      if (contains(pane.start, event_time)) return add(key, pane, event_time, value, reached);
    }
    return admit_elsewhere(key, event_time, value, reached);
  }

  // End + allowed_lateness of the newest window with readings that is not sealed; earliest(): there is none.
  Timestamp newest_final_at(KeyId key) const noexcept;
  bool has_window(KeyId key, Timestamp start, bool is_final) const noexcept;
  bool has_windows(KeyId key) const noexcept {
    return keys_[index_of(key)].newest != no_slot || keys_[index_of(key)].sealed > 0;
  }
  // As that of TumblingWindows.
  bool owes_row(KeyId key, Timestamp event_time) const noexcept {
    const Key& state = keys_[index_of(key)];
    const Timestamp final_at = last_end(event_time) + allowed_lateness_;
    return state.sealed > 0 || (state.newest != no_slot && final_at > state.sealed_upto);
  }

  // Calls visit(span, state) for the newest pane of a key that starts before a time, if there is one.
  template <typename Visit>
  void view_before(KeyId key, Timestamp time, Visit&& visit) const {
    SlotId slot = keys_[index_of(key)].newest;
    while (slot != no_slot && panes_.header(slot).start >= time) slot = panes_.header(slot).older();
    if (slot == no_slot) return;
    const Timestamp start = panes_.header(slot).start;
    visit(AggregateSpan{start, grid_.start_of(grid_.cell_of(start) + 1)}, panes_.state(slot));
  }
  // Of a reading (row_labels.h).
  Timestamp cell_start(Timestamp event_time) const noexcept { return grid_.start_of(grid_.cell_of(event_time)); }
  // Calls visit(span, state) for the windows around a time that are sealed.
  template <typename Visit>
  void for_each_final(KeyId key, Timestamp event_time, Timestamp /*reached*/, Visit&& visit) const {
    const Key& state = keys_[index_of(key)];
    const std::int64_t first = first_start_of(grid_.cell_of(event_time)), last = last_start_of(event_time);
    if (state.sealed == 0) return;
    for (std::int64_t cell = first; cell <= last && final_at(cell) <= state.sealed_upto; cell += slide_cells_) {
      const SlotId slot = sealed_.find(key, grid_.start_of(cell));
      if (slot != no_slot) visit(AggregateSpan{grid_.start_of(cell), end_of(cell)}, sealed_.state(slot));
    }
  }

  void count_due(std::span<const Timestamp> reached, RowsDue& due) const;
  void collect(const FiringContext& firing, std::vector<Candidate>& rows);
  // Behind `collect`, which has left them out.
  void collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows);
  void rank_again(bool is_shown);
  RowMark& mark(const Candidate& row) noexcept;
  const Word* state(const Candidate& row) const noexcept;
  void finish(std::vector<Candidate>& rows);  // forgets sealed windows and what was merged for this firing

  // As those of TumblingWindows.
  CarriedReading last_before(KeyId key, Timestamp time) const;
  void offer_carried(KeyId key, const CarriedReading& carried) noexcept {
    if (carried_.needed() && carried_.offer(key, carried)) keys_[index_of(key)].changed = 1;
  }

  std::size_t open_windows() const noexcept { return panes_.size() + sealed_.size(); }
  // Each has a row.
  std::size_t windows_with_rows() const noexcept { return open_.windows + sealed_.size(); }
  std::size_t windows_of_reading() const noexcept { return overlap(); }
  // Calls visit(key, start, end) for the windows of every pane, so more than once for most of them, until it is false.
  template <typename Visit>
  void view_windows(Visit&& visit) const {
    panes_.any_of([&](SlotId slot) {
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
  // As those of TumblingWindows. Panes are listed.
  std::size_t growth(KeyId key, Timestamp event_time, double value, Timestamp reached, std::size_t beside);
  std::size_t largest_growth() const noexcept;
  std::size_t largest_step() const noexcept;
  std::size_t reserved_bytes() const noexcept;
  static constexpr std::size_t bytes_by_key = 5 * sizeof(std::uint64_t) + sizeof(CarriedReading);
  void shrink() {
    panes_.shrink();
    marks_.shrink();
    sealed_.shrink();
  }
  // Rows were due at the last firing that did not leave.
  bool has_more() const noexcept { return has_more_; }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct PaneHeader {
    static constexpr std::uint32_t no_older = (1U << 31) - 1;  // no_slot, in 31 bits

    Timestamp start;
    KeyId key{0};
    std::uint32_t older_slot : 31 = no_older;
    std::uint32_t changed : 1 = 0;

    // The next older pane of the key.
    SlotId older() const noexcept { return older_slot == no_older ? no_slot : SlotId{older_slot}; }
    void set_older(SlotId slot) noexcept { older_slot = index_of(slot) & no_older; }
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
    SlotId newest = no_slot;                        // the newest pane
    SlotId newest_whole = no_slot;                  // the same, unless an end of time cuts it
    std::uint32_t sealed : 31 = 0;                  // windows that wait to be emitted
    std::uint32_t changed : 1 = 0;                  // some pane has
    std::uint32_t windows = 0;                      // that have panes and are not sealed, or a few more
    std::uint32_t pages = 0;                        // of the marks of these
  };
  static_assert(sizeof(Key) == 5 * sizeof(std::uint64_t));
  using Panes = SlotStore<PaneHeader>;
  using Sealed = SlotStore<WindowHeader>;
  // At most about so many bytes of what states own are sealed and merged at a firing.
  static constexpr std::size_t max_owned_by_rows = 4 * 1024 * 1024;
  static constexpr std::size_t sealed_at_a_time = 50'000;  // the default of max_epoch_rows
  static constexpr std::size_t all_windows = std::numeric_limits<std::size_t>::max();

  // The panes of one window that hold readings: listed_[first] to listed_[last].
  struct Extent {
    std::int64_t start_cell;
    std::size_t first;
    std::size_t last;
  };
  // A row that is emitted at this firing: a sealed window, or one that was merged for it.
  struct Leaving {
    SlotId sealed;           // no_slot: it is not
    WindowMarks::View mark;  // otherwise
    std::size_t state = 0;   // in merged_
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
  std::int64_t number_of(std::int64_t start_cell) const noexcept { return start_cell / slide_cells_; }
  std::size_t overlap() const noexcept { return static_cast<std::size_t>(window_cells_ / slide_cells_); }
  std::int64_t last_start_of(Timestamp event_time) const noexcept {
    return floor_divide(grid_.cell_of(event_time), slide_cells_) * slide_cells_;
  }
  std::int64_t first_start_of(std::int64_t cell) const noexcept;  // cell at which the oldest window with `cell` starts
  SlotId find_or_create(KeyId key, Timestamp start);
  void link(KeyId key, SlotId slot);
  // How many windows there are, and how many pages their marks take.
  struct Count {
    std::size_t windows = 0;
    std::size_t pages = 0;
  };
  Count opened_between(const PaneHeader* older, Timestamp start, const PaneHeader* newer) const noexcept;
  Count opened_by_pane(KeyId key, Timestamp start) const noexcept;
  // Of a pane that starts there, in the list of its key.
  struct Neighbours {
    SlotId newer = no_slot;
    SlotId older = no_slot;
  };
  Neighbours neighbours_of(KeyId key, Timestamp start) const noexcept;
  const PaneHeader* pane_at(SlotId slot) const noexcept { return slot == no_slot ? nullptr : &panes_.header(slot); }
  void set_windows(KeyId key, Count count) noexcept;
  void count_windows(KeyId key) noexcept;
  bool is_full(const FiringContext& firing, std::size_t rows) const noexcept {
    return rows + sealed_.size() >= firing.max_rows || owned_by_rows_ >= max_owned_by_rows;
  }
  void set_newest(KeyId key, SlotId slot) noexcept;
  void list_panes(KeyId key);
  template <typename Visit>
  void for_each_window(Visit&& visit) const;  // of the listed panes
  // At most `most` windows; false: there are more.
  bool seal(KeyId key, Timestamp reached, std::size_t most);
  std::size_t windows_to_seal(KeyId key, Timestamp reached);
  std::size_t growth_of_sealing(KeyId key, Timestamp reached);
  std::size_t reserve_for(Count open) const noexcept;
  void seal_window(KeyId key, const Extent& extent);
  void drop_panes(KeyId key);
  bool collect_key(KeyId key, const FiringContext& firing, std::vector<Candidate>& rows);
  bool collect_window(KeyId key, const Extent& extent, const FiringContext& firing, std::vector<Candidate>& rows);
  void merge_window(const Extent& extent, WindowMarks::View mark, Candidate row, std::vector<Candidate>& rows);
  void collect_sealed(const FiringContext& firing, std::vector<Candidate>& rows);
  bool changed(const Extent& extent) const noexcept {
    return changed_before_[extent.last + 1] != changed_before_[extent.first];
  }
  bool carries_other_than_before(const Extent& extent, WindowMarks::View mark);
  // Windows that an end of time cuts have the same start and one mark.
  std::int64_t mark_of(Timestamp start, std::int64_t start_cell) const noexcept {
    return number_of(start == Timestamp::earliest() ? last_start_of(start) : start_cell);
  }
  WindowMarks::View find_or_create_mark(KeyId key, std::int64_t window);
  void clear_merged() noexcept;
  void save_marks(ByteWriter& out) const;
  void load_marks(ByteReader& in);
  void load_run(ByteReader& in, KeyId key, std::int64_t first, std::uint32_t count);

  const Grid grid_;  // of panes
  const Duration step_;
  const std::uint64_t even_step_;  // 0 where cells differ
  const std::int64_t window_cells_;
  const std::int64_t slide_cells_;
  const std::int64_t lowest_start_;  // no window starts before: its start would be the same as that of this one
  const Duration allowed_lateness_;
  const AggregateLayout& layout_;
  Panes panes_;
  WindowMarks marks_;           // of windows that were emitted and are not sealed; with what was carried in
  Sealed sealed_;               // with states
  CarriedReadings carried_;     // of the panes that are forgotten
  std::vector<Key> keys_;       // by key
  Count open_;                  // of all keys
  std::uint32_t next_key_ = 0;  // where a firing goes on that had no room for the rows of all

  // Of one firing; kept for their buffers.
  PaneFold fold_;
  std::vector<SlotId> slots_;  // panes of the key at hand, oldest first
  std::vector<PaneFold::Pane> listed_;
  std::vector<std::uint32_t> changed_before_;  // by listed pane: how many older ones have changed
  bool folded_ = false;
  bool has_more_ = false;
  std::size_t owned_by_rows_ = 0;  // by the states of sealed and merged windows
  std::vector<Leaving> leaving_;
  std::vector<Word> merged_;
};

}  // namespace edgetide
