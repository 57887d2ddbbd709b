// What the window kinds share of their bytes: the mark of a row, slots in the order (key, start), and lists by key.
//
// Thread: pure. Fails: `load_...` leave a reader that is not ok for bytes that were never saved.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/time.h"
#include "pipeline/window_row.h"

namespace edgetide {

inline void save_mark(ByteWriter& out, RowMark mark) {
  const std::uint32_t revision = mark.revision;
  out.numbers(revision, static_cast<std::uint8_t>(mark.state | mark.changed << 2 | mark.ranked << 3));
}

inline RowMark load_mark(ByteReader& in) {
  RowMark mark;
  mark.revision = in.u32() & max_revision;
  const std::uint8_t bits = in.u8();
  mark.state = bits & 3U;
  mark.changed = (bits >> 2) & 1U;
  mark.ranked = (bits >> 3) & 1U;
  return mark;
}

struct SlotLocation {
  Timestamp start;
  KeyId key;
  SlotId slot;
};

// A counting sort by key: there may be a hundred thousand slots, of which few have the same key.
template <typename Store>
std::vector<SlotLocation> slots_in_order(const Store& store) {
  std::vector<std::uint32_t> ends;  // by key
  store.for_each([&](SlotId slot) {
    const std::uint32_t key = index_of(store.header(slot).key);
    if (key >= ends.size()) ends.resize(key + 1);
    ++ends[key];
  });
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<SlotLocation> slots(store.size());
  store.for_each([&](SlotId slot) {
    const auto& header = store.header(slot);
    slots[--ends[index_of(header.key)]] = {header.start, header.key, slot};
  });
  for (auto first = slots.begin(); first != slots.end();) {
    const auto last =
        std::find_if(first, slots.end(), [&](const SlotLocation& slot) { return slot.key != first->key; });
    std::sort(first, last, [](const SlotLocation& a, const SlotLocation& b) { return a.start < b.start; });
    first = last;
  }
  return slots;
}

// save_slot(slot) writes what follows key and start.
template <typename Store, typename SaveSlot>
void save_slots(ByteWriter& out, const Store& store, SaveSlot&& save_slot) {
  const std::vector<SlotLocation> slots = slots_in_order(store);
  out.u32(static_cast<std::uint32_t>(slots.size()));
  for (const SlotLocation& slot : slots) {
    out.numbers(index_of(slot.key), slot.start.count());
    save_slot(slot.slot);
  }
}

// load_slot(key, start) reads what follows them. Stops at the first damage.
template <typename LoadSlot>
void load_slots(ByteReader& in, std::size_t keys, LoadSlot&& load_slot) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 12)) return;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const KeyId key{in.u32()};
    const Timestamp start = in.time();
    in.require(index_of(key) < keys);
    if (in.ok()) load_slot(key, start);
  }
}

// How many of them were saved. There may be more by now: series that another definition is the first to compute.
inline std::size_t load_count(ByteReader& in, std::size_t present) {
  const std::uint32_t saved = in.u32();
  in.require(saved <= present);
  return in.ok() ? saved : 0;
}

inline void save_times(ByteWriter& out, const std::vector<Timestamp>& times) {
  out.u32(static_cast<std::uint32_t>(times.size()));
  for (const Timestamp time : times) out.time(time);
}

inline void load_times(ByteReader& in, std::vector<Timestamp>& times) {
  const std::size_t saved = load_count(in, times.size());
  for (std::size_t i = 0; i < saved; ++i) times[i] = in.time();
}

}  // namespace edgetide
