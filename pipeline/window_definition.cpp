#include "pipeline/window_definition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pipeline/heap_bytes.h"

namespace edgetide {

namespace {

using Windows = std::variant<TumblingWindows, SlidingWindows, SessionWindows, RunningWindows>;

Windows make_windows(const WindowOptions& options, const AggregateLayout& layout, std::uint64_t hash_seed) {
  switch (options.kind) {
    case WindowKind::sliding:
      return Windows(std::in_place_type<SlidingWindows>, options, layout, hash_seed);
    case WindowKind::session:
      return Windows(std::in_place_type<SessionWindows>, options, layout);
    case WindowKind::running:
      return Windows(std::in_place_type<RunningWindows>, options, layout);
    case WindowKind::tumbling:
      break;
  }
  return Windows(std::in_place_type<TumblingWindows>, options, layout, hash_seed);
}

// Not a function: std::sort would call it.
constexpr auto comes_first = [](const Candidate& a, const Candidate& b) noexcept {
  if (a.start != b.start) return a.start < b.start;
  return a.rank != b.rank ? a.rank < b.rank : a.state > b.state;
};

bool takes_all_values(const MatchOptions& match) noexcept {
  return match.min == -std::numeric_limits<double>::infinity() && match.max == std::numeric_limits<double>::infinity();
}

}  // namespace

WindowDefinition::WindowDefinition(const WindowOptions& options, std::size_t sources, std::uint64_t hash_seed)
    : options_(options),
      layout_(options.aggregates),
      keys_(options),
      windows_(make_windows(options_, layout_, hash_seed)),
      source_idle_(sources, Timestamp::earliest()),
      duplicates_(hash_seed),
      derived_(options) {
  columns_.assign(options.aggregates.begin(), options.aggregates.end());
  if (options.emit_empty) empty_.emplace(options);
  const auto count = std::find(columns_.begin(), columns_.end(), Aggregate(Aggregate::count));
  if (count != columns_.end()) count_place_ = static_cast<std::size_t>(count - columns_.begin());
  choose_fast_path();
}

void WindowDefinition::choose_fast_path() {
  in_handover_ = former_ || is_limited();
  const bool plain = keys_.takes_all() && takes_all_values(options_.match) && !options_.deduplicate &&
                     !options_.emit_empty && options_.derived.empty() && !in_handover_;
  plain_ = plain ? std::get_if<TumblingWindows>(&windows_) : nullptr;
  plain_sliding_ = plain ? std::get_if<SlidingWindows>(&windows_) : nullptr;
}

void WindowDefinition::add_series(SeriesId id, const Series& series) {
  if (former_) former_->add_series(id, series);
  take_out_groups();
  keys_.add_series(id, series, derived_.is_derived(series.metric));
  make_places(id);
}

void WindowDefinition::skip_series(SeriesId id) {
  if (former_) former_->skip_series(id);
  keys_.skip_series(id);
  make_places(id);
}

// Of what is kept by key and by series.
void WindowDefinition::make_places(SeriesId id) {
  const std::size_t keys = keys_.size();
  idle_.resize(std::max(idle_.size(), keys), Timestamp::earliest());
  std::visit([&](auto& windows) { windows.reserve_keys(keys); }, windows_);
  if (grouped()) {
    groups_.resize(keys);
    members_.resize(std::max<std::size_t>(members_.size(), index_of(id) + 1));
  }
  if (empty_) empty_->reserve_keys(keys);
}

bool WindowDefinition::keeps(SeriesId id) const {
  if (former_ && former_->keeps(id)) return true;
  if (grouped()) return false;
  if (derived_.computes(id)) return true;
  return std::visit([&](const auto& windows) { return windows.has_windows(key_of(id)); }, windows_);
}

void WindowDefinition::forget_series(SeriesId id, std::vector<SeriesId>& orphans) {
  if (former_) former_->forget_series(id, orphans);
  become_idle(id);
  keys_.forget_series(id);
  if (grouped()) {
    members_[index_of(id)] = false;
    return;
  }
  if (since_) since_->forget(key_of(id));
  if (until_) until_->forget(key_of(id));
  idle_[index_of(id)] = Timestamp::earliest();
  derived_.forget_input(id, orphans);
  if (empty_) empty_->forget(key_of(id));
}

// Groups that have lost all members and whose last final row was emitted.
void WindowDefinition::take_out_groups() {
  if (!grouped() || !keys_.any_deserted()) return;
  keys_.take_out_deserted([&](KeyId group) {
    if (std::visit([&](const auto& windows) { return windows.has_windows(group); }, windows_)) return false;
    groups_[index_of(group)] = {};
    idle_[index_of(group)] = Timestamp::earliest();
    return true;
  });
}

Timestamp WindowDefinition::reached_by(const Incoming& reading, KeyId key) const noexcept {
  if (grouped()) return std::max(groups_[index_of(key)].value(), idle_[index_of(key)]);
  switch (reading.scope) {
    case WatermarkScope::source:
      return std::max({reading.watermark, source_idle_[index_of(reading.source)], idle_[index_of(key)]});
    case WatermarkScope::global:
      return std::max({reading.watermark, all_idle_, idle_[index_of(key)]});
    case WatermarkScope::sensor:
      break;
  }
  return std::max(reading.watermark, idle_[index_of(key)]);
}

ReadingOutcome WindowDefinition::admit_any(const Incoming& reading) {
  if (in_handover_) [[unlikely]]
    return admit_in_handover(reading);
  return admit_own(reading);
}

bool WindowDefinition::takes_value(double value) const noexcept {
  return value >= options_.match.min && value <= options_.match.max;
}

ReadingOutcome WindowDefinition::admit_own(const Incoming& reading) {
  if (!takes_value(reading.value)) return ReadingOutcome::not_taken;
  const std::span<const KeyId> keys = keys_.keys_of(reading.series);
  if (keys.empty()) return ReadingOutcome::not_taken;
  if (options_.deduplicate && is_duplicate(reading, keys)) return ReadingOutcome::duplicate;
  ReadingOutcome best = ReadingOutcome::late_dropped;
  for (const KeyId key : keys) best = std::min(best, admit_key(key, reading, reached_by(reading, key)));
  return best;
}

// A former definition judges before this one; a session of it that goes on takes the reading alone.
ReadingOutcome WindowDefinition::admit_in_handover(const Incoming& reading) {
  const ReadingOutcome before = former_ ? former_->admit_any(reading) : ReadingOutcome::not_taken;
  if (before != ReadingOutcome::not_taken && options_.kind == WindowKind::session) return before;
  const std::span<const KeyId> keys = keys_.keys_of(reading.series);
  const bool judged = is_limited() && !keys.empty() && takes_value(reading.value);
  const auto outside = judged ? outcome_outside(reading, keys.front()) : std::nullopt;
  return std::min(before, outside ? *outside : admit_own(reading));
}

ReadingOutcome WindowDefinition::admit_key(KeyId key, const Incoming& reading, Timestamp reached) {
  const ReadingOutcome outcome = std::visit(
      [&](auto& windows) { return windows.admit(key, reading.event_time, reading.value, reached); }, windows_);
  if (empty_ && outcome != ReadingOutcome::late_dropped) empty_->observe(key, reading.event_time);
  return outcome;
}

// Known, and not too late: what is final for all its keys is dropped as late, not as a duplicate.
bool WindowDefinition::is_duplicate(const Incoming& reading, std::span<const KeyId> keys) {
  const Timestamp end = std::visit([&](const auto& windows) { return windows.last_end(reading.event_time); }, windows_);
  const bool late = std::all_of(keys.begin(), keys.end(),
                                [&](KeyId key) { return end + options_.allowed_lateness <= reached_by(reading, key); });
  return !late && !duplicates_.insert({reading.event_time, reading.series});
}

void WindowDefinition::observe(SeriesId series, const SeriesWatermark& own, Heard heard, bool taken) {
  if (former_) former_->observe(series, own, heard, taken);
  if (!grouped()) return;
  if (taken) members_[index_of(series)] = true;
  keys_.for_each_membership(series, [&](KeyId key, MemberId member) {
    if (taken) {
      groups_[index_of(key)].observe(member, own, heard);
    } else if (members_[index_of(series)]) {
      groups_[index_of(key)].follow(member, own);
    }
  });
}

void WindowDefinition::become_idle(SeriesId series) {
  if (former_) former_->become_idle(series);
  if (!grouped()) return;
  keys_.for_each_membership(series, [&](KeyId key, MemberId member) { groups_[index_of(key)].remove(member); });
}

void WindowDefinition::raise(Timestamp to) noexcept {
  if (former_) former_->raise(to);
  for (MinimumWatermark<MemberId>& group : groups_) group.raise(to);
}

void WindowDefinition::hear_at_most(SourceId source, Duration at) noexcept {
  if (former_) former_->hear_at_most(source, at);
  for (MinimumWatermark<MemberId>& group : groups_) group.hear_at_most(source, at);
}

Timestamp WindowDefinition::newest_final_at(KeyId key) const {
  return std::visit([&](const auto& windows) { return windows.newest_final_at(key); }, windows_);
}

void WindowDefinition::follow_series_clocks(const Clocks& clocks) {
  for (std::uint32_t i = 0; i < clocks.series.size(); ++i) {
    const SeriesClock& series = clocks.series[i];
    if (!series.idle || series.scope != WatermarkScope::sensor) continue;
    idle_[i] = std::max(idle_[i], std::min(series.clock, newest_final_at(KeyId{i})));
  }
}

void WindowDefinition::follow_minimum_clocks(const Clocks& clocks) {
  std::vector<Timestamp> newest_of_source(clocks.sources.size(), Timestamp::earliest());
  Timestamp newest_of_all = Timestamp::earliest();
  for (std::uint32_t i = 0; i < clocks.series.size(); ++i) {
    const SeriesClock& series = clocks.series[i];
    if (series.scope == WatermarkScope::sensor) continue;
    Timestamp& newest =
        series.scope == WatermarkScope::source ? newest_of_source[index_of(series.source)] : newest_of_all;
    newest = std::max(newest, newest_final_at(KeyId{i}));
  }
  for (std::size_t i = 0; i < clocks.sources.size(); ++i) {
    if (!clocks.sources[i].silent) continue;
    source_idle_[i] = std::max(source_idle_[i], std::min(clocks.sources[i].clock, newest_of_source[i]));
  }
  if (clocks.all.silent) all_idle_ = std::max(all_idle_, std::min(clocks.all.clock, newest_of_all));
}

bool WindowDefinition::due(Duration running) const noexcept {
  if (fired_at_ < Duration() || has_more_) return true;
  return running.count() / options_.trigger.count() > fired_at_.count() / options_.trigger.count();
}

Timestamp WindowDefinition::reached(SeriesId series, const SeriesClock& clock) const noexcept {
  switch (clock.scope) {
    case WatermarkScope::source:
      return std::max({clock.watermark, source_idle_[index_of(clock.source)], idle_[index_of(series)]});
    case WatermarkScope::global:
      return std::max({clock.watermark, all_idle_, idle_[index_of(series)]});
    case WatermarkScope::sensor:
      break;
  }
  return std::max(clock.watermark, idle_[index_of(series)]);
}

void WindowDefinition::note_reached(const Clocks& clocks) {
  reached_.clear();
  if (grouped()) {
    for (std::uint32_t i = 0; i < groups_.size(); ++i) reached_.push_back(std::max(groups_[i].value(), idle_[i]));
    return;
  }
  for (std::uint32_t i = 0; i < clocks.series.size(); ++i) reached_.push_back(reached(SeriesId{i}, clocks.series[i]));
}

void WindowDefinition::collect(const Clocks& clocks, std::span<const std::uint32_t> ranks, std::size_t max_rows) {
  rows_.clear();
  const std::size_t most = options_.complete ? std::numeric_limits<std::size_t>::max() : max_rows;
  const FiringContext firing{reached_, ranks, options_.complete, most};
  std::visit([&](auto& windows) { windows.collect(firing, rows_); }, windows_);
  has_more_ = options_.kind == WindowKind::sliding ? rows_.size() >= most : rows_.size() > most;
  if (rows_.size() > most) postpone_beyond(most);
  if (empty_) collect_empty(firing, clocks);
  if (is_limited()) hold_back_outside();
  if (!derived_.empty()) {
    derived_.collect(firing, rows_,
                     [&](const Candidate& row, const Aggregate& aggregate) { return value_of(row, aggregate); });
  }
  if (std::none_of(rows_.begin(), rows_.end(), [](const Candidate& row) { return row.changed; })) rows_.clear();
}

// Those of the oldest windows stay, and retractions. Sliding windows have seen to it themselves. With `top` all rows of
// one start leave together.
void WindowDefinition::postpone_beyond(std::size_t max_rows) {
  if (options_.kind == WindowKind::sliding) return;
  const auto others =
      std::partition(rows_.begin(), rows_.end(), [](const Candidate& row) { return row.state == RowState::retracted; });
  std::sort(others, rows_.end(), comes_first);
  std::size_t stay = std::min(static_cast<std::size_t>(others - rows_.begin()) + max_rows, rows_.size());
  while (options_.top && stay > 0 && stay < rows_.size() && rows_[stay].start == rows_[stay - 1].start) ++stay;
  rows_.resize(stay);
}

void WindowDefinition::collect_empty(const FiringContext& firing, const Clocks& clocks) {
  for (const Candidate& row : rows_) {  // an empty window that has got readings after all
    RowMark& mark = *mark_of(row);
    if (mark.revision == 0 && empty_->has_left(row.key, row.start)) mark.revision = 1;
  }
  const auto collect_from = [&](const auto& windows) {
    for (std::uint32_t key = 0; key < reached_.size(); ++key) {
      const SeriesClock& series = clocks.series[key];
      // The end of all input is not a time: nothing is missed after the newest reading.
      const Timestamp reached = reached_[key] == Timestamp::latest() ? series.own : reached_[key];
      empty_->collect(KeyId{key}, reached, std::max(reached, series.clock), firing.ranks[key], firing.max_rows, windows,
                      rows_);
    }
  };
  if (const auto* tumbling = std::get_if<TumblingWindows>(&windows_)) collect_from(*tumbling);
  if (const auto* sliding = std::get_if<SlidingWindows>(&windows_)) collect_from(*sliding);
  has_more_ = has_more_ || rows_.size() >= firing.max_rows;
}

void WindowDefinition::order_and_cut() {
  std::sort(rows_.begin(), rows_.end(), comes_first);
  if (options_.top) cut_to_top();
}

// Of the rows of each start, holds back all but the n with the largest value.
void WindowDefinition::cut_to_top() {
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t first = 0, end = 0; first < rows_.size(); first = end) {
    ranked.clear();
    for (end = first; end < rows_.size() && rows_[end].start == rows_[first].start; ++end) {
      if (rows_[end].state == RowState::retracted || rows_[end].held_back) continue;
      const double by = value_of(rows_[end], options_.top->by);
      ranked.emplace_back(std::isnan(by) ? -std::numeric_limits<double>::infinity() : by, end);
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = options_.top->n; i < ranked.size(); ++i) rows_[ranked[i].second].held_back = true;
  }
}

