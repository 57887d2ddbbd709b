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
      lowest_start_(last_start_of(Timestamp::earliest())),
      allowed_lateness_(options.allowed_lateness),
      layout_(layout),
      panes_(layout.words(), hash_seed),
      marks_(overlap(), layout.carried_words(), hash_seed),
      sealed_(layout.words(), hash_seed),
      carried_(layout.carries()),
      fold_(layout, window_cells_) {}

SlidingWindows::~SlidingWindows() {
  clear_merged();
  if (!layout_.owns_memory()) return;
  panes_.for_each([&](SlotId slot) { layout_.release(panes_.state(slot)); });
  sealed_.for_each([&](SlotId slot) { layout_.release(sealed_.state(slot)); });
}

std::int64_t SlidingWindows::first_start_of(std::int64_t cell) const noexcept {
  return std::max(lowest_start_, floor_divide(cell - window_cells_ + slide_cells_, slide_cells_) * slide_cells_);
}

ReadingOutcome SlidingWindows::admit_elsewhere(KeyId key, Timestamp event_time, double value, Timestamp reached) {
  const std::int64_t cell = grid_.cell_of(event_time);
  if (last_end(event_time) + allowed_lateness_ <= reached) return ReadingOutcome::late_dropped;
  if (final_at(first_start_of(cell)) <= reached && reached > keys_[index_of(key)].sealed_upto) {
    seal(key, reached, all_windows);
    count_windows(key);
  }
  const SlotId slot = find_or_create(key, grid_.start_of(cell));
  return add(key, panes_.header(slot), event_time, value, reached);
}

SlotId SlidingWindows::find_or_create(KeyId key, Timestamp start) {
  SlotId slot = panes_.find(key, start);
  if (slot != no_slot) return slot;
  slot = panes_.create(key, start);
  layout_.clear(panes_.state(slot));
  link(key, slot);
  return slot;
}

void SlidingWindows::set_newest(KeyId key, SlotId slot) noexcept {
  const auto is_cut = [&](Timestamp start) {
    return start == Timestamp::earliest() || start + step_ == Timestamp::latest();
  };
  Key& state = keys_[index_of(key)];
  state.newest = slot;
  state.newest_whole = slot != no_slot && is_cut(panes_.header(slot).start) ? no_slot : slot;
}

SlidingWindows::Neighbours SlidingWindows::neighbours_of(KeyId key, Timestamp start) const noexcept {
  Neighbours found{no_slot, keys_[index_of(key)].newest};
  while (found.older != no_slot && start < panes_.header(found.older).start) {
    found = {found.older, panes_.header(found.older).older()};
  }
  return found;
}

// Into the list of the key's panes, newest first.
void SlidingWindows::link(KeyId key, SlotId slot) {
  PaneHeader& pane = panes_.header(slot);
  const Neighbours beside = neighbours_of(key, pane.start);
  const Count opened = opened_between(pane_at(beside.older), pane.start, pane_at(beside.newer));
  const Key& state = keys_[index_of(key)];
  set_windows(key, {state.windows + opened.windows, state.pages + opened.pages});
  pane.set_older(beside.older);
  if (beside.newer == no_slot) return set_newest(key, slot);
  panes_.header(beside.newer).set_older(slot);
}

// That have no other pane: those with an older one start up to it, those with a newer one end behind its start.
SlidingWindows::Count SlidingWindows::opened_between(const PaneHeader* older, Timestamp start,
                                                     const PaneHeader* newer) const noexcept {
  std::int64_t first = number_of(first_start_of(grid_.cell_of(start)));
  std::int64_t last = number_of(last_start_of(start));
  std::int64_t first_page = marks_.page_of(first);
  std::int64_t last_page = marks_.page_of(last);
  if (older != nullptr) {
    const std::int64_t before = number_of(last_start_of(older->start));
    first = std::max(first, before + 1);
    first_page = std::max(first_page, marks_.page_of(before) + 1);
  }
  if (newer != nullptr) {
    const std::int64_t after = number_of(first_start_of(grid_.cell_of(newer->start)));
    last = std::min(last, after - 1);
    last_page = std::min(last_page, marks_.page_of(after) - 1);
  }
  const auto count = [](std::int64_t from, std::int64_t to) {
    return to < from ? 0 : static_cast<std::size_t>(to - from) + 1;
  };
  return {count(first, last), count(first_page, last_page)};
}

