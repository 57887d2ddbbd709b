#include "pipeline/session_windows.h"

#include "pipeline/floor_divide.h"
#include "pipeline/slot_bytes.h"

namespace edgetide {

SessionWindows::SessionWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t /*hash_seed*/)
    : gap_(options.gap),
      max_length_(options.max_length),
      allowed_lateness_(options.allowed_lateness),
      layout_(layout),
      store_(layout.words()),
      merged_(layout.words()) {
  layout_.clear(merged_.data());
}

SessionWindows::~SessionWindows() {
  if (!layout_.owns_memory()) return;
  store_.for_each([&](SlotId slot) { layout_.release(store_.state(slot)); });
  layout_.release(merged_.data());
}

// ---- pieces

inline Timestamp SessionWindows::cell_end(Timestamp time) const noexcept {
  if (time >= cell_start_ && time < cell_end_) return cell_end_;
  const std::int64_t cell = floor_divide(time.count(), max_length_.count());
  cell_start_ = Timestamp::microseconds(detail::saturating_mul(cell, max_length_.count()));
  return cell_end_ = cell_start_ + max_length_;
}

// Readings of one are less than a gap apart, and in one piece.
Timestamp SessionWindows::cell_start(Timestamp event_time) const noexcept {
  const std::int64_t cell = floor_divide(event_time.count(), gap_.count());
  return std::max(Timestamp::microseconds(detail::saturating_mul(cell, gap_.count())),
                  cell_end(event_time) - max_length_);
}

Timestamp SessionWindows::row_end(const Header& piece) const noexcept {
  if (piece.part == cut) return std::min(piece.end, cell_end(piece.start));
  return session_end(piece);
}

// Until when a reading touches it.
Timestamp SessionWindows::session_end(const Header& piece) const noexcept {
  return has_rest(piece) ? store_.header(piece.part).end : piece.end;
}

// Of its session: the piece itself, or the one before it.
SlotId SessionWindows::first_piece(SlotId slot) const noexcept {
  if (store_.header(slot).part != rest) return slot;
  SlotId first = store_.header(slot).older;
  while (store_.header(first).part != slot) first = store_.header(first).older;
  return first;
}

// The pieces that [t, t + gap) overlaps or touches, without those that are final. Returns the last reading of these.
Timestamp SessionWindows::list_touched(KeyId key, Timestamp event_time, Timestamp reached) const {
  touched_.clear();
  Timestamp settled = settled_[index_of(key)];
  for (SlotId slot = newest_[index_of(key)]; slot != no_slot; slot = store_.header(slot).older) {
    const Header& piece = store_.header(slot);
    if (session_end(piece) + allowed_lateness_ <= reached) {
      settled = std::max(settled, piece.end - gap_);
    } else if (piece.end < event_time) {
      break;  // older ones ended before this one began
    } else if (piece.start <= event_time + gap_) {
      touched_.push_back(slot);
    }
  }
  return settled;
}

SessionWindows::Joining SessionWindows::joining(KeyId key, Timestamp event_time, Timestamp reached) const {
  const Timestamp settled = list_touched(key, event_time, reached);
  Joining joined;
  joined.is_alone = touched_.empty();
  const Timestamp cell = cell_end(event_time);
  Timestamp start = event_time;
  Timestamp end = event_time + gap_;
  Timestamp own_end = end;
  for (const SlotId slot : touched_) {
    const Header& piece = store_.header(slot);
    const SlotId first = first_piece(slot);
    const Header& first_of_session = store_.header(first);
    joined.is_cut = joined.is_cut || piece.part == cut;
    start = std::min(start, first_of_session.start);
    end = std::max(end, session_end(first_of_session));
    if (cell_end(piece.start) == cell) {
      joined.own = slot;
      own_end = std::max(own_end, piece.end);
    } else {
      joined.other = slot;
    }
    if (has_rest(piece) && cell_end(store_.header(piece.part).start) != cell) joined.other = piece.part;
    if (first != slot && cell_end(first_of_session.start) != cell) joined.other = first;
  }
  joined.is_cut = joined.is_cut || end - start > max_length_;
  joined.row_end = event_time <= settled ? Timestamp::earliest() : joined.is_cut ? std::min(own_end, cell) : end;
  return joined;
}

