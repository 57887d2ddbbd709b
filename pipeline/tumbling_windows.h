// The tumbling windows of one definition that are not final yet: [start, end), one cell of a grid each.
//
// Owns:   the windows and their aggregate states, and by key the last reading of those that were final.
// Units:  UTC microseconds. Fails: never. Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/bytes.h"
#include "pipeline/carried_reading.h"
#include "pipeline/counters.h"
#include "pipeline/grid.h"
#include "pipeline/options.h"
#include "pipeline/slot_bytes.h"
#include "pipeline/slot_store.h"
#include "pipeline/window_row.h"

namespace edgetide {

class TumblingWindows {
 public:
  using Word = AggregateLayout::Word;
  static constexpr WindowTraits traits = {
      .kind = WindowKind::tumbling,
      .name = "tumbling",
      .aligned = true,
      .fills = true,
      .step = [](const WindowOptions& options) { return options.size; },
      .longest = [](const WindowOptions& options) { return options.size; },
  };

  TumblingWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed);
  ~TumblingWindows();
  TumblingWindows(const TumblingWindows&) = delete;
  TumblingWindows& operator=(const TumblingWindows&) = delete;

  void reserve_keys(std::size_t count) {
    newest_.resize(std::max(newest_.size(), count));
    carried_.reserve_keys(count);
  }
  // The key, which has no windows, is given to something else.
  void forget_key(KeyId key) noexcept { carried_.forget(key); }

  Timestamp window_end(Timestamp start) const noexcept { return end_of(start); }
  // Of the windows that contain a time, the oldest and the newest start; the first start that is not before a time.
  Timestamp first_start(Timestamp event_time) const noexcept { return grid_.start_of(grid_.cell_of(event_time)); }
  Timestamp last_start(Timestamp event_time) const noexcept { return first_start(event_time); }
  Timestamp start_from(Timestamp time) const noexcept {
    const Timestamp start = first_start(time);
    return start == time ? start : end_of(start);
  }
  Timestamp last_end(Timestamp event_time) const noexcept { return end_of(grid_.start_of(grid_.cell_of(event_time))); }

  // Requires: room for the key.
  [[gnu::always_inline]] ReadingOutcome admit(KeyId key, Timestamp event_time, double value, Timestamp reached) {
    Header* const newest = newest_[index_of(key)];
    // Nearly always the right window: spares the division and the look-up.
    if (newest != nullptr && contains(newest->start, event_time)) [[likely]] {
      return add(*newest, newest->start + step_, event_time, value, reached);
    }
    return admit_elsewhere(key, event_time, value, reached);
  }

  // End + allowed_lateness of the newest window that was not emitted as final; earliest(): there is none.
  Timestamp newest_final_at(KeyId key) const noexcept;
  bool has_window(KeyId key, Timestamp start, bool /*is_final*/) const noexcept {
    return store_.find(key, start) != no_slot;
  }
  bool has_windows(KeyId key) const noexcept { return newest_start(key).has_value(); }
  // Of the windows that contain a time and are final, some row was perhaps not emitted as final yet.
  bool owes_row(KeyId key, Timestamp event_time) const noexcept {
    return store_.find(key, first_start(event_time)) != no_slot;
  }

  // Calls visit(span, state) for the newest window of a key that starts before a time, if there is one. Requires: a
  // firing is under way.
  template <typename Visit>
  void view_before(KeyId key, Timestamp time, Visit&& visit) const {
    if (const SlotLocation* const window = before(key, time)) {
      visit(AggregateSpan{window->start, end_of(window->start)}, store_.state(window->slot));
    }
  }
  // Of a reading (row_labels.h).
  Timestamp cell_start(Timestamp event_time) const noexcept { return first_start(event_time); }