SlidingWindows::Count SlidingWindows::opened_by_pane(KeyId key, Timestamp start) const noexcept {
  const Neighbours beside = neighbours_of(key, start);
  return opened_between(pane_at(beside.older), start, pane_at(beside.newer));
}

void SlidingWindows::set_windows(KeyId key, Count count) noexcept {
  Key& state = keys_[index_of(key)];
  open_.windows += count.windows - std::size_t{state.windows};
  open_.pages += count.pages - std::size_t{state.pages};
  state.windows = static_cast<std::uint32_t>(count.windows);
  state.pages = static_cast<std::uint32_t>(count.pages);
}

// Of the listed panes.
void SlidingWindows::count_windows(KeyId key) noexcept {
  Count count;
  std::optional<std::int64_t> page;
  for_each_window([&](const Extent& extent) {
    if (final_at(extent.start_cell) <= keys_[index_of(key)].sealed_upto) return true;
    const std::int64_t next = marks_.page_of(number_of(extent.start_cell));
    ++count.windows;
    count.pages += page != next;
    page = next;
    return true;
  });
  set_windows(key, count);
}

Timestamp SlidingWindows::newest_final_at(KeyId key) const noexcept {
  const SlotId newest = keys_[index_of(key)].newest;
  if (newest == no_slot) return Timestamp::earliest();
  return last_end(panes_.header(newest).start) + allowed_lateness_;
}

bool SlidingWindows::has_window(KeyId key, Timestamp start, bool is_final) const noexcept {
  if (sealed_.find(key, start) != no_slot) return true;
  if (is_final) return false;
  const Timestamp end = end_of(grid_.cell_of(start));
  for (SlotId slot = keys_[index_of(key)].newest; slot != no_slot; slot = panes_.header(slot).older()) {
    const Timestamp pane = panes_.header(slot).start;
    if (pane < start) return false;
    if (pane < end) return true;
  }
  return false;
}

CarriedReading SlidingWindows::last_before(KeyId key, Timestamp time) const {
  if (!layout_.knows_last()) return {};
  CarriedReading last = carried_.needed() ? carried_.of(key) : CarriedReading();
  SlotId slot = keys_[index_of(key)].newest;
  while (slot != no_slot && panes_.header(slot).start >= time) slot = panes_.header(slot).older();
  if (slot != no_slot) last = layout_.after(panes_.state(slot));
  return last.time < time ? last : CarriedReading();
}