RowMark* WindowDefinition::mark_of(const Candidate& row) {
  switch (row.of) {
    case Candidate::Of::empty:
      return nullptr;
    case Candidate::Of::derived:
      return &derived_.mark(row);
    case Candidate::Of::window:
      break;
  }
  return std::visit([&](auto& windows) { return &windows.mark(row); }, windows_);
}

double WindowDefinition::value_of(const Candidate& row, const Aggregate& aggregate) const {
  if (row.of == Candidate::Of::empty || row.state == RowState::retracted) {
    const bool counts = row.of == Candidate::Of::empty && aggregate == Aggregate::count;
    return counts ? 0 : std::numeric_limits<double>::quiet_NaN();
  }
  if (row.of == Candidate::Of::derived) {
    const double value = derived_.value(row, aggregate);
    return std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
  }
  return std::visit([&](const auto& windows) { return windows.value(row, aggregate); }, windows_);
}

// `mark` is as it was before.
void WindowDefinition::count_row(const RowMark* mark, const Candidate& row) noexcept {
  ++rows_emitted_.by_state[static_cast<std::size_t>(row.state)];
  const bool was_closed =
      mark != nullptr && mark->revision > 0 && mark->state == static_cast<std::uint32_t>(RowState::closed);
  if (row.state == RowState::open) {
    ++rows_emitted_.early;
  } else if (!was_closed && row.state != RowState::retracted) {
    ++rows_emitted_.on_time;
  } else if (row.state == RowState::closed && row.changed) {
    ++rows_emitted_.late;
  }
}

