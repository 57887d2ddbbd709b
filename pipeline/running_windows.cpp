#include "pipeline/running_windows.h"

#include "pipeline/slot_bytes.h"

namespace edgetide {

RunningWindows::~RunningWindows() {
  if (layout_.owns_memory()) store_.for_each([&](SlotId slot) { layout_.release(store_.state(slot)); });
}

SlotId RunningWindows::open_window(KeyId key, Timestamp start) {
  slots_[index_of(key)] = store_.create(key, start);
  layout_.clear(store_.state(slots_[index_of(key)]));
  return slots_[index_of(key)];
}

ReadingOutcome RunningWindows::admit(KeyId key, Timestamp event_time, double value, Timestamp /*reached*/) {
  const SlotId slot = slots_[index_of(key)] != no_slot ? slots_[index_of(key)] : open_window(key, since_);
  store_.header(slot).mark.changed = 1;
  layout_.add(store_.state(slot), event_time, value);
  return ReadingOutcome::on_time;
}

void RunningWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    const bool due = header.mark.changed;
    if (!due && !firing.complete) return;
    firing.add(rows, {header.start, Timestamp::latest(), firing.ranks[index_of(header.key)], header.key, index_of(slot),
                      RowState::open, due});
  });
}

void RunningWindows::collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows) const {
  store_.for_each([&](SlotId slot) {
    const Header& header = store_.header(slot);
    if (!firing.wants_unchanged(header.start) || header.mark.changed) return;
    rows.push_back({header.start, Timestamp::latest(), firing.ranks[index_of(header.key)], header.key, index_of(slot),
                    RowState::open, false});
  });
}

void RunningWindows::count_due(std::span<const Timestamp> /*reached*/, RowsDue& due) const {
  store_.for_each([&](SlotId slot) {
    if (store_.header(slot).mark.changed) due.add(RowState::open);
  });
}

std::size_t RunningWindows::memory_bytes() const noexcept {
  return store_.memory_bytes() + heap_bytes(slots_);
}

std::size_t RunningWindows::growth(KeyId key, Timestamp /*event_time*/, double value, Timestamp /*reached*/,
                                   std::size_t beside) const noexcept {
  const SlotId slot = slots_[index_of(key)];
  if (slot == no_slot) return store_.growth(1) + layout_.growth(nullptr, value) + beside;
  return layout_.growth(store_.state(slot), value);
}

void RunningWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](SlotId slot) {
    save_mark(out, store_.header(slot).mark);
    layout_.save(out, store_.state(slot));
  });
}

void RunningWindows::load(ByteReader& in) {
  load_slots(in, slots_.size(), [&](KeyId key, Timestamp start) {
    in.require(slots_[index_of(key)] == no_slot);
    if (!in.ok()) return;
    const SlotId slot = open_window(key, start);
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
}

}  // namespace edgetide
