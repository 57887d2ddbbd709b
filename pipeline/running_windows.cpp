#include "pipeline/running_windows.h"

#include "pipeline/slot_bytes.h"

namespace edgetide {

RunningWindows::~RunningWindows() {
  if (layout_.owns_memory()) store_.for_each([&](std::uint32_t slot) { layout_.release(store_.state(slot)); });
}

std::uint32_t RunningWindows::open_window(KeyId key, Timestamp start) {
  slots_[index_of(key)] = store_.create(key, start);
  layout_.clear(store_.state(slots_[index_of(key)]));
  return slots_[index_of(key)];
}

ReadingOutcome RunningWindows::admit(KeyId key, Timestamp event_time, double value, Timestamp /*reached*/) {
  const std::uint32_t slot = slots_[index_of(key)] != Store::none ? slots_[index_of(key)] : open_window(key, since_);
  store_.header(slot).mark.changed = 1;
  layout_.add(store_.state(slot), event_time, value);
  return ReadingOutcome::on_time;
}

void RunningWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  store_.for_each([&](std::uint32_t slot) {
    const Header& header = store_.header(slot);
    const bool due = header.mark.changed;
    if (!due && !firing.complete) return;
    rows.push_back(
        {header.start, Timestamp::latest(), firing.ranks[index_of(header.key)], header.key, slot, RowState::open, due});
  });
}

void RunningWindows::count_due(std::span<const Timestamp> /*reached*/, RowsDue& due) const {
  store_.for_each([&](std::uint32_t slot) {
    if (store_.header(slot).mark.changed) due.add(RowState::open);
  });
}

double RunningWindows::value(const Candidate& row, const Aggregate& aggregate) const noexcept {
  return layout_.value(store_.state(row.handle), aggregate, {row.start, row.end});
}

std::size_t RunningWindows::memory_bytes() const noexcept {
  return store_.memory_bytes() + heap_bytes(slots_);
}

bool RunningWindows::needs_room(KeyId key, Timestamp /*event_time*/, double value,
                                Timestamp /*reached*/) const noexcept {
  const std::uint32_t slot = slots_[index_of(key)];
  if (slot == Store::none) return store_.is_full() || layout_.owns_memory();
  return layout_.grows_with(store_.state(slot), value);
}

void RunningWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](std::uint32_t slot) {
    save_mark(out, store_.header(slot).mark);
    layout_.save(out, store_.state(slot));
  });
}

void RunningWindows::load(ByteReader& in) {
  load_slots(in, slots_.size(), [&](KeyId key, Timestamp start) {
    in.require(slots_[index_of(key)] == Store::none);
    if (!in.ok()) return;
    const std::uint32_t slot = open_window(key, start);
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
}

}  // namespace edgetide
