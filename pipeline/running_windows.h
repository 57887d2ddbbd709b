// The running windows of one definition: one for all time per key, never closed: totals since the start.
//
// Owns:   the windows and their aggregate states; they stay as long as the key does.
// Fails:  never. Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/aggregate.h"
#include "pipeline/bytes.h"
#include "pipeline/counters.h"
#include "pipeline/options.h"
#include "pipeline/slot_store.h"
#include "pipeline/window_row.h"

namespace edgetide {

class RunningWindows {
 public:
  using Word = AggregateLayout::Word;
  static constexpr WindowTraits traits = {
      .kind = WindowKind::running,
      .name = "running",
      .endless = true,
      .longest = [](const WindowOptions& /*options*/) { return Duration(); },
  };

  RunningWindows(const WindowOptions& /*options*/, const AggregateLayout& layout, std::uint64_t /*hash_seed*/)
      : layout_(layout), store_(layout.words()) {}
  ~RunningWindows();
  RunningWindows(const RunningWindows&) = delete;
  RunningWindows& operator=(const RunningWindows&) = delete;

  void reserve_keys(std::size_t count) { slots_.resize(std::max(slots_.size(), count), no_slot); }
  void forget_key(KeyId /*key*/) noexcept {}  // nothing is kept of one without windows

  // Nothing is carried from one window to another.
  CarriedReading last_before(KeyId /*key*/, Timestamp /*time*/) const noexcept { return {}; }
  void offer_carried(KeyId /*key*/, const CarriedReading& /*carried*/) noexcept {}

  // A reading starts its own.
  Timestamp first_start(Timestamp event_time) const noexcept { return event_time; }
  Timestamp last_start(Timestamp event_time) const noexcept { return event_time; }
  Timestamp start_from(Timestamp time) const noexcept { return time; }
  Timestamp last_end(Timestamp /*event_time*/) const noexcept { return Timestamp::latest(); }
  // Windows that are opened from now on count since then, and say so by their start.
  void begin(Timestamp since) noexcept { since_ = since; }

  ReadingOutcome admit(KeyId key, Timestamp event_time, double value, Timestamp reached);

  // There is no end that idleness could bring nearer.
  Timestamp newest_final_at(KeyId /*key*/) const noexcept { return Timestamp::earliest(); }
  bool has_windows(KeyId key) const noexcept { return slots_[index_of(key)] != no_slot; }

  // Of a reading (row_labels.h).
  Timestamp cell_start(Timestamp /*event_time*/) const noexcept { return Timestamp::earliest(); }

  void count_due(std::span<const Timestamp> reached, RowsDue& due) const;
  void collect(const FiringContext& firing, std::vector<Candidate>& rows);
  // Behind `collect`, which has left them out.
  void collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows) const;
  void rank_again(bool is_shown) noexcept {
    store_.for_each([&](SlotId slot) { store_.header(slot).mark.rank_again(is_shown); });
  }
  RowMark& mark(const Candidate& row) noexcept { return store_.header(SlotId{row.handle}).mark; }
  const Word* state(const Candidate& row) const noexcept { return store_.state(SlotId{row.handle}); }
  void finish(std::vector<Candidate>& /*rows*/) {}

  // Rows that were not emitted yet.
  bool has_changes() const noexcept {
    return store_.any_of([&](SlotId slot) { return store_.header(slot).mark.changed != 0; });
  }
  std::size_t open_windows() const noexcept { return store_.size(); }
  // Calls visit(key, start, end) for every window with readings, until it is false.
  template <typename Visit>
  void view_windows(Visit&& visit) const {
    store_.any_of([&](SlotId slot) {
      const Header& window = store_.header(slot);
      return !visit(window.key, window.start, Timestamp::latest());
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
  static constexpr std::size_t bytes_by_key = sizeof(SlotId);
  void shrink() { store_.shrink(); }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct Header {
    Timestamp start;
    KeyId key{0};
    RowMark mark;
  };
  using Store = SlotStore<Header, SlotIndex::none>;

  SlotId open_window(KeyId key, Timestamp start);

  const AggregateLayout& layout_;
  Store store_;
  std::vector<SlotId> slots_;  // by key
  Timestamp since_;            // 1970: since the beginning
};

}  // namespace edgetide
