// The state of window definitions to bytes and back. What is kept in slots is written in order (key, start).
#include <algorithm>
#include <numeric>

#include "pipeline/window_definition.h"

namespace edgetide {

namespace {

void save_mark(ByteWriter& out, RowMark mark) {
  const std::uint32_t revision = mark.revision;
  out.numbers(revision, static_cast<std::uint8_t>(mark.state | mark.changed << 2));
}

RowMark load_mark(ByteReader& in) {
  RowMark mark;
  mark.revision = in.u32() & max_revision;
  const std::uint8_t bits = in.u8();
  mark.state = bits & 3U;
  mark.changed = (bits >> 2) & 1U;
  return mark;
}

struct SlotLocation {
  Timestamp start;
  std::uint32_t key;
  std::uint32_t slot;
};

// A counting sort by key: there may be a hundred thousand slots, of which few have the same key.
template <typename Store>
std::vector<SlotLocation> slots_in_order(const Store& store) {
  std::vector<std::uint32_t> ends;  // by key
  store.for_each([&](std::uint32_t slot) {
    const std::uint32_t key = store.header(slot).key;
    if (key >= ends.size()) ends.resize(key + 1);
    ++ends[key];
  });
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<SlotLocation> slots(store.size());
  store.for_each([&](std::uint32_t slot) {
    const auto& header = store.header(slot);
    slots[--ends[header.key]] = {header.start, header.key, slot};
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
    out.numbers(slot.key, slot.start.count());
    save_slot(slot.slot);
  }
}

// load_slot(key, start) reads what follows them. Stops at the first damage.
template <typename LoadSlot>
void load_slots(ByteReader& in, std::size_t keys, LoadSlot&& load_slot) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 12)) return;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const std::uint32_t key = in.u32();
    const Timestamp start = in.time();
    in.require(key < keys);
    if (in.ok()) load_slot(key, start);
  }
}

// How many of them were saved. There may be more by now: series that another definition is the first to compute.
std::size_t load_count(ByteReader& in, std::size_t present) {
  const std::uint32_t saved = in.u32();
  in.require(saved <= present);
  return in.ok() ? saved : 0;
}

void save_times(ByteWriter& out, const std::vector<Timestamp>& times) {
  out.u32(static_cast<std::uint32_t>(times.size()));
  for (const Timestamp time : times) out.time(time);
}

void load_times(ByteReader& in, std::vector<Timestamp>& times) {
  const std::size_t saved = load_count(in, times.size());
  for (std::size_t i = 0; i < saved; ++i) times[i] = in.time();
}

}  // namespace

void TumblingWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](std::uint32_t slot) {
    save_mark(out, store_.header(slot).mark);
    layout_.save(out, store_.state(slot));
  });
}

void TumblingWindows::load(ByteReader& in) {
  load_slots(in, newest_.size(), [&](std::uint32_t key, Timestamp start) {
    in.require(store_.find(key, start) == Store::none && grid_.start_of(grid_.cell_of(start)) == start);
    if (!in.ok()) return;
    const std::uint32_t slot = find_or_create(key, start);
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
}

void SlidingWindows::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const Key& key : keys_) {
    out.time(key.sealed_upto);
    out.time(key.fired_at);
    out.u8(static_cast<std::uint8_t>(key.changed));
  }
  save_slots(out, panes_, [&](std::uint32_t slot) {
    out.u8(static_cast<std::uint8_t>(panes_.header(slot).changed));
    layout_.save(out, panes_.state(slot));
  });
  save_slots(out, marks_, [&](std::uint32_t slot) { save_mark(out, marks_.header(slot).mark); });
  save_slots(out, sealed_, [&](std::uint32_t slot) {
    save_mark(out, sealed_.header(slot).mark);
    layout_.save(out, sealed_.state(slot));
  });
}

void SlidingWindows::load(ByteReader& in) {
  const std::size_t saved = load_count(in, keys_.size());
  for (std::size_t i = 0; in.ok() && i < saved; ++i) {
    keys_[i].sealed_upto = in.time();
    keys_[i].fired_at = in.time();
    keys_[i].changed = in.u8() & 1U;
  }
  load_slots(in, keys_.size(), [&](std::uint32_t key, Timestamp start) {
    in.require(panes_.find(key, start) == Panes::none && grid_.start_of(grid_.cell_of(start)) == start);
    if (!in.ok()) return;
    const std::uint32_t slot = find_or_create(key, start);
    panes_.header(slot).changed = in.u8() & 1U;
    in.require(layout_.load(in, panes_.state(slot)));
  });
  load_slots(in, keys_.size(), [&](std::uint32_t key, Timestamp start) {
    in.require(marks_.find(key, start) == Marks::none);
    if (in.ok()) marks_.header(marks_.create(key, start)).mark = load_mark(in);
  });
  load_slots(in, keys_.size(), [&](std::uint32_t key, Timestamp start) {
    in.require(sealed_.find(key, start) == Marks::none);
    if (!in.ok()) return;
    const std::uint32_t slot = sealed_.create(key, start);
    ++keys_[key].sealed;
    sealed_.header(slot).mark = load_mark(in);
    layout_.clear(sealed_.state(slot));
    in.require(layout_.load(in, sealed_.state(slot)));
  });
}

void SessionWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](std::uint32_t slot) {
    out.time(store_.header(slot).end);
    save_mark(out, store_.header(slot).mark);
    layout_.save(out, store_.state(slot));
  });
  out.u32(static_cast<std::uint32_t>(retractions_.size()));
  for (const Retraction& gone : retractions_) {
    out.u32(gone.key);
    out.time(gone.start);
    out.time(gone.end);
    save_mark(out, gone.mark);
  }
}

void SessionWindows::load(ByteReader& in) {
  load_slots(in, newest_.size(), [&](std::uint32_t key, Timestamp start) {
    const std::uint32_t slot = open_session(key, start);
    store_.header(slot).end = in.time();
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
  load_slots(in, newest_.size(), [&](std::uint32_t key, Timestamp start) {
    const Timestamp end = in.time();
    retractions_.push_back({start, end, key, load_mark(in)});
  });
}

void RunningWindows::save(ByteWriter& out) const {
  save_slots(out, store_, [&](std::uint32_t slot) {
    save_mark(out, store_.header(slot).mark);
    layout_.save(out, store_.state(slot));
  });
}

void RunningWindows::load(ByteReader& in) {
  load_slots(in, slots_.size(), [&](std::uint32_t key, Timestamp) {
    in.require(slots_[key] == Store::none);
    if (!in.ok()) return;
    const std::uint32_t slot = open_window(key);
    store_.header(slot).mark = load_mark(in);
    in.require(layout_.load(in, store_.state(slot)));
  });
}

void EmptyWindows::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const Key& key : keys_) {
    out.i64(key.first);
    out.i64(key.closed);
    out.i64(key.final);
    out.u8(key.begun ? 1 : 0);
  }
}

void EmptyWindows::load(ByteReader& in) {
  const std::size_t saved = load_count(in, keys_.size());
  for (std::size_t i = 0; in.ok() && i < saved; ++i) {
    keys_[i].first = in.i64();
    keys_[i].closed = in.i64();
    keys_[i].final = in.i64();
    keys_[i].begun = in.u8() != 0;
  }
}

void DerivedMetrics::save(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(targets_.size()));
  for (const auto& [series, target] : targets_) {
    out.u32(series);
    out.time(target.over);
    out.u32(static_cast<std::uint32_t>(target.inputs.size()));
    for (const Target::Input& input : target.inputs) out.u8(input.heard ? 1 : 0);
  }
  out.u32(static_cast<std::uint32_t>(windows_.size()));
  for (const auto& [slot, window] : windows_) {
    out.u32(slot.first);
    out.time(slot.second);
    out.u32(window.derived);
    out.time(window.end);
    save_mark(out, window.mark);
    for (const Input& input : window.inputs) {
      out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(input.state) << 1 | (input.seen ? 1U : 0U)));
      out.u64(std::bit_cast<std::uint64_t>(input.value));
      out.u64(std::bit_cast<std::uint64_t>(input.count));
    }
  }
}

void DerivedMetrics::load_targets(ByteReader& in) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 16)) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto target = targets_.find(in.u32());
    const Timestamp over = in.time();
    const std::uint32_t inputs = in.u32();
    in.require(target != targets_.end() && inputs == target->second.inputs.size());
    if (!in.ok()) return;
    target->second.over = over;
    for (Target::Input& input : target->second.inputs) input.heard = in.u8() != 0;
  }
}

void DerivedMetrics::load(ByteReader& in) {
  load_targets(in);
  const std::uint32_t count = in.u32();
  if (!in.has(count, 24)) return;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const std::uint32_t target = in.u32();
    const Timestamp start = in.time();
    Window window;
    window.derived = in.u32();
    window.end = in.time();
    window.mark = load_mark(in);
    in.require(window.derived < metrics_.size() && targets_.contains(target));
    if (!in.ok()) return;
    for (std::size_t input = 0; input < metrics_[window.derived].inputs.size(); ++input) {
      const std::uint8_t bits = in.u8();
      const double value = std::bit_cast<double>(in.u64());
      window.inputs.push_back(
          {(bits & 1U) != 0, static_cast<RowState>((bits >> 1) & 3U), value, std::bit_cast<double>(in.u64())});
    }
    ++targets_[target].windows;
    windows_.insert_or_assign({target, start}, std::move(window));
  }
}