void SlidingWindows::list_panes(KeyId key) {
  slots_.clear();
  for (SlotId slot = keys_[index_of(key)].newest; slot != no_slot; slot = panes_.header(slot).older()) {
    slots_.push_back(slot);
  }
  std::reverse(slots_.begin(), slots_.end());
  listed_.clear();
  changed_before_.assign(1, 0);
  CarriedReading carried = layout_.carries() ? carried_.of(key) : CarriedReading();
  for (const SlotId slot : slots_) {
    const PaneHeader& pane = panes_.header(slot);
    if (layout_.carries()) layout_.carry_through(panes_.state(slot), pane.changed, carried);
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
bool SlidingWindows::seal(KeyId key, Timestamp reached, std::size_t most) {
  const Timestamp sealed_upto = keys_[index_of(key)].sealed_upto;
  if (reached <= sealed_upto) return true;
  list_panes(key);
  Timestamp upto = reached;
  Timestamp last = sealed_upto;
  std::size_t sealed = 0;
  for_each_window([&](const Extent& extent) {
    const Timestamp at = final_at(extent.start_cell);
    if (at > reached) return false;
    if (at <= sealed_upto) return true;
    const bool is_enough = sealed >= most || (most != all_windows && sealed > 0 && owned_by_rows_ >= max_owned_by_rows);
    if (is_enough && at > last) {
      upto = last;
      return false;
    }
    seal_window(key, extent);
    last = at;
    ++sealed;
    return true;
  });
  keys_[index_of(key)].sealed_upto = upto;
  drop_panes(key);
  return upto == reached;
}

std::size_t SlidingWindows::windows_to_seal(KeyId key, Timestamp reached) {
  const Timestamp sealed_upto = keys_[index_of(key)].sealed_upto;
  if (reached <= sealed_upto) return 0;
  list_panes(key);
  std::size_t count = 0;
  for_each_window([&](const Extent& extent) {
    const Timestamp at = final_at(extent.start_cell);
    count += at > sealed_upto && at <= reached;
    return at <= reached;
  });
  return count;
}

void SlidingWindows::seal_window(KeyId key, const Extent& extent) {
  if (!folded_) fold_.fold(listed_);
  folded_ = true;
  const Timestamp start = grid_.start_of(extent.start_cell);
  const SlotId slot = sealed_.create(key, start);
  layout_.clear(sealed_.state(slot));
  fold_.window(extent.start_cell, extent.first, extent.last, sealed_.state(slot));
  if (layout_.owns_memory()) owned_by_rows_ += layout_.owned_bytes(sealed_.state(slot));
  ++keys_[index_of(key)].sealed;
  const WindowMarks::View mark = marks_.find(key, mark_of(start, extent.start_cell));
  if (!mark) return;
  sealed_.header(slot).mark = marks_.mark(mark);
  marks_.erase(mark);
}

// Panes all of whose windows are sealed.
void SlidingWindows::drop_panes(KeyId key) {
  std::size_t dropped = 0;
  while (dropped < slots_.size() &&
         last_end(panes_.header(slots_[dropped]).start) + allowed_lateness_ <= keys_[index_of(key)].sealed_upto) {
    if (layout_.carries()) carried_.set(key, layout_.after(panes_.state(slots_[dropped])));
    layout_.release(panes_.state(slots_[dropped]));
    panes_.erase(slots_[dropped++]);
  }
  if (dropped == 0) return;
  if (dropped == slots_.size()) {
    set_newest(key, no_slot);
  } else {
    panes_.header(slots_[dropped]).set_older(no_slot);
  }
  list_panes(key);
}

// Nearly: a window counts where its first pane stands, and those that changed panes share count once.
void SlidingWindows::count_due(std::span<const Timestamp> reached, RowsDue& due) const {
  due.all += sealed_.size();
  due.final += sealed_.size();
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_[i];
    if (key.newest == no_slot || (!key.changed && reached[i] == key.fired_at)) continue;
    std::size_t changed = 0;
    bool carried = false;  // perhaps into windows that start after a pane
    for (SlotId slot = key.newest; slot != no_slot; slot = panes_.header(slot).older()) {
      const PaneHeader& pane = panes_.header(slot);
      changed += pane.changed;
      carried = carried || (pane.changed && slot != key.newest && layout_.carries());
      const Timestamp end = end_of(grid_.cell_of(pane.start));
      const RowState now = row_state(end, allowed_lateness_, reached[i]);
      if (now != row_state(end, allowed_lateness_, key.fired_at)) due.add(now);
    }
    if (changed > 0) due.all += changed + (carried ? 2 : 1) * overlap() - 1;
  }
}

void SlidingWindows::collect(const FiringContext& firing, std::vector<Candidate>& rows) {
  const auto count = static_cast<std::uint32_t>(keys_.size());
  const std::uint32_t first = next_key_ < count ? next_key_ : 0;
  next_key_ = 0;
  has_more_ = false;
  for (std::uint32_t i = 0; i < count && !has_more_; ++i) {
    const std::uint32_t key = first + i < count ? first + i : first + i - count;
    if (keys_[key].newest == no_slot) continue;
    has_more_ = is_full(firing, rows.size()) || !collect_key(KeyId{key}, firing, rows);
    if (has_more_) next_key_ = key;
  }
  collect_sealed(firing, rows);
}

// False: there was no room for all of its rows.
bool SlidingWindows::collect_key(KeyId key, const FiringContext& firing, std::vector<Candidate>& rows) {
  const Timestamp reached = firing.reached[index_of(key)];
  Key& state = keys_[index_of(key)];
  const bool news = state.changed || reached != state.fired_at;
  if (!news && !firing.complete) return true;
  const bool all_sealed = seal(key, reached, firing.max_rows - std::min(firing.max_rows, rows.size() + sealed_.size()));
  list_panes(key);
  count_windows(key);
  if (!all_sealed) return false;
  bool all_left = true;
  for_each_window([&](const Extent& extent) {
    all_left = collect_window(key, extent, firing, rows) && all_left;
    return true;
  });
  for (const SlotId slot : slots_) panes_.header(slot).changed = 0;
  state.changed = all_left ? 0 : 1;
  state.fired_at = reached;
  return all_left;
}

// What came before a window, and what came before it when its row was emitted.
bool SlidingWindows::carries_other_than_before(const Extent& extent, WindowMarks::View mark) {
  return layout_.carries() && layout_.copy_carried(listed_[extent.first].state, marks_.carried(mark));
}

WindowMarks::View SlidingWindows::find_or_create_mark(KeyId key, std::int64_t window) {
  WindowMarks::View mark = marks_.find(key, window);
  if (mark) return mark;
  mark = marks_.create(key, window);
  std::fill_n(marks_.carried(mark), layout_.carried_words(), Word{0});
  return mark;
}

// False: it is due, and has to wait for a later firing.
bool SlidingWindows::collect_window(KeyId key, const Extent& extent, const FiringContext& firing,
                                    std::vector<Candidate>& rows) {
  if (final_at(extent.start_cell) <= firing.reached[index_of(key)]) return true;  // sealed
  const Timestamp start = grid_.start_of(extent.start_cell);
  const Timestamp end = end_of(extent.start_cell);
  const RowState state = row_state(end, allowed_lateness_, firing.reached[index_of(key)]);
  const WindowMarks::View mark = find_or_create_mark(key, mark_of(start, extent.start_cell));
  const bool carries_other = carries_other_than_before(extent, mark);
  if (changed(extent) || carries_other) marks_.mark(mark).changed = 1;
  const bool due = marks_.mark(mark).is_due(state);
  if (!due && !firing.complete) return true;
  if (owned_by_rows_ >= max_owned_by_rows && !firing.complete) return false;
  merge_window(extent, mark, {start, end, firing.ranks[index_of(key)], key, 0, state, due}, rows);
  return true;
}

void SlidingWindows::merge_window(const Extent& extent, WindowMarks::View mark, Candidate row,
                                  std::vector<Candidate>& rows) {
  if (!folded_) fold_.fold(listed_);
  folded_ = true;
  const std::size_t at = merged_.size();
  merged_.resize(at + layout_.words());
  layout_.clear(&merged_[at]);
  fold_.window(extent.start_cell, extent.first, extent.last, &merged_[at]);
  if (layout_.owns_memory()) owned_by_rows_ += layout_.owned_bytes(&merged_[at]);
  row.handle = static_cast<std::uint32_t>(leaving_.size());
  rows.push_back(row);
  leaving_.push_back({no_slot, mark, at});
}

void SlidingWindows::collect_unchanged(const FiringContext& firing, std::vector<Candidate>& rows) {
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    const KeyId key{i};
    if (keys_[i].newest == no_slot) continue;
    list_panes(key);
    for_each_window([&](const Extent& extent) {
      const Timestamp start = grid_.start_of(extent.start_cell), end = end_of(extent.start_cell);
      const RowState state = row_state(end, allowed_lateness_, firing.reached[i]);
      const bool wanted = state != RowState::final && firing.wants_unchanged(start);
      const WindowMarks::View mark = wanted ? marks_.find(key, mark_of(start, extent.start_cell)) : WindowMarks::View();
      if (!mark || marks_.mark(mark).is_due(state)) return true;
      merge_window(extent, mark, {start, end, firing.ranks[i], key, 0, state, false}, rows);
      return true;
    });
  }
}