template <typename Kind>
void WindowDefinition::emit(Kind& windows, WindowId id, const Candidate& row, Emission& out) {
  const bool plain = row.of == Candidate::Of::window && row.state != RowState::retracted;
  RowMark* const mark = plain ? &windows.mark(row) : mark_of(row);
  if (row.held_back) {
    if (mark != nullptr) mark->pass(row.state);
    return;
  }
  count_row(mark, row);
  if (mark != nullptr) mark->emit(row.state);
  const std::uint32_t revision = mark != nullptr ? mark->revision : row.handle;
  const std::size_t first_value = out.values.size();
  for (const std::optional<Aggregate>& column : columns_) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    out.values.push_back(!column ? none : plain ? windows.value(row, *column) : value_of(row, *column));
  }
  const double readings = count_place_ ? out.values[first_value + *count_place_] : value_of(row, Aggregate::count);
  out.rows.push_back({id, row.key, row.start, row.end, row.state, row.changed, revision,
                      static_cast<std::uint32_t>(first_value), readings, depth_});
}

void WindowDefinition::finish() {
  derived_.finish(rows_);
  std::visit([&](auto& windows) { windows.finish(rows_); }, windows_);
}

void WindowDefinition::forget_duplicates() {
  if (!duplicates_.has_grown()) return;
  duplicates_.forget([&](const DuplicateFilter::Entry& entry) {
    const Timestamp end = std::visit([&](const auto& windows) { return windows.last_end(entry.event_time); }, windows_);
    const auto keys = keys_.keys_of(entry.series);
    return std::all_of(keys.begin(), keys.end(),
                       [&](KeyId key) { return end + options_.allowed_lateness <= reached_[index_of(key)]; });
  });
}

