#include "pipeline/session_windows.h"

#include "pipeline/slot_bytes.h"

namespace edgetide {

SessionWindows::SessionWindows(const WindowOptions& options, const AggregateLayout& layout)
    : gap_(options.gap),
      max_length_(options.max_length),
      allowed_lateness_(options.allowed_lateness),
      layout_(layout),
      store_(layout.words()) {}

SessionWindows::~SessionWindows() {
  if (layout_.owns_memory()) store_.for_each([&](std::uint32_t slot) { layout_.release(store_.state(slot)); });
}

bool SessionWindows::joins(const Header& session, Timestamp start, Timestamp end, Timestamp reached) const noexcept {
  return session.end + allowed_lateness_ > reached && session.start <= end && session.end >= start &&
         std::max(session.end, end) - std::min(session.start, start) <= max_length_;
}

// The sessions that may touch [start, end) or what it grows to, oldest first.
void SessionWindows::list_candidates(KeyId key, Timestamp start, Timestamp end, Timestamp reached) {
  candidates_.clear();
  for (std::uint32_t slot = newest_[index_of(key)]; slot != Store::none; slot = store_.header(slot).older) {
    const Header& session = store_.header(slot);
    if (session.end + allowed_lateness_ > reached && session.start <= end + max_length_) candidates_.push_back(slot);
    if (session.start + max_length_ < start) break;  // no older one reaches this far
  }
  std::reverse(candidates_.begin(), candidates_.end());
}

ReadingOutcome SessionWindows::admit(KeyId key, Timestamp event_time, double value, Timestamp reached) {
  const Timestamp own_end = event_time + gap_;
  if (own_end + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
  list_candidates(key, event_time, own_end, reached);
  Timestamp start = event_time;
  Timestamp end = own_end;
  std::uint32_t grown = Store::none;
  for (const std::uint32_t slot : candidates_) {
    const Header session = store_.header(slot);
    if (!joins(session, start, end, reached)) continue;
    start = std::min(start, session.start);
    end = std::max(end, session.end);
    if (grown == Store::none) {
      grown = slot;
    } else {
      join(grown, slot);
    }
  }
  if (grown == Store::none) grown = open_session(key, event_time);
  if (store_.header(grown).start != start) move_start(grown, start);
  store_.header(grown).end = end;
  store_.header(grown).mark.changed = 1;
  layout_.add(store_.state(grown), event_time, value);
  return reached < own_end ? ReadingOutcome::on_time : ReadingOutcome::late_accepted;
}

std::uint32_t SessionWindows::joined_by(KeyId key, Timestamp event_time, Timestamp reached) const noexcept {
  std::uint32_t slot = newest_[index_of(key)];
  while (slot != Store::none && !joins(store_.header(slot), event_time, event_time + gap_, reached)) {
    slot = store_.header(slot).older;
  }
  return slot;
}

std::uint32_t SessionWindows::open_session(KeyId key, Timestamp start) {
  const std::uint32_t slot = store_.create(key, start);
  layout_.clear(store_.state(slot));
  link(slot);
  return slot;
}

// Requires: `session` starts after `into`.
void SessionWindows::join(std::uint32_t into, std::uint32_t session) {
  layout_.merge(store_.state(into), store_.state(session));
  retract(store_.header(session));
  unlink(session);
  layout_.release(store_.state(session));
  store_.erase(session);
}

void SessionWindows::link(std::uint32_t slot) {
  Header& linked = store_.header(slot);
  std::uint32_t* link = &newest_[index_of(linked.key)];
  while (*link != Store::none && store_.header(*link).start > linked.start) link = &store_.header(*link).older;
  linked.older = *link;
  *link = slot;
}

void SessionWindows::unlink(std::uint32_t slot) {
  const Header& unlinked = store_.header(slot);
  std::uint32_t* link = &newest_[index_of(unlinked.key)];
  while (*link != slot) link = &store_.header(*link).older;
  *link = unlinked.older;
}

// The row under the old start is retracted; a new one begins.
void SessionWindows::move_start(std::uint32_t slot, Timestamp start) {
  unlink(slot);
  Header& moved = store_.header(slot);
  retract(moved);
  moved.start = start;
  moved.mark = RowMark{};
  link(slot);
}

void SessionWindows::retract(const Header& session) {
  if (session.mark.revision == 0) return;
  retractions_.push_back({session.start, session.end, session.key, session.mark});
}

Timestamp SessionWindows::newest_final_at(KeyId key) const noexcept {
  Timestamp newest = Timestamp::earliest();
  for (std::uint32_t slot = newest_[index_of(key)]; slot != Store::none; slot = store_.header(slot).older) {
    newest = std::max(newest, store_.header(slot).end + allowed_lateness_);
  }
  return newest;
}

void SessionWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  store_.for_each([&](std::uint32_t slot) {
    const Header& header = store_.header(slot);
    const RowState state = row_state(header.end, allowed_lateness_, firing.reached[index_of(header.key)]);
    const bool due = header.mark.is_due(state);
    if (!due && !firing.complete) return;
    rows.push_back({header.start, header.end, firing.ranks[index_of(header.key)], header.key, slot, state, due});
  });
  for (std::uint32_t i = 0; i < retractions_.size(); ++i) {
    const Retraction& gone = retractions_[i];
    rows.push_back({gone.start, gone.end, firing.ranks[index_of(gone.key)], gone.key, i, RowState::retracted, true});
  }
}

void SessionWindows::count_due(std::span<const Timestamp> reached, RowsDue& due) const {
  store_.for_each([&](std::uint32_t slot) {
    const Header& header = store_.header(slot);
    const RowState state = row_state(header.end, allowed_lateness_, reached[index_of(header.key)]);
    if (header.mark.is_due(state)) due.add(state);
  });
  due.all += retractions_.size();
}

RowMark& SessionWindows::mark(const Candidate& row) noexcept {
  if (row.state == RowState::retracted) return retractions_[row.handle].mark;
  return store_.header(row.handle).mark;
}

double SessionWindows::value(const Candidate& row, const Aggregate& aggregate) const noexcept {
  return layout_.value(store_.state(row.handle), aggregate, {row.start, row.end});
}

void SessionWindows::finish(std::vector<Candidate>& rows) {
  for (const Candidate& row : rows) {
    if (row.of != Candidate::Of::window || row.state != RowState::final) continue;
    unlink(row.handle);
    layout_.release(store_.state(row.handle));
    store_.erase(row.handle);
  }
  retractions_.clear();
}

std::size_t SessionWindows::memory_bytes() const noexcept {
  return store_.memory_bytes() + heap_bytes(newest_) + heap_bytes(retractions_);
}

// Sessions that are joined free one slot and may fill a list of retractions: that is not counted before.
bool SessionWindows::needs_room(KeyId key, Timestamp event_time, double value, Timestamp reached) const noexcept {
  if (event_time + gap_ + allowed_lateness_ <= reached) return false;
  const std::uint32_t slot = joined_by(key, event_time, reached);
  if (slot == Store::none) return store_.is_full() || layout_.owns_memory();
  return layout_.grows_with(store_.state(slot), value);
}

void SessionWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](std::uint32_t slot) {
    out.time(store_.header(slot).end);
    save_mark(out, store_.header(slot).mark);
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
  load_slots(in, newest_.size(), [&](KeyId key, Timestamp start) {
    const std::uint32_t slot = open_session(key, start);
    store_.header(slot).end = in.time();
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
  load_slots(in, newest_.size(), [&](KeyId key, Timestamp start) {
    const Timestamp end = in.time();
    retractions_.push_back({start, end, key, load_mark(in)});
  });
}

}  // namespace edgetide
