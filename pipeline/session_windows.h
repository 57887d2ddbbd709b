// The sessions of one definition: readings of a key that are no further than `gap` apart, [first, last + gap).
//
// A reading alone is a session [t, t + gap) that joins those it overlaps or touches, and is judged by the end of the
// joined session. A reading never joins a session that is final by the watermark, nor one behind a final session that
// it would have been in. The joined session goes on as the one that started where it starts; of the others, what was
// emitted before is retracted. So is a row that loses readings because its session is cut, before it is emitted again.
//
// A session that is longer than max_length is cut at the multiples of max_length. So that neither the order of arrival
// nor what was emitted before changes where, every session is kept in pieces from its beginning, one for each cell
// between two multiples that it has readings in. Nearly always that is one piece. The row of a session that is not cut
// is merged from its pieces, which are two at most; each piece of one that is cut has its own row.
//
// Owns:   the pieces, their aggregate states, and the retractions that wait for the next firing.
// Units:  UTC microseconds. Fails: never. Thread: one owner at a time.
// Cost:   a reading within the newest session of its key finds it at once; any other walks back to the session that is
//         over before it begins.
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

class SessionWindows {
 public:
  using Word = AggregateLayout::Word;
  static constexpr WindowTraits traits = {
      .kind = WindowKind::session,
      .name = "session",
      .grows = true,
      .longest = [](const WindowOptions& options) { return options.gap; },
      .behind_last = [](const WindowOptions& options) { return options.gap; },
  };

  SessionWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed);
  ~SessionWindows();
  SessionWindows(const SessionWindows&) = delete;
  SessionWindows& operator=(const SessionWindows&) = delete;

  void reserve_keys(std::size_t count) {
    newest_.resize(std::max(newest_.size(), count), no_slot);
    settled_.resize(newest_.size(), Timestamp::earliest());
  }
  // The key is given to something else.
  void forget_key(KeyId key) noexcept { settled_[index_of(key)] = Timestamp::earliest(); }
  // Sessions of the key whose last reading was then or earlier are final.
  void settle(KeyId key, Timestamp last_reading) noexcept {
    settled_[index_of(key)] = std::max(settled_[index_of(key)], last_reading);
  }

  // Nothing is carried from one window to another.
  CarriedReading last_before(KeyId /*key*/, Timestamp /*time*/) const noexcept { return {}; }
  void offer_carried(KeyId /*key*/, const CarriedReading& /*carried*/) noexcept {}

  // A reading starts its own.
  Timestamp first_start(Timestamp event_time) const noexcept { return event_time; }
  Timestamp last_start(Timestamp event_time) const noexcept { return event_time; }
  Timestamp start_from(Timestamp time) const noexcept { return time; }
  Timestamp last_end(Timestamp event_time) const noexcept { return event_time + gap_; }
  ReadingOutcome admit(KeyId key, Timestamp event_time, double value, Timestamp reached);
  // A reading of that time would join a session that is there, in a piece that starts before `end`.
  bool would_join(KeyId key, Timestamp event_time, Timestamp reached, Timestamp end) const {
    const SlotId piece = joining(key, event_time, reached).own;
    return piece != no_slot && store_.header(piece).start < end;
  }
  // A reading of that time is dropped.
  bool is_late(KeyId key, Timestamp event_time, Timestamp reached) const {
    return joining(key, event_time, reached).row_end + allowed_lateness_ <= reached;
  }

  // End + allowed_lateness of the newest session that may still be joined; earliest(): there is none.
  Timestamp newest_final_at(KeyId key) const noexcept;
  bool has_windows(KeyId key) const noexcept { return newest_[index_of(key)] != no_slot; }

  // Of a reading (row_labels.h). Readings of one cell are less than a gap apart.
  Timestamp cell_start(Timestamp event_time) const noexcept;
  // Calls visit(span, state) for the sessions that are final, with readings less than a gap before a time.
  template <typename Visit>
  void for_each_final(KeyId key, Timestamp event_time, Timestamp reached, Visit&& visit) const {
    for (SlotId slot = newest_[index_of(key)]; slot != no_slot; slot = store_.header(slot).older) {
      const Header& piece = store_.header(slot);
      if (session_end(piece) <= event_time) return;
      if (piece.part == rest || session_end(piece) + allowed_lateness_ > reached) continue;
      merged_of_ = no_slot;
      visit(AggregateSpan{piece.start, row_end(piece)}, state_of(slot));
    }
  }

  void count_due(std::span<const Timestamp> reached, RowsDue& due) const;
  void collect(const FiringContext& firing, std::vector<Candidate>& rows);
  // Behind `collect`, which has left them out.
  void collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows) const;
  void rank_again(bool is_shown) noexcept {
    store_.for_each([&](SlotId slot) {
      if (store_.header(slot).part != rest) store_.header(slot).mark.rank_again(is_shown);
    });
  }
  RowMark& mark(const Candidate& row) noexcept;
  // Until the next call: a row may be merged for it. Requires: the row is not retracted.
  const Word* state(const Candidate& row) const;
  void finish(std::vector<Candidate>& rows);

  std::size_t open_windows() const noexcept { return store_.size(); }
  // Calls visit(key, start, end) for every window with readings, until it is false.
  template <typename Visit>
  void view_windows(Visit&& visit) const {
    store_.any_of([&](SlotId slot) {
      const Header& piece = store_.header(slot);
      return piece.part != rest && !visit(piece.key, piece.start, row_end(piece));
    });
  }
  std::size_t memory_bytes() const noexcept;  // without what states own
  std::size_t owned_bytes() const { return layout_.owned_by_all(store_); }
  // What a reading would take at most, beside the slots that are there; 0: nothing, or it is dropped. `beside`: what a
  // window that opens takes elsewhere.
  std::size_t growth(KeyId key, Timestamp event_time, double value, Timestamp reached, std::size_t beside) const;
  // Whatever the reading; and what a step of the stores may take beside that.
  std::size_t largest_growth() const noexcept { return store_.slot_bytes() + layout_.largest_growth(); }
  std::size_t largest_step() const noexcept { return store_.largest_step() + heap_bytes(retractions_); }
  std::size_t reserved_bytes() const noexcept { return 0; }  // that a firing will take
  static constexpr std::size_t bytes_by_key = sizeof(SlotId) + sizeof(Timestamp);
  void shrink() { store_.shrink(); }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  // `part` of a piece, unless it is the slot of the rest of its session:
  static constexpr SlotId whole = no_slot;              // it is the session
  static constexpr SlotId cut{index_of(no_slot) - 1};   // of a session that is cut: it has its own row
  static constexpr SlotId rest{index_of(no_slot) - 2};  // the row of the piece before it has its readings too

  // A piece of a session.
  struct Header {
    Timestamp start;  // of the first reading
    Timestamp end;    // of the last reading, and the gap
    KeyId key{0};
    SlotId older = no_slot;  // the next piece of the key, by descending start
    RowMark mark;
    SlotId part = whole;
  };
  using Store = SlotStore<Header, SlotIndex::none>;
  struct Retraction {
    Timestamp start;
    Timestamp end;
    KeyId key;
    RowMark mark;
  };
  // What a reading would make of the sessions it touches, whose pieces are then `touched_`, the newest first.
  struct Joining {
    bool is_alone = true;
    bool is_cut = false;     // the joined session is
    SlotId own = no_slot;    // the oldest piece in the cell of the reading
    SlotId other = no_slot;  // a piece of the joined session in another cell
    Timestamp row_end;       // of the row that would have the reading
  };

  bool has_rest(const Header& piece) const noexcept { return piece.part < rest; }
  Timestamp cell_end(Timestamp time) const noexcept;
  Timestamp row_end(const Header& piece) const noexcept;
  const Word* state_of(SlotId slot) const;
  Timestamp session_end(const Header& piece) const noexcept;
  Joining joining(KeyId key, Timestamp event_time, Timestamp reached) const;
  Timestamp list_touched(KeyId key, Timestamp event_time, Timestamp reached) const;
  SlotId first_piece(SlotId slot) const noexcept;
  [[gnu::noinline]] ReadingOutcome admit_anywhere(KeyId key, Timestamp event_time, double value, Timestamp reached);
  SlotId open_piece(KeyId key, Timestamp start);
  SlotId place(KeyId key, Timestamp event_time, const Joining& joined);
  void cut_touched();
  void become_cut(SlotId slot);
  void make_one_session(SlotId a, SlotId b);
  void join(SlotId into, SlotId piece);
  void link(SlotId slot);
  void unlink(SlotId slot);
  void move_start(SlotId slot, Timestamp start);
  void retract(const Header& piece);
  void erase(SlotId slot);
  void erase_final(SlotId slot);

  const Duration gap_;
  const Duration max_length_;
  const Duration allowed_lateness_;
  const AggregateLayout& layout_;
  Store store_;
  std::vector<SlotId> newest_;      // by key: the piece with the latest start
  std::vector<Timestamp> settled_;  // by key: the last reading of a final session that is no longer here
  std::vector<Retraction> retractions_;

  // The cell of a reading that came lately; most are in the same.
  mutable Timestamp cell_start_;
  mutable Timestamp cell_end_;
  // Kept for their buffers.
  mutable std::vector<SlotId> touched_;
  mutable std::vector<Word> merged_;  // the state of the row of `merged_of_`
  mutable SlotId merged_of_ = no_slot;
};

}  // namespace edgetide
