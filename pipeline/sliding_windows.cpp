#include "pipeline/sliding_windows.h"

#include <numeric>

#include "pipeline/slot_bytes.h"

namespace edgetide {

namespace {

Duration pane_step(const WindowOptions& options) {
  return Duration::microseconds(std::gcd(options.size.count(), options.slide.count()));
}

}  // namespace

SlidingWindows::SlidingWindows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed)
    : grid_(pane_step(options), options.offset, options.time_zone),
      step_(grid_.step()),
      even_step_(grid_.even() ? static_cast<std::uint64_t>(step_.count()) : 0),
      window_cells_(options.size.count() / step_.count()),
      slide_cells_(options.slide.count() / step_.count()),
      allowed_lateness_(options.allowed_lateness),
      layout_(layout),
      panes_(layout.words(), hash_seed),
      marks_(0, hash_seed),
      sealed_(layout.words(), hash_seed),
      fold_(layout, window_cells_) {}

SlidingWindows::~SlidingWindows() {
  clear_merged();
  if (!layout_.owns_memory()) return;
  panes_.for_each([&](std::uint32_t slot) { layout_.release(panes_.state(slot)); });
  sealed_.for_each([&](std::uint32_t slot) { layout_.release(sealed_.state(slot)); });
}

std::int64_t SlidingWindows::first_start_of(std::int64_t cell) const noexcept {
  return floor_divide(cell - window_cells_ + slide_cells_, slide_cells_) * slide_cells_;
}

ReadingOutcome SlidingWindows::admit_elsewhere(KeyId key, Timestamp event_time, double value, Timestamp reached) {
  const std::int64_t cell = grid_.cell_of(event_time);
  if (last_end(event_time) + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
  if (final_at(first_start_of(cell)) <= reached) seal(key, reached);
  const std::uint32_t slot = find_or_create(key, grid_.start_of(cell));
  return add(key, panes_.header(slot), event_time, value, reached);
}

std::uint32_t SlidingWindows::find_or_create(KeyId key, Timestamp start) {
  std::uint32_t slot = panes_.find(key, start);
  if (slot != Panes::none) return slot;
  slot = panes_.create(key, start);
  layout_.clear(panes_.state(slot));
  link(key, slot);
  return slot;
}

// Into the list of the key's panes, newest first.
void SlidingWindows::link(KeyId key, std::uint32_t slot) {
  PaneHeader& pane = panes_.header(slot);
  const auto as_link = [](std::uint32_t other) { return other == Panes::none ? no_older : other; };
  std::uint32_t& newest = keys_[index_of(key)].newest;
  if (newest == Panes::none || panes_.header(newest).start < pane.start) {
    pane.older = as_link(newest) & no_older;
    newest = slot;
    return;
  }
  PaneHeader* newer = &panes_.header(newest);
  while (newer->older != no_older && pane.start < panes_.header(newer->older).start)
    newer = &panes_.header(newer->older);
  pane.older = newer->older;
  newer->older = as_link(slot) & no_older;
}

Timestamp SlidingWindows::newest_final_at(KeyId key) const noexcept {
  const std::uint32_t newest = keys_[index_of(key)].newest;
  if (newest == Panes::none) return Timestamp::earliest();
  return last_end(panes_.header(newest).start) + allowed_lateness_;
}

bool SlidingWindows::has_window(KeyId key, Timestamp start, bool is_final) const noexcept {
  if (sealed_.find(key, start) != Marks::none) return true;
  if (is_final || keys_[index_of(key)].newest == Panes::none) return false;
  const Timestamp end = end_of(grid_.cell_of(start));
  for (std::uint32_t slot = keys_[index_of(key)].newest; slot != no_older; slot = panes_.header(slot).older) {
    const Timestamp pane = panes_.header(slot).start;
    if (pane < start) return false;
    if (pane < end) return true;
  }
  return false;
}

void SlidingWindows::list_panes(KeyId key) {
  slots_.clear();
  for (std::uint32_t slot = keys_[index_of(key)].newest; slot != no_older && slot != Panes::none;
       slot = panes_.header(slot).older) {
    slots_.push_back(slot);
  }
  std::reverse(slots_.begin(), slots_.end());
  listed_.clear();
  changed_before_.assign(1, 0);
  for (const std::uint32_t slot : slots_) {
    const PaneHeader& pane = panes_.header(slot);
    listed_.push_back({grid_.cell_of(pane.start), panes_.state(slot)});
    changed_before_.push_back(changed_before_.back() + pane.changed);
  }
  folded_ = false;
}

// Every window that holds some listed pane, in order of start.
template <typename Visit>
void SlidingWindows::for_each_window(Visit&& visit) const {
  if (listed_.empty()) return;
  std::size_t first = 0;
  std::size_t end = 0;
  std::int64_t start = first_start_of(listed_.front().cell);
  while (true) {
    while (first < listed_.size() && listed_[first].cell < start) ++first;
    if (first == listed_.size()) return;
    if (listed_[first].cell >= start + window_cells_) {
      start = first_start_of(listed_[first].cell);
      continue;
    }
    while (end < listed_.size() && listed_[end].cell < start + window_cells_) ++end;
    if (!visit(Extent{start, first, end - 1})) return;
    start += slide_cells_;
  }
}

// Keeps what the windows that are final by now hold, before any pane of them changes again.
void SlidingWindows::seal(KeyId key, Timestamp reached) {
  const Timestamp sealed_upto = keys_[index_of(key)].sealed_upto;
  if (reached <= sealed_upto) return;
  list_panes(key);
  for_each_window([&](const Extent& extent) {
    const Timestamp at = final_at(extent.start_cell);
    if (at > reached) return false;
    if (at > sealed_upto) seal_window(key, extent);
    return true;
  });
  keys_[index_of(key)].sealed_upto = reached;
  drop_panes(key);
}

void SlidingWindows::seal_window(KeyId key, const Extent& extent) {
  if (!folded_) fold_.fold(listed_);
  folded_ = true;
  const Timestamp start = grid_.start_of(extent.start_cell);
  const std::uint32_t slot = sealed_.create(key, start);
  layout_.clear(sealed_.state(slot));
  fold_.window(extent.start_cell, extent.first, extent.last, sealed_.state(slot));
  ++keys_[index_of(key)].sealed;
  const std::uint32_t mark = marks_.find(key, start);
  if (mark == Marks::none) return;
  sealed_.header(slot).mark = marks_.header(mark).mark;
  marks_.erase(mark);
}

// Panes all of whose windows are sealed.
void SlidingWindows::drop_panes(KeyId key) {
  std::size_t dropped = 0;
  while (dropped < slots_.size() &&
         last_end(panes_.header(slots_[dropped]).start) + allowed_lateness_ <= keys_[index_of(key)].sealed_upto) {
    layout_.release(panes_.state(slots_[dropped]));
    panes_.erase(slots_[dropped++]);
  }
  if (dropped == 0) return;
  if (dropped == slots_.size()) {
    keys_[index_of(key)].newest = Panes::none;
  } else {
    panes_.header(slots_[dropped]).older = no_older;
  }
  list_panes(key);
}

// Nearly: a window counts where its first pane stands, and those that changed panes share count once.
void SlidingWindows::count_due(std::span<const Timestamp> reached, RowsDue& due) const {
  due.all += sealed_.size();
  due.final += sealed_.size();
  const auto overlap = static_cast<std::size_t>(window_cells_ / slide_cells_);
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_[i];
    if (key.newest == Panes::none || (!key.changed && reached[i] == key.fired_at)) continue;
    std::size_t changed = 0;
    for (std::uint32_t slot = key.newest; slot != no_older && slot != Panes::none; slot = panes_.header(slot).older) {
      const PaneHeader& pane = panes_.header(slot);
      changed += pane.changed;
      const Timestamp end = end_of(grid_.cell_of(pane.start));
      const RowState now = row_state(end, allowed_lateness_, reached[i]);
      if (now != row_state(end, allowed_lateness_, key.fired_at)) due.add(now);
    }
    if (changed > 0) due.all += changed + overlap - 1;
  }
}

void SlidingWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  const auto count = static_cast<std::uint32_t>(keys_.size());
  const std::uint32_t first = next_key_ < count ? next_key_ : 0;
  next_key_ = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t key = first + i < count ? first + i : first + i - count;
    if (keys_[key].newest == Panes::none) continue;
    if (rows.size() >= firing.max_rows) {
      next_key_ = key;
      break;
    }
    collect_key(KeyId{key}, firing, rows);
  }
  collect_sealed(firing, rows);
}

void SlidingWindows::collect_key(KeyId key, const FiringContext& firing, std::vector<Candidate>& rows) {
  const Timestamp reached = firing.reached[index_of(key)];
  Key& state = keys_[index_of(key)];
  const bool news = state.changed || reached != state.fired_at;
  if (!news && !firing.complete) return;
  seal(key, reached);
  list_panes(key);
  for_each_window([&](const Extent& extent) {
    if (final_at(extent.start_cell) > reached) collect_window(key, extent, firing, rows);
    return true;
  });
  for (const std::uint32_t slot : slots_) panes_.header(slot).changed = 0;
  state.changed = 0;
  state.fired_at = reached;
}

void SlidingWindows::collect_window(KeyId key, const Extent& extent, const FiringContext& firing,
                                    std::vector<Candidate>& rows) {
  const Timestamp start = grid_.start_of(extent.start_cell);
  const Timestamp end = end_of(extent.start_cell);
  const RowState state = row_state(end, allowed_lateness_, firing.reached[index_of(key)]);
  std::uint32_t mark = marks_.find(key, start);
  if (mark == Marks::none) mark = marks_.create(key, start);
  if (changed(extent)) marks_.header(mark).mark.changed = 1;
  const bool due = marks_.header(mark).mark.is_due(state);
  if (!due && !firing.complete) return;
  if (!folded_) fold_.fold(listed_);
  folded_ = true;
  const std::size_t at = merged_.size();
  merged_.resize(at + layout_.words());
  layout_.clear(&merged_[at]);
  fold_.window(extent.start_cell, extent.first, extent.last, &merged_[at]);
  rows.push_back(
      {start, end, firing.ranks[index_of(key)], key, static_cast<std::uint32_t>(leaving_.size()), state, due});
  leaving_.push_back({false, mark, at});
}

