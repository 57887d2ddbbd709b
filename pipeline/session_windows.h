// The sessions of one definition: readings of a key that are no further than `gap` apart, [first, last + gap).
//
// A reading alone is a session [t, t + gap) that joins those it overlaps or touches, oldest first, as long as
// the whole is no longer than max_length. A reading never joins a session that is final by the watermark. The joined
// session goes on as the one that started where it starts; of the others, what was emitted before is retracted.
//
// Owns:   the sessions, their aggregate states, and the retractions that wait for the next firing.
// Units:  UTC microseconds. Fails: never. Thread: one owner at a time.
// Cost:   a reading walks the sessions of its key that are not final, newest first; nearly always one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

  SessionWindows(const WindowOptions& options, const AggregateLayout& layout);
  ~SessionWindows();
  SessionWindows(const SessionWindows&) = delete;
  SessionWindows& operator=(const SessionWindows&) = delete;

  void reserve_keys(std::size_t count) { newest_.resize(std::max(newest_.size(), count), Store::none); }

  // A reading starts its own.
  Timestamp first_start(Timestamp event_time) const noexcept { return event_time; }
  Timestamp last_start(Timestamp event_time) const noexcept { return event_time; }
  Timestamp start_from(Timestamp time) const noexcept { return time; }
  Timestamp last_end(Timestamp event_time) const noexcept { return event_time + gap_; }
  ReadingOutcome admit(KeyId key, Timestamp event_time, double value, Timestamp reached);
  // A reading of that time would join a session that is there.
  bool would_join(KeyId key, Timestamp event_time, Timestamp reached) const noexcept {
    return joined_by(key, event_time, reached) != Store::none;
  }

  // End + allowed_lateness of the newest session that was not emitted as final; earliest(): there is none.
  Timestamp newest_final_at(KeyId key) const noexcept;
  bool has_windows(KeyId key) const noexcept { return newest_[index_of(key)] != Store::none; }

  void count_due(std::span<const Timestamp> reached, RowsDue& due) const;
  void collect(const FiringContext& firing, std::vector<Candidate>& rows);
  RowMark& mark(const Candidate& row) noexcept;
  double value(const Candidate& row, const Aggregate& aggregate) const noexcept;
  void finish(std::vector<Candidate>& rows);

  std::size_t open_windows() const noexcept { return store_.size(); }
  // Calls visit(key, start, end) for every window with readings, until it is false.
  template <typename Visit>
  void view_windows(Visit&& visit) const {
    store_.any_of([&](std::uint32_t slot) {
      const Header& session = store_.header(slot);
      return !visit(session.key, session.start, session.end);
    });
  }
  std::size_t memory_bytes() const noexcept;  // without what states own
  std::size_t owned_bytes() const { return layout_.owned_by_all(store_); }
  // A reading would take memory that was not taken yet.
  bool needs_room(KeyId key, Timestamp event_time, double value, Timestamp reached) const noexcept;

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct Header {
    Timestamp start;
    Timestamp end;
    KeyId key{0};
    std::uint32_t older = FlatIndex::npos;  // the next session of the key, by descending start
    RowMark mark;
    std::uint32_t spare = 0;
  };
  using Store = SlotStore<Header, SlotIndex::none>;
  struct Retraction {
    Timestamp start;
    Timestamp end;
    KeyId key;
    RowMark mark;
  };

  std::uint32_t joined_by(KeyId key, Timestamp event_time, Timestamp reached) const noexcept;  // the newest, or none
  bool joins(const Header& session, Timestamp start, Timestamp end, Timestamp reached) const noexcept;
  void list_candidates(KeyId key, Timestamp start, Timestamp end, Timestamp reached);
  std::uint32_t open_session(KeyId key, Timestamp start);
  void join(std::uint32_t into, std::uint32_t session);
  void link(std::uint32_t slot);
  void unlink(std::uint32_t slot);
  void move_start(std::uint32_t slot, Timestamp start);
  void retract(const Header& session);

  const Duration gap_;
  const Duration max_length_;
  const Duration allowed_lateness_;
  const AggregateLayout& layout_;
  Store store_;
  std::vector<std::uint32_t> newest_;  // by key: the session with the latest start
  std::vector<Retraction> retractions_;
  std::vector<std::uint32_t> candidates_;  // kept for its buffer
};

}  // namespace edgetide