// ---- readings

// Nearly every reading is in the session that the newest piece of its key is, and in the same cell.
ReadingOutcome SessionWindows::admit(KeyId key, Timestamp event_time, double value, Timestamp reached) {
  const SlotId slot = newest_[index_of(key)];
  if (slot == no_slot) return admit_anywhere(key, event_time, value, reached);
  Header& piece = store_.header(slot);
  const Timestamp cell = cell_end(piece.start);
  const Timestamp end = std::max(piece.end, event_time + gap_);
  const bool is_within = event_time >= piece.start && event_time <= piece.end && event_time < cell &&
                         reached < piece.end + allowed_lateness_;
  const bool stays = piece.part == cut || (piece.part == whole && end - piece.start <= max_length_);
  if (!is_within || !stays) return admit_anywhere(key, event_time, value, reached);
  const Timestamp row_end = piece.part == cut ? std::min(end, cell) : end;
  if (row_end + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
  piece.end = end;
  piece.mark.changed = 1;
  layout_.add(Store::state_of(piece), event_time, value);
  return reached < row_end ? ReadingOutcome::on_time : ReadingOutcome::late_accepted;
}

ReadingOutcome SessionWindows::admit_anywhere(KeyId key, Timestamp event_time, double value, Timestamp reached) {
  const Joining joined = joining(key, event_time, reached);
  if (joined.row_end + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
  if (joined.is_cut) cut_touched();
  const SlotId own = place(key, event_time, joined);
  store_.header(own).mark.changed = 1;
  if (joined.is_cut) {
    store_.header(own).part = cut;
  } else if (joined.other != no_slot) {
    make_one_session(own, joined.other);
  } else {
    store_.header(own).part = whole;
  }
  layout_.add(store_.state(own), event_time, value);
  return reached < joined.row_end ? ReadingOutcome::on_time : ReadingOutcome::late_accepted;
}

// The piece that takes the reading: a new one, or the oldest in its cell, which those that it touches there join.
SlotId SessionWindows::place(KeyId key, Timestamp event_time, const Joining& joined) {
  if (joined.own == no_slot) {
    const SlotId slot = open_piece(key, event_time);
    store_.header(slot).end = event_time + gap_;
    return slot;
  }
  const Timestamp cell = cell_end(event_time);
  for (std::size_t i = touched_.size(); i-- > 0;) {  // the oldest first
    const SlotId slot = touched_[i];
    if (slot != joined.own && cell_end(store_.header(slot).start) == cell) join(joined.own, slot);
  }
  if (event_time < store_.header(joined.own).start) move_start(joined.own, event_time);
  Header& own = store_.header(joined.own);
  own.end = std::max(own.end, event_time + gap_);
  return joined.own;
}

void SessionWindows::cut_touched() {
  for (const SlotId slot : touched_) {
    const SlotId first = first_piece(slot);
    if (has_rest(store_.header(first))) become_cut(store_.header(first).part);
    become_cut(first);
  }
}

// Its row changes, or is new, unless the session had only this piece and ended in its cell. A row that loses readings
// to the next piece is retracted before it comes again: a store keeps a row of more readings.
void SessionWindows::become_cut(SlotId slot) {
  Header& piece = store_.header(slot);
  if (piece.part == cut) return;
  if (has_rest(piece)) {
    retract(piece);
    piece.mark.retract();
  }
  if (piece.part != whole || piece.end > cell_end(piece.start)) piece.mark.changed = 1;
  piece.part = cut;
}

// The row under the start of the newer one is retracted.
void SessionWindows::make_one_session(SlotId a, SlotId b) {
  const bool a_is_first = store_.header(a).start < store_.header(b).start;
  Header& first = store_.header(a_is_first ? a : b);
  Header& second = store_.header(a_is_first ? b : a);
  retract(second);
  second.mark = RowMark{};
  second.part = rest;
  first.mark.changed = 1;
  first.part = a_is_first ? b : a;
}

SlotId SessionWindows::open_piece(KeyId key, Timestamp start) {
  const SlotId slot = store_.create(key, start);
  layout_.clear(store_.state(slot));
  link(slot);
  return slot;
}

// Requires: `piece` starts after `into`.
void SessionWindows::join(SlotId into, SlotId piece) {
  layout_.merge(store_.state(into), store_.state(piece));
  store_.header(into).end = std::max(store_.header(into).end, store_.header(piece).end);
  retract(store_.header(piece));
  erase(piece);
}

void SessionWindows::erase(SlotId slot) {
  unlink(slot);
  layout_.release(store_.state(slot));
  store_.erase(slot);
}

void SessionWindows::link(SlotId slot) {
  Header& linked = store_.header(slot);
  SlotId* link = &newest_[index_of(linked.key)];
  while (*link != no_slot && store_.header(*link).start > linked.start) link = &store_.header(*link).older;
  linked.older = *link;
  *link = slot;
}

void SessionWindows::unlink(SlotId slot) {
  const Header& unlinked = store_.header(slot);
  SlotId* link = &newest_[index_of(unlinked.key)];
  while (*link != slot) link = &store_.header(*link).older;
  *link = unlinked.older;
}

// The row under the old start is retracted; a new one begins.
void SessionWindows::move_start(SlotId slot, Timestamp start) {
  unlink(slot);
  Header& moved = store_.header(slot);
  retract(moved);
  moved.start = start;
  moved.mark = RowMark{};
  link(slot);
}

void SessionWindows::retract(const Header& piece) {
  if (!piece.mark.is_shown()) return;
  retractions_.push_back({piece.start, row_end(piece), piece.key, piece.mark});
}

void SessionWindows::erase_final(SlotId slot) {
  settle(store_.header(slot).key, store_.header(slot).end - gap_);
  erase(slot);
}

// ---- rows

Timestamp SessionWindows::newest_final_at(KeyId key) const noexcept {
  Timestamp newest = Timestamp::earliest();
  for (SlotId slot = newest_[index_of(key)]; slot != no_slot; slot = store_.header(slot).older) {
    newest = std::max(newest, store_.header(slot).end + allowed_lateness_);
  }
  return newest;
}

// The last piece of a session that was cut may end before a reading could no longer have touched it: until then it is
// kept after its final row, so that it is not made again.
void SessionWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  merged_of_ = no_slot;
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    if (header.part == rest) return;
    const Timestamp reached = firing.reached[index_of(header.key)];
    const Timestamp end = row_end(header);
    const RowState state = row_state(end, allowed_lateness_, reached);
    const bool due = header.mark.is_due(state);
    if (!due && state == RowState::final) {
      if (header.end + allowed_lateness_ <= reached) erase_final(slot);
      return;
    }
    if (!due && !firing.complete) return;
    firing.add(rows, {header.start, end, firing.ranks[index_of(header.key)], header.key, index_of(slot), state, due});
  });
  for (std::uint32_t i = 0; i < retractions_.size(); ++i) {
    const Retraction& gone = retractions_[i];
    rows.push_back({gone.start, gone.end, firing.ranks[index_of(gone.key)], gone.key, i, RowState::retracted, true});
  }
}

