#include "pipeline/tumbling_windows.h"

namespace edgetide {

TumblingWindows::TumblingWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed)
    : grid_(options.size, options.offset, options.time_zone),
      step_(options.size),
      even_step_(grid_.even() ? static_cast<std::uint64_t>(options.size.count()) : 0),
      allowed_lateness_(options.allowed_lateness),
      layout_(layout),
      store_(layout.words(), hash_seed),
      carried_(layout.keeps_last()) {}

TumblingWindows::~TumblingWindows() {
  if (layout_.owns_memory()) store_.for_each([&](SlotId slot) { layout_.release(store_.state(slot)); });
}

ReadingOutcome TumblingWindows::admit_elsewhere(KeyId key, Timestamp event_time, double value, Timestamp reached) {
  const Timestamp start = grid_.start_of(grid_.cell_of(event_time));
  const Timestamp end = end_of(start);
  if (end + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
  const SlotId slot = find_or_create(key, start);
  return add(store_.header(slot), end, event_time, value, reached);
}

SlotId TumblingWindows::find_or_create(KeyId key, Timestamp start) {
  SlotId slot = store_.find(key, start);
  if (slot != no_slot) return slot;
  slot = store_.create(key, start);
  layout_.clear(store_.state(slot));
  Header*& newest = newest_[index_of(key)];
  if (is_cut(start)) {
    any_cut_ = true;
  } else if (newest == nullptr || newest->start < start) {
    newest = &store_.header(slot);
  }
  return slot;
}

std::optional<Timestamp> TumblingWindows::newest_start(KeyId key) const noexcept {
  const Header* const newest = newest_[index_of(key)];
  if (any_cut_) [[unlikely]] {
    const Timestamp last = first_start(Timestamp::latest());
    if (store_.find(key, last) != no_slot) return last;
    if (newest == nullptr && store_.find(key, Timestamp::earliest()) != no_slot) return Timestamp::earliest();
  }
  return newest == nullptr ? std::nullopt : std::optional(newest->start);
}

Timestamp TumblingWindows::newest_final_at(KeyId key) const noexcept {
  const std::optional<Timestamp> newest = newest_start(key);
  return newest ? end_of(*newest) + allowed_lateness_ : Timestamp::earliest();
}

// What came before each window, from the oldest to the newest of each key. A window is changed where that has changed.
void TumblingWindows::carry_in() {
  CarriedReading carried;
  for (std::size_t i = 0; i < in_order_.size(); ++i) {
    const auto& [start, key, slot] = in_order_[i];
    if (i == 0 || key != in_order_[i - 1].key) carried = carried_.of(key);
    RowMark& mark = store_.header(slot).mark;
    if (layout_.carry_through(store_.state(slot), mark.changed, carried)) mark.changed = 1;
  }
}

void TumblingWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  if (layout_.keeps_last()) in_order_ = slots_in_order(store_);
  if (layout_.carries()) carry_in();
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    const Timestamp end = end_of(header.start);
    const RowState state = row_state(end, allowed_lateness_, firing.reached[index_of(header.key)]);
    const bool due = header.mark.is_due(state);
    if (!due && !firing.complete) return;
    firing.add(rows, {header.start, end, firing.ranks[index_of(header.key)], header.key, index_of(slot), state, due});
  });
}

void TumblingWindows::collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows) const {
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    const Timestamp end = end_of(header.start);
    const RowState state = row_state(end, allowed_lateness_, firing.reached[index_of(header.key)]);
    if (!firing.wants_unchanged(header.start) || header.mark.is_due(state)) return;
    rows.push_back({header.start, end, firing.ranks[index_of(header.key)], header.key, index_of(slot), state, false});
  });
}

void TumblingWindows::count_due(std::span<const Timestamp> reached, RowsDue& due) const {
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    const RowState state = row_state(end_of(header.start), allowed_lateness_, reached[index_of(header.key)]);
    if (header.mark.is_due(state)) due.add(state);
    // And perhaps the one after it.
    if (layout_.carries() && header.mark.changed && newest_[index_of(header.key)] != &header) ++due.all;
  });
}

CarriedReading TumblingWindows::last_before(KeyId key, Timestamp time) const {
  const std::optional<Timestamp> newest = newest_start(key);
  const bool is_there = newest && layout_.knows_last();
  CarriedReading last = carried_.needed() ? carried_.of(key) : CarriedReading();
  if (is_there) last = layout_.after(store_.state(store_.find(key, *newest)));
  return last.time < time ? last : CarriedReading();
}

const SlotLocation* TumblingWindows::before(KeyId key, Timestamp time) const {
  if (in_order_.empty()) in_order_ = slots_in_order(store_);
  const auto behind = std::partition_point(in_order_.begin(), in_order_.end(), [&](const SlotLocation& window) {
    return window.key != key ? window.key < key : window.start < time;
  });
  return behind != in_order_.begin() && (behind - 1)->key == key ? &*(behind - 1) : nullptr;
}

double TumblingWindows::filled(const Candidate& row, const Aggregate& aggregate) const {
  const SlotLocation* const window = before(row.key, row.start);
  const CarriedReading carried = window != nullptr ? layout_.after(store_.state(window->slot)) : carried_.of(row.key);
  return layout_.filled(aggregate, {row.start, row.end}, carried);
}

void TumblingWindows::finish(std::vector<Candidate>& rows) {
  for (const Candidate& row : rows) {
    if (row.of != Candidate::Of::window || row.state != RowState::final) continue;
    const SlotId slot{row.handle};
    if (newest_[index_of(row.key)] == &store_.header(slot))
      newest_[index_of(row.key)] = nullptr;  // all older windows are final too
    if (layout_.keeps_last()) carried_.set(row.key, layout_.after(store_.state(slot)));
    layout_.release(store_.state(slot));
    store_.erase(slot);
  }
  in_order_ = std::vector<SlotLocation>();
}

std::size_t TumblingWindows::memory_bytes() const noexcept {
  return store_.memory_bytes() + heap_bytes(newest_) + heap_bytes(in_order_) + carried_.memory_bytes();
}

std::size_t TumblingWindows::growth(KeyId key, Timestamp event_time, double value, Timestamp reached,
                                    std::size_t beside) const noexcept {
  const Timestamp start = first_start(event_time);
  if (end_of(start) + allowed_lateness_ <= reached) return 0;
  const SlotId slot = store_.find(key, start);
  if (slot == no_slot) return store_.growth(1) + layout_.growth(nullptr, value) + beside;
  return layout_.growth(store_.state(slot), value);
}

void TumblingWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](SlotId slot) {
    save_mark(out, store_.header(slot).mark);
    layout_.save(out, store_.state(slot));
  });
  carried_.save(out);
}

void TumblingWindows::load(ByteReader& in) {
  load_slots(in, newest_.size(), [&](KeyId key, Timestamp start) {
    in.require(store_.find(key, start) == no_slot && grid_.start_of(grid_.cell_of(start)) == start);
    if (!in.ok()) return;
    const SlotId slot = find_or_create(key, start);
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
  carried_.load(in);
}

}  // namespace edgetide
