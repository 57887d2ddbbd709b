#include "pipeline/tumbling_windows.h"

#include "pipeline/slot_bytes.h"

namespace edgetide {

TumblingWindows::TumblingWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed)
    : grid_(options.size, options.offset, options.time_zone),
      step_(options.size),
      even_step_(grid_.even() ? static_cast<std::uint64_t>(options.size.count()) : 0),
      allowed_lateness_(options.allowed_lateness),
      layout_(layout),
      store_(layout.words(), hash_seed) {}

TumblingWindows::~TumblingWindows() {
  if (layout_.owns_memory()) store_.for_each([&](std::uint32_t slot) { layout_.release(store_.state(slot)); });
}

ReadingOutcome TumblingWindows::admit_elsewhere(KeyId key, Timestamp event_time, double value, Timestamp reached) {
  const Timestamp start = grid_.start_of(grid_.cell_of(event_time));
  const Timestamp end = end_of(start);
  if (end + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
  const std::uint32_t slot = find_or_create(key, start);
  return add(store_.header(slot), end, event_time, value, reached);
}

std::uint32_t TumblingWindows::find_or_create(KeyId key, Timestamp start) {
  std::uint32_t slot = store_.find(key, start);
  if (slot != Store::none) return slot;
  slot = store_.create(key, start);
  layout_.clear(store_.state(slot));
  Header*& newest = newest_[index_of(key)];
  if (newest == nullptr || newest->start < start) newest = &store_.header(slot);
  return slot;
}

Timestamp TumblingWindows::newest_final_at(KeyId key) const noexcept {
  const Header* const newest = newest_[index_of(key)];
  return newest == nullptr ? Timestamp::earliest() : end_of(newest->start) + allowed_lateness_;
}

void TumblingWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  store_.for_each([&](std::uint32_t slot) {
    const Header& header = store_.header(slot);
    const Timestamp end = end_of(header.start);
    const RowState state = row_state(end, allowed_lateness_, firing.reached[index_of(header.key)]);
    const bool due = header.mark.is_due(state);
    if (!due && !firing.complete) return;
    rows.push_back({header.start, end, firing.ranks[index_of(header.key)], header.key, slot, state, due});
  });
}

void TumblingWindows::count_due(std::span<const Timestamp> reached, RowsDue& due) const {
  store_.for_each([&](std::uint32_t slot) {
    const Header& header = store_.header(slot);
    const RowState state = row_state(end_of(header.start), allowed_lateness_, reached[index_of(header.key)]);
    if (header.mark.is_due(state)) due.add(state);
  });
}

double TumblingWindows::value(const Candidate& row, const Aggregate& aggregate) const noexcept {
  return layout_.value(store_.state(row.handle), aggregate, {row.start, row.end});
}

void TumblingWindows::finish(std::vector<Candidate>& rows) {
  for (const Candidate& row : rows) {
    if (row.of != Candidate::Of::window || row.state != RowState::final) continue;
    if (newest_[index_of(row.key)] == &store_.header(row.handle))
      newest_[index_of(row.key)] = nullptr;  // all older windows are final too
    layout_.release(store_.state(row.handle));
    store_.erase(row.handle);
  }
}

std::size_t TumblingWindows::memory_bytes() const noexcept {
  return store_.memory_bytes() + heap_bytes(newest_);
}

bool TumblingWindows::needs_room(KeyId key, Timestamp event_time, double value, Timestamp reached) const noexcept {
  const Timestamp start = first_start(event_time);
  if (end_of(start) + allowed_lateness_ <= reached) return false;
  const std::uint32_t slot = store_.find(key, start);
  if (slot == Store::none) return store_.is_full() || layout_.owns_memory();
  return layout_.grows_with(store_.state(slot), value);
}

void TumblingWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](std::uint32_t slot) {
    save_mark(out, store_.header(slot).mark);
    layout_.save(out, store_.state(slot));
  });
}

void TumblingWindows::load(ByteReader& in) {
  load_slots(in, newest_.size(), [&](KeyId key, Timestamp start) {
    in.require(store_.find(key, start) == Store::none && grid_.start_of(grid_.cell_of(start)) == start);
    if (!in.ok()) return;
    const std::uint32_t slot = find_or_create(key, start);
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
}

}  // namespace edgetide