void SessionWindows::collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows) const {
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    if (header.part == rest || !firing.wants_unchanged(header.start)) return;
    const Timestamp end = row_end(header);
    const RowState state = row_state(end, allowed_lateness_, firing.reached[index_of(header.key)]);
    if (header.mark.is_due(state) || state == RowState::final) return;
    rows.push_back({header.start, end, firing.ranks[index_of(header.key)], header.key, index_of(slot), state, false});
  });
}

void SessionWindows::count_due(std::span<const Timestamp> reached, RowsDue& due) const {
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    if (header.part == rest) return;
    const RowState state = row_state(row_end(header), allowed_lateness_, reached[index_of(header.key)]);
    if (header.mark.is_due(state)) due.add(state);
  });
  due.all += retractions_.size();
}

RowMark& SessionWindows::mark(const Candidate& row) noexcept {
  if (row.state == RowState::retracted) return retractions_[row.handle].mark;
  return store_.header(SlotId{row.handle}).mark;
}

const SessionWindows::Word* SessionWindows::state(const Candidate& row) const {
  return state_of(SlotId{row.handle});
}

const SessionWindows::Word* SessionWindows::state_of(SlotId slot) const {
  const SlotId second = store_.header(slot).part;
  if (second >= rest) return store_.state(slot);
  if (merged_of_ == slot) return merged_.data();
  layout_.release(merged_.data());
  layout_.clear(merged_.data());
  layout_.merge(merged_.data(), store_.state(slot));
  layout_.merge(merged_.data(), store_.state(second));
  merged_of_ = slot;
  return merged_.data();
}