  void count_due(std::span<const Timestamp> reached, RowsDue& due) const;
  void collect(const FiringContext& firing, std::vector<Candidate>& rows);
  // Behind `collect`, which has left them out.
  void collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows) const;
  void rank_again(bool is_shown) noexcept {
    store_.for_each([&](SlotId slot) { store_.header(slot).mark.rank_again(is_shown); });
  }
  RowMark& mark(const Candidate& row) noexcept { return store_.header(SlotId{row.handle}).mark; }
  const Word* state(const Candidate& row) const noexcept { return store_.state(SlotId{row.handle}); }
  // Of a window without readings. Requires: a firing is under way; the layout keeps the last reading.
  double filled(const Candidate& row, const Aggregate& aggregate) const;
  void finish(std::vector<Candidate>& rows);  // forgets the windows of final rows

  // The last reading of a key before `time`, where the windows of another definition start; and where such a reading
  // goes. Requires, of the second: no window before it is there.
  CarriedReading last_before(KeyId key, Timestamp time) const;
  void offer_carried(KeyId key, const CarriedReading& carried) noexcept {
    if (carried_.needed()) carried_.offer(key, carried);
  }

  std::size_t open_windows() const noexcept { return store_.size(); }
  // Calls visit(key, start, end) for every window with readings, until it is false.
  template <typename Visit>
  void view_windows(Visit&& visit) const {
    store_.any_of([&](SlotId slot) {
      const Header& window = store_.header(slot);
      return !visit(window.key, window.start, end_of(window.start));
    });
  }
  std::size_t memory_bytes() const noexcept;  // without what states own
  std::size_t owned_bytes() const { return layout_.owned_by_all(store_); }
  // What a reading would take at most, beside the slots that are there; 0: nothing, or it is dropped. `beside`: what a
  // window that opens takes elsewhere.
  std::size_t growth(KeyId key, Timestamp event_time, double value, Timestamp reached,
                     std::size_t beside) const noexcept;
  // Whatever the reading; and what a step of the stores may take beside that.
  std::size_t largest_growth() const noexcept { return store_.slot_bytes() + layout_.largest_growth(); }
  std::size_t largest_step() const noexcept { return store_.largest_step(); }
  std::size_t reserved_bytes() const noexcept { return 0; }  // that a firing will take
  static constexpr std::size_t bytes_by_key = sizeof(void*) + sizeof(CarriedReading);
  void shrink() { store_.shrink(); }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct Header {
    Timestamp start;
    KeyId key{0};
    RowMark mark;
  };
  static_assert(sizeof(Header) == 16);
  using Store = SlotStore<Header>;

  // The window has to be found, or is new. Apart, so that the usual case stays small.
  [[gnu::noinline]] ReadingOutcome admit_elsewhere(KeyId key, Timestamp event_time, double value, Timestamp reached);

  // One comparison: an earlier time wraps around to more than any size. Requires: no end of time cuts the window.
  bool contains(Timestamp start, Timestamp event_time) const noexcept {
    return static_cast<std::uint64_t>(event_time.count()) - static_cast<std::uint64_t>(start.count()) < even_step_;
  }
  bool is_cut(Timestamp start) const noexcept {
    return start == Timestamp::earliest() || end_of(start) == Timestamp::latest();
  }
  [[gnu::always_inline]] ReadingOutcome add(Header& header, Timestamp end, Timestamp event_time, double value,
                                            Timestamp reached) {
    if (reached >= end && end + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
    header.mark.changed = 1;
    layout_.add(Store::state_of(header), event_time, value);
    return reached < end ? ReadingOutcome::on_time : ReadingOutcome::late_accepted;
  }
  Timestamp end_of(Timestamp start) const noexcept {
    return grid_.even() && start != Timestamp::earliest() ? start + step_ : grid_.start_of(grid_.cell_of(start) + 1);
  }
  SlotId find_or_create(KeyId key, Timestamp start);
  std::optional<Timestamp> newest_start(KeyId key) const noexcept;  // of the windows that are there
  void carry_in();
  const SlotLocation* before(KeyId key, Timestamp time) const;  // null: there is none

  const Grid grid_;
  const Duration step_;
  const std::uint64_t even_step_;  // 0 where cells differ: then nothing is taken for granted
  const Duration allowed_lateness_;
  const AggregateLayout& layout_;
  Store store_;
  std::vector<Header*> newest_;  // by key: the newest window that was not emitted as final, or null
  bool any_cut_ = false;         // there was a window at an end of time; it is never among `newest_`
  CarriedReadings carried_;      // of the windows that were emitted as final
  // Of one firing, where what came before a window matters: all windows.
  mutable std::vector<SlotLocation> in_order_;
};

}  // namespace edgetide