void SlidingWindows::collect_sealed(const FiringContext& firing, std::vector<Candidate>& rows) {
  sealed_.for_each([&](SlotId slot) {
    if (rows.size() >= firing.max_rows) {  // at a later firing
      has_more_ = true;
      return;
    }
    const WindowHeader& window = sealed_.header(slot);
    const Timestamp end = end_of(grid_.cell_of(window.start));
    rows.push_back({window.start, end, firing.ranks[index_of(window.key)], window.key,
                    static_cast<std::uint32_t>(leaving_.size()), RowState::final, true});
    leaving_.push_back({slot, {}, 0});
  });
}

// Windows without a mark are due already.
void SlidingWindows::rank_again(bool is_shown) {
  for (Key& key : keys_) key.changed = 1;
  marks_.for_each_run([&](KeyId, std::int64_t, WindowMarks::View view, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i, ++view.index) marks_.mark(view).rank_again(is_shown);
  });
  sealed_.for_each([&](SlotId slot) { sealed_.header(slot).mark.rank_again(is_shown); });
}

RowMark& SlidingWindows::mark(const Candidate& row) noexcept {
  const Leaving& leaving = leaving_[row.handle];
  return leaving.sealed == no_slot ? marks_.mark(leaving.mark) : sealed_.header(leaving.sealed).mark;
}