void SlidingWindows::collect_sealed(const FiringContext& firing, std::vector<Candidate>& rows) {
  sealed_.for_each([&](std::uint32_t slot) {
    if (rows.size() >= firing.max_rows) return;  // at a later firing
    const WindowHeader& window = sealed_.header(slot);
    const Timestamp end = end_of(grid_.cell_of(window.start));
    rows.push_back({window.start, end, firing.ranks[index_of(window.key)], window.key,
                    static_cast<std::uint32_t>(leaving_.size()), RowState::final, true});
    leaving_.push_back({true, slot, 0});
  });
}

RowMark& SlidingWindows::mark(const Candidate& row) noexcept {
  const Leaving& leaving = leaving_[row.handle];
  return (leaving.sealed ? sealed_ : marks_).header(leaving.slot).mark;
}

double SlidingWindows::value(const Candidate& row, const Aggregate& aggregate) const noexcept {
  const Leaving& leaving = leaving_[row.handle];
  const Word* const state = leaving.sealed ? sealed_.state(leaving.slot) : &merged_[leaving.state];
  return layout_.value(state, aggregate, {row.start, row.end});
}

void SlidingWindows::finish(std::vector<Candidate>& /*rows*/) {
  for (const Leaving& leaving : leaving_) {
    if (!leaving.sealed) continue;
    --keys_[index_of(sealed_.header(leaving.slot).key)].sealed;
    layout_.release(sealed_.state(leaving.slot));
    sealed_.erase(leaving.slot);
  }
  leaving_.clear();
  clear_merged();
  fold_.clear();
}

void SlidingWindows::clear_merged() noexcept {
  if (layout_.owns_memory()) {
    for (std::size_t at = 0; at < merged_.size(); at += layout_.words()) layout_.release(&merged_[at]);
  }
  merged_.clear();
}

std::size_t SlidingWindows::memory_bytes() const noexcept {
  return panes_.memory_bytes() + marks_.memory_bytes() + sealed_.memory_bytes() + heap_bytes(keys_) +
         heap_bytes(merged_) + heap_bytes(leaving_);
}

bool SlidingWindows::needs_room(KeyId key, Timestamp event_time, double value, Timestamp reached) const noexcept {
  if (last_end(event_time) + allowed_lateness_ <= reached) return false;
  const std::int64_t cell = grid_.cell_of(event_time);
  if (final_at(first_start_of(cell)) <= reached && (sealed_.is_full() || layout_.owns_memory())) return true;
  const std::uint32_t slot = panes_.find(key, grid_.start_of(cell));
  if (slot == Panes::none) return panes_.is_full() || marks_.is_full() || layout_.owns_memory();
  return layout_.grows_with(panes_.state(slot), value);
}

void SlidingWindows::save(ByteWriter& out) const {
  out.u32(next_key_);
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
  next_key_ = in.u32();
  const std::size_t saved = load_count(in, keys_.size());
  for (std::size_t i = 0; in.ok() && i < saved; ++i) {
    keys_[i].sealed_upto = in.time();
    keys_[i].fired_at = in.time();
    keys_[i].changed = in.u8() & 1U;
  }
  load_slots(in, keys_.size(), [&](KeyId key, Timestamp start) {
    in.require(panes_.find(key, start) == Panes::none && grid_.start_of(grid_.cell_of(start)) == start);
    if (!in.ok()) return;
    const std::uint32_t slot = find_or_create(key, start);
    panes_.header(slot).changed = in.u8() & 1U;
    in.require(layout_.load(in, panes_.state(slot)));
  });
  load_slots(in, keys_.size(), [&](KeyId key, Timestamp start) {
    in.require(marks_.find(key, start) == Marks::none);
    if (in.ok()) marks_.header(marks_.create(key, start)).mark = load_mark(in);
  });
  load_slots(in, keys_.size(), [&](KeyId key, Timestamp start) {
    in.require(sealed_.find(key, start) == Marks::none);
    if (!in.ok()) return;
    const std::uint32_t slot = sealed_.create(key, start);
    ++keys_[index_of(key)].sealed;
    sealed_.header(slot).mark = load_mark(in);
    layout_.clear(sealed_.state(slot));
    in.require(layout_.load(in, sealed_.state(slot)));
  });
}

}  // namespace edgetide