void WindowDefinition::fire(WindowId id, Duration running, const Clocks& clocks,
                            std::span<const std::uint32_t> series_ranks, std::size_t max_rows, Emission& out) {
  if (in_handover_) forget_what_is_past(clocks.too_old);
  if (former_) {
    const std::size_t before = out.rows.size();
    former_->fire(id, running, clocks, series_ranks, max_rows, out);
    max_rows -= std::min(max_rows, out.rows.size() - before);
    rows_emitted_.add(std::exchange(former_->rows_emitted_, {}));
  }
  fired_at_ = running;
  note_reached(clocks);
  collect(clocks, grouped() ? std::span<const std::uint32_t>(keys_.ranks()) : series_ranks, max_rows);
  has_more_ = has_more_ || (former_ && former_->has_more_);
  order_and_cut();
  std::visit(
      [&](auto& windows) {
        for (const Candidate& row : rows_) emit(windows, id, row, out);
      },
      windows_);
  finish();
  forget_duplicates();
}

RowsDue WindowDefinition::rows_due(const std::function<SeriesClock(SeriesId)>& clock_of) const {
  RowsDue due = former_ ? former_->rows_due(clock_of) : RowsDue();
  std::vector<Timestamp> reached_now;
  for (std::uint32_t i = 0; i < key_count(); ++i) {
    const KeyId key{i};
    reached_now.push_back(grouped() ? group_watermark(key) : reached(series_of(key), clock_of(series_of(key))));
  }
  std::visit([&](const auto& windows) { windows.count_due(reached_now, due); }, windows_);
  if (options_.complete && due.all > 0) due.all = std::max(due.all, open_windows());
  return due;
}