void SessionWindows::finish(std::vector<Candidate>& rows) {
  for (const Candidate& row : rows) {
    if (row.of != Candidate::Of::window || row.state != RowState::final) continue;
    const SlotId slot{row.handle};
    const Header& header = store_.header(slot);
    if (header.part == cut && header.end > row.end) continue;
    if (has_rest(header)) erase_final(header.part);
    erase_final(slot);
  }
  release_if_large(retractions_);
  retractions_.clear();
}

std::size_t SessionWindows::memory_bytes() const noexcept {
  return store_.memory_bytes() + heap_bytes(newest_) + heap_bytes(settled_) + heap_bytes(retractions_) +
         heap_bytes(touched_) + heap_bytes(merged_);
}

// Sessions that it joins, or one that starts earlier with it, leave rows to be retracted. What their aggregates own is
// not more together than it was apart, about.
std::size_t SessionWindows::growth(KeyId key, Timestamp event_time, double value, Timestamp reached,
                                   std::size_t beside) const {
  const Joining joined = joining(key, event_time, reached);
  if (joined.row_end + allowed_lateness_ <= reached) return 0;
  if (joined.own == no_slot)
    return heap_growth(retractions_) + store_.growth(1) + layout_.growth(nullptr, value) + beside;
  const bool retracts = touched_.size() > 1 || event_time < store_.header(joined.own).start || joined.is_cut;
  return (retracts ? heap_growth(retractions_) + beside : 0) + layout_.growth(store_.state(joined.own), value);
}

// ---- bytes

namespace {
enum class SavedPart : std::uint8_t { whole, cut, first, rest };
}

void SessionWindows::save(ByteWriter& out) const {
  save_times(out, settled_);
  save_slots(out, store_, [&](SlotId slot) {
    const Header& piece = store_.header(slot);
    const auto part = piece.part == whole  ? SavedPart::whole
                      : piece.part == cut  ? SavedPart::cut
                      : piece.part == rest ? SavedPart::rest
                                           : SavedPart::first;
    out.time(piece.end);
    out.u8(static_cast<std::uint8_t>(part));
    save_mark(out, piece.mark);
    layout_.save(out, store_.state(slot));
  });
  out.u32(static_cast<std::uint32_t>(retractions_.size()));
  for (const Retraction& gone : retractions_) {
    out.u32(index_of(gone.key));
    out.time(gone.start);
    out.time(gone.end);
    save_mark(out, gone.mark);
  }
}

void SessionWindows::load(ByteReader& in) {
  load_times(in, settled_);
  load_slots(in, newest_.size(), [&](KeyId key, Timestamp start) {
    const SlotId slot = open_piece(key, start);
    Header& piece = store_.header(slot);
    piece.end = in.time();
    const std::uint8_t part = in.u8();
    in.require(part <= static_cast<std::uint8_t>(SavedPart::rest));
    if (part == static_cast<std::uint8_t>(SavedPart::cut)) piece.part = cut;
    if (part == static_cast<std::uint8_t>(SavedPart::rest)) {
      in.require(piece.older != no_slot && store_.header(piece.older).part == whole);
      if (!in.ok()) return;
      piece.part = rest;
      store_.header(piece.older).part = slot;
    }
    piece.mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
  load_slots(in, newest_.size(), [&](KeyId key, Timestamp start) {
    const Timestamp end = in.time();
    retractions_.push_back({start, end, key, load_mark(in)});
  });
}

}  // namespace edgetide