const SlidingWindows::Word* SlidingWindows::state(const Candidate& row) const noexcept {
  const Leaving& leaving = leaving_[row.handle];
  return leaving.sealed == no_slot ? &merged_[leaving.state] : sealed_.state(leaving.sealed);
}

void SlidingWindows::finish(std::vector<Candidate>& /*rows*/) {
  for (const Leaving& leaving : leaving_) {
    if (leaving.sealed == no_slot) continue;
    --keys_[index_of(sealed_.header(leaving.sealed).key)].sealed;
    layout_.release(sealed_.state(leaving.sealed));
    sealed_.erase(leaving.sealed);
  }
  leaving_.clear();
  release_if_large(leaving_);
  clear_merged();
  release_if_large(merged_);
  fold_.clear();
  owned_by_rows_ = 0;
}

void SlidingWindows::clear_merged() noexcept {
  if (layout_.owns_memory()) {
    for (std::size_t at = 0; at < merged_.size(); at += layout_.words()) layout_.release(&merged_[at]);
  }
  merged_.clear();
}

std::size_t SlidingWindows::memory_bytes() const noexcept {
  return panes_.memory_bytes() + marks_.memory_bytes() + sealed_.memory_bytes() + carried_.memory_bytes() +
         heap_bytes(keys_) + heap_bytes(merged_) + heap_bytes(leaving_);
}

std::size_t SlidingWindows::growth(KeyId key, Timestamp event_time, double value, Timestamp reached,
                                   std::size_t beside) {
  if (last_end(event_time) + allowed_lateness_ <= reached) return 0;
  const std::int64_t cell = grid_.cell_of(event_time);
  const std::size_t sealed = final_at(first_start_of(cell)) <= reached ? growth_of_sealing(key, reached) : 0;
  const Timestamp start = grid_.start_of(cell);
  const SlotId slot = panes_.find(key, start);
  if (slot != no_slot) return sealed + layout_.growth(panes_.state(slot), value);
  const Count opened = opened_by_pane(key, start);
  const std::size_t reserve = reserve_for({open_.windows + opened.windows, open_.pages + opened.pages});
  return sealed + reserve - reserved_bytes() + panes_.growth(1) + layout_.growth(nullptr, value) +
         opened.windows * beside;
}

// No window has more than all panes together.
std::size_t SlidingWindows::growth_of_sealing(KeyId key, Timestamp reached) {
  const std::size_t windows = windows_to_seal(key, reached);
  if (windows == 0 || !layout_.owns_memory()) return sealed_.growth(windows);
  std::vector<Word> all(layout_.words());
  layout_.clear(all.data());
  for (const PaneFold::Pane& pane : listed_) layout_.merge(all.data(), pane.state);
  const std::size_t bytes = layout_.owned_bytes(all.data());
  layout_.release(all.data());
  return sealed_.growth(windows) + windows * bytes;
}

// The marks of all open windows, and what a firing seals of them at a time.
std::size_t SlidingWindows::reserve_for(Count open) const noexcept {
  const std::size_t pages = open.pages - std::min(open.pages, marks_.pages());
  const std::size_t sealed = std::min(open.windows, sealed_at_a_time);
  return marks_.growth(pages) + sealed_.growth(sealed - std::min(sealed, sealed_.size()));
}