std::shared_ptr<const Series> WindowDefinition::key(KeyId key, const SeriesTable& table, std::uint8_t former) const {
  if (former > depth_ && former_) return former_->key(key, table, former);
  return grouped() ? keys_.group(key) : table.shared(series_of(key));
}

std::size_t WindowDefinition::open_windows() const noexcept {
  return own_windows() + (former_ ? former_->open_windows() : 0);
}

std::size_t WindowDefinition::own_windows() const noexcept {
  return std::visit([](const auto& windows) { return windows.open_windows(); }, windows_);
}

std::size_t WindowDefinition::memory_bytes() const noexcept {
  std::size_t bytes = std::visit([](const auto& windows) { return windows.memory_bytes(); }, windows_);
  bytes += heap_block(sizeof *this) + measured_bytes_ + layout_.bytes_taken() + keys_.memory_bytes() +
           duplicates_.memory_bytes();
  bytes += heap_bytes(idle_) + heap_bytes(reached_) + heap_bytes(rows_) + heap_bytes(groups_) + members_.capacity() / 8;
  bytes += (since_ ? since_->memory_bytes() : 0) + (until_ ? until_->memory_bytes() : 0);
  return bytes + (empty_ ? empty_->memory_bytes() : 0) + (former_ ? former_->memory_bytes() : 0);
}

void WindowDefinition::measure() noexcept {
  if (former_) former_->measure();
  layout_.forget_taken();
  measured_bytes_ = std::visit([](const auto& windows) { return windows.owned_bytes(); }, windows_);
  measured_bytes_ += derived_.memory_bytes();
  for (const MinimumWatermark<MemberId>& group : groups_) measured_bytes_ += group.memory_bytes();
}

bool WindowDefinition::needs_room(const Incoming& reading) const noexcept {
  if (former_ && former_->needs_room(reading)) return true;
  const std::span<const KeyId> keys = keys_.keys_of(reading.series);
  if (keys.empty() || !takes_value(reading.value)) return false;
  if (is_limited() && outcome_outside(reading, keys.front())) return false;
  if (options_.deduplicate && duplicates_.is_full()) return true;
  return std::any_of(keys.begin(), keys.end(), [&](KeyId key) {
    const Timestamp reached = reached_by(reading, key);
    return std::visit(
        [&](const auto& windows) { return windows.needs_room(key, reading.event_time, reading.value, reached); },
        windows_);
  });
}

}  // namespace edgetide