std::string WindowDefinition::fingerprint() const {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(static_cast<std::uint8_t>(options_.kind));
  for (const Duration duration :
       {options_.size, options_.slide, options_.gap, options_.max_length, options_.offset, options_.allowed_lateness}) {
    out.duration(duration);
  }
  out.text(options_.time_zone ? options_.time_zone->name() : "");
  for (const std::string& column : options_.group_by) out.text(column);
  out.u8(static_cast<std::uint8_t>((options_.cube ? 1 : 0) | (options_.deduplicate ? 2 : 0) |
                                   (options_.emit_empty ? 4 : 0)));
  for (const Aggregate& aggregate : options_.aggregates) out.text(name_of(aggregate));
  for (const DerivedMetric& derived : options_.derived) {
    out.text(derived.metric);
    out.text(derived.formula ? derived.formula->text() : "");
    for (const auto& input : derived.inputs) out.text(input.metric + '.' + name_of(input.aggregate));
  }
  return bytes;
}

void WindowDefinition::save(ByteWriter& out) const {
  out.duration(fired_at_);
  if (grouped()) save_groups(out);
  save_times(out, idle_);
  out.u32(static_cast<std::uint32_t>(source_idle_.size()));
  for (const Timestamp time : source_idle_) out.time(time);
  out.time(all_idle_);
  std::visit([&](const auto& windows) { windows.save(out); }, windows_);
  duplicates_.save(out);
  if (empty_) empty_->save(out);
  derived_.save(out);
}

void WindowDefinition::load(ByteReader& in, const Restored& restored) {
  fired_at_ = in.duration();
  if (grouped()) load_groups(in, restored);
  load_times(in, idle_);
  const std::uint32_t sources = in.u32();
  if (!in.has(sources, 8)) return;
  for (std::uint32_t i = 0; i < sources; ++i) {
    const Timestamp idle = in.time();
    const std::uint32_t slot = place_of(restored.sources, i);
    if (slot < source_idle_.size()) source_idle_[slot] = idle;
  }
  all_idle_ = in.time();
  std::visit([&](auto& windows) { windows.load(in); }, windows_);
  duplicates_.load(in, restored.series.size());
  if (empty_) empty_->load(in);
  derived_.load(in);
}

// Groups with their watermarks, and which series are active in them.
void WindowDefinition::save_groups(ByteWriter& out) const {
  keys_.save(out);
  for (const MinimumWatermark& group : groups_) group.save(out);
  const std::size_t series = keys_.series_count();
  out.u32(static_cast<std::uint32_t>(series));
  for (std::uint32_t i = 0; i < series; ++i) {
    bool active = false;
    keys_.for_each_slot(i, [&](std::uint32_t key, std::uint32_t slot) { active = groups_[key].is_active(slot); });
    out.u8(static_cast<std::uint8_t>((members_[i] ? 1 : 0) | (active ? 2 : 0)));
  }
}

void WindowDefinition::load_groups(ByteReader& in, const Restored& restored) {
  keys_.load(in);
  groups_.clear();
  members_.clear();
  idle_.clear();
  const auto groups = static_cast<std::uint32_t>(keys_.size());
  for (std::uint32_t i = 0; in.ok() && i < restored.series.size(); ++i) {
    keys_.skip_series(SeriesId{i});
    if (restored.series.has(SeriesId{i})) keys_.add_series(SeriesId{i}, restored.series[SeriesId{i}], false);
  }
  members_.resize(restored.series.size());
  if (!in.ok()) return;
  std::visit([&](auto& windows) { windows.reserve_keys(keys_.size()); }, windows_);
  groups_.resize(keys_.size());
  idle_.resize(keys_.size(), Timestamp::earliest());
  for (std::uint32_t i = 0; i < groups; ++i) {  // what another definition is the first to compute may have more
    groups_[i].load(in);
    groups_[i].hear_from(place_of(restored.sources, groups_[i].heard().source));
  }
  const std::uint32_t series = in.u32();
  if (!in.has(series, 1)) return;
  in.require(series <= members_.size());
  for (std::uint32_t i = 0; in.ok() && i < series; ++i) {
    const std::uint8_t bits = in.u8();
    members_[i] = (bits & 1U) != 0;
    if ((bits & 2U) == 0) continue;
    keys_.for_each_slot(i, [&](std::uint32_t key, std::uint32_t slot) {
      groups_[key].restore_member(slot, restored.own_watermark(i));
    });
  }
}

}  // namespace edgetide