std::size_t SlidingWindows::reserved_bytes() const noexcept {
  return reserve_for(open_);
}

std::size_t SlidingWindows::largest_growth() const noexcept {
  const std::size_t marks = marks_.most_pages(overlap()) * marks_.page_bytes();
  const std::size_t sealed = overlap() * (sealed_.slot_bytes() + layout_.largest_growth());
  return panes_.slot_bytes() + layout_.largest_growth() + marks + sealed;
}

// A reading that is late may seal all windows of its key.
std::size_t SlidingWindows::largest_step() const noexcept {
  return panes_.largest_step() + marks_.largest_step() + sealed_.largest_step() +
         open_.windows * (sealed_.slot_bytes() + layout_.largest_growth());
}

void SlidingWindows::save(ByteWriter& out) const {
  out.u32(next_key_);
  out.u32(static_cast<std::uint32_t>(keys_.size()));
  for (const Key& key : keys_) {
    out.time(key.sealed_upto);
    out.time(key.fired_at);
    out.u8(static_cast<std::uint8_t>(key.changed));
  }
  save_slots(out, panes_, [&](SlotId slot) {
    out.u8(static_cast<std::uint8_t>(panes_.header(slot).changed));
    layout_.save(out, panes_.state(slot));
  });
  save_marks(out);
  save_slots(out, sealed_, [&](SlotId slot) {
    save_mark(out, sealed_.header(slot).mark);
    layout_.save(out, sealed_.state(slot));
  });
  carried_.save(out);
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
    in.require(panes_.find(key, start) == no_slot && grid_.start_of(grid_.cell_of(start)) == start);
    if (!in.ok()) return;
    const SlotId slot = find_or_create(key, start);
    panes_.header(slot).changed = in.u8() & 1U;
    in.require(layout_.load(in, panes_.state(slot)));
  });
  load_marks(in);
  load_slots(in, keys_.size(), [&](KeyId key, Timestamp start) {
    in.require(sealed_.find(key, start) == no_slot);
    if (!in.ok()) return;
    const SlotId slot = sealed_.create(key, start);
    ++keys_[index_of(key)].sealed;
    sealed_.header(slot).mark = load_mark(in);
    layout_.clear(sealed_.state(slot));
    in.require(layout_.load(in, sealed_.state(slot)));
  });
  carried_.load(in);
}

// Neighbours together, so that a mark takes no more in a snapshot than in memory.
void SlidingWindows::save_marks(ByteWriter& out) const {
  std::uint32_t runs = 0;
  marks_.for_each_run([&](KeyId, std::int64_t, WindowMarks::View, std::uint32_t) { ++runs; });
  out.u32(runs);
  marks_.for_each_run([&](KeyId key, std::int64_t window, WindowMarks::View view, std::uint32_t count) {
    out.numbers(index_of(key), grid_.start_of(window * slide_cells_).count(), count);
    for (std::uint32_t i = 0; i < count; ++i, ++view.index) {
      save_mark(out, marks_.mark(view));
      out.words({marks_.carried(view), layout_.carried_words()});
    }
  });
}

void SlidingWindows::load_marks(ByteReader& in) {
  const std::uint32_t runs = in.u32();
  if (!in.has(runs, 12)) return;
  for (std::uint32_t i = 0; in.ok() && i < runs; ++i) {
    const KeyId key{in.u32()};
    const Timestamp start = in.time();
    const std::uint32_t count = in.u32();
    const std::int64_t first = number_of(last_start_of(start));
    in.require(index_of(key) < keys_.size() && grid_.start_of(first * slide_cells_) == start);
    if (in.has(count, 5)) load_run(in, key, first, count);
  }
}

void SlidingWindows::load_run(ByteReader& in, KeyId key, std::int64_t first, std::uint32_t count) {
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    in.require(!marks_.find(key, first + i));
    if (!in.ok()) return;
    const WindowMarks::View view = marks_.create(key, first + i);
    marks_.mark(view) = load_mark(in);
    for (std::size_t word = 0; word < layout_.carried_words(); ++word) marks_.carried(view)[word] = in.u64();
  }
}

}  // namespace edgetide
