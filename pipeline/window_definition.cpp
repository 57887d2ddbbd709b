#include "pipeline/window_definition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pipeline/candidate_order.h"
#include "pipeline/heap_bytes.h"

namespace edgetide {

namespace {

AggregateRules rules_of(const WindowOptions& options) {
  AggregateRules rules;
  rules.reset_below = options.reset_below;
  rules.hold = options.hold;
  rules.carry_in = traits_of(options.kind).aligned;
  rules.keep_last = options.fill == Fill::last;
  return rules;
}

bool takes_all_values(const MatchOptions& match) noexcept {
  return match.min == -std::numeric_limits<double>::infinity() && match.max == std::numeric_limits<double>::infinity();
}

}  // namespace

WindowDefinition::WindowDefinition(const WindowOptions& options, std::size_t sources, std::uint64_t hash_seed)
    : options_(options),
      traits_(traits_of(options.kind)),
      layout_(options.aggregates, rules_of(options)),
      keys_(options),
      windows_(make_windows(options_, layout_, hash_seed)),
      source_idle_(sources, Timestamp::earliest()),
      row_labels_(options.emit_empty),
      duplicates_(hash_seed),
      derived_(options) {
  columns_.assign(options.aggregates.begin(), options.aggregates.end());
  if (options.emit_empty) empty_.emplace(options);
  if (options.top && grouped()) ranked_.emplace();
  const auto count = std::find(columns_.begin(), columns_.end(), Aggregate(Aggregate::count));
  if (count != columns_.end()) count_place_ = static_cast<std::size_t>(count - columns_.begin());
  emits_all_ = std::find(columns_.begin(), columns_.end(), Aggregate(Aggregate::sketch)) == columns_.end();
  choose_fast_path();
}

void WindowDefinition::choose_fast_path() {
  in_handover_ = former_ || is_limited();
  is_plain_ = keys_.takes_all() && takes_all_values(options_.match) && !options_.deduplicate && !options_.emit_empty &&
              options_.derived.empty() && !in_handover_;
}

void WindowDefinition::add_series(SeriesId id, const Series& series, SeriesId origin) {
  if (former_) former_->add_series(id, series, origin);
  take_out_groups();
  keys_.add_series(id, series, origin, derived_.is_derived(series.metric));
  make_places(id);
  if (grouped()) recall_groups(id);
}

// Groups that are there again.
void WindowDefinition::recall_groups(SeriesId id) {
  for (const KeyId key : keys_.keys_of(id)) {
    if (groups_[index_of(key)].own() != Timestamp::earliest()) continue;  // heard already
    const Series& names = *keys_.group(key);
    settle(key, evicted_groups_.recall(names.sensor, names.metric));
  }
}

// All windows up to there are final.
void WindowDefinition::settle(KeyId key, Timestamp reached) {
  if (reached == Timestamp::earliest() || traits_.endless) return;
  idle_[index_of(key)] = std::max(idle_[index_of(key)], reached);
  settle_windows(key, reached - options_.allowed_lateness - traits_.behind_last(options_));
}

void WindowDefinition::settle_windows(KeyId key, Timestamp last_reading) noexcept {
  std::visit(
      [&](auto& windows) {
        if constexpr (requires { windows.settle(key, last_reading); }) windows.settle(key, last_reading);
      },
      windows_);
}

Timestamp WindowDefinition::newest_settled(SeriesId id, Timestamp newest) const {
  if (former_) newest = former_->newest_settled(id, newest);
  if (grouped() || traits_.endless) return newest;
  const Timestamp idle = idle_[index_of(id)];
  const Timestamp end = std::visit([&](const auto& windows) { return windows.last_end(newest); }, windows_);
  if (idle == Timestamp::earliest() || idle <= end + options_.allowed_lateness) return newest;
  return idle - options_.allowed_lateness - traits_.behind_last(options_);
}

void WindowDefinition::recall(SeriesId id, Timestamp newest) {
  if (former_) former_->recall(id, newest);
  if (grouped()) return;
  const Timestamp end = std::visit([&](const auto& windows) { return windows.last_end(newest); }, windows_);
  settle(key_of(id), end + options_.allowed_lateness);
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
    for (std::size_t i = groups_.size(); i < keys; ++i) groups_.emplace_back().set_held(held_);
    members_.resize(std::max<std::size_t>(members_.size(), index_of(id) + 1));
  }
  if (empty_) empty_->reserve_keys(keys);
}

bool WindowDefinition::keeps(SeriesId id) const {
  if (former_ && former_->keeps(id)) return true;
  if (grouped()) return false;
  if (derived_.computes(id) || row_labels_.uses(id)) return true;
  return std::visit([&](const auto& windows) { return windows.has_windows(key_of(id)); }, windows_);
}

void WindowDefinition::forget_series(SeriesId id, const SeriesTable& table, std::vector<SeriesId>& orphans) {
  if (former_) former_->forget_series(id, table, orphans);
  become_idle(id);
  keys_.forget_series(id);
  duplicates_.forget_series(id);
  if (grouped()) {
    members_[index_of(id)] = false;
    return;
  }
  if (since_) since_->forget(key_of(id));
  if (until_) until_->forget(key_of(id));
  idle_[index_of(id)] = Timestamp::earliest();
  std::visit([&](auto& windows) { windows.forget_key(key_of(id)); }, windows_);
  derived_.forget_input(id, orphans);
  derived_.forget_labels(id);
  if (empty_) empty_->forget(key_of(id));
  const SeriesId origin = table.origin_of(id);
  if (origin == id) return row_labels_.forget_key(key_of(id));
  row_labels_.evict(key_of(origin), id, table.shared(id));
}

// Groups that have lost all members and whose last final row was emitted.
void WindowDefinition::take_out_groups() {
  if (!grouped() || !keys_.any_deserted()) return;
  keys_.take_out_deserted([&](KeyId group) {
    if (std::visit([&](const auto& windows) { return windows.has_windows(group); }, windows_)) return false;
    const Timestamp reached = group_watermark(group);
    const Series& names = *keys_.group(group);
    if (reached != Timestamp::earliest()) evicted_groups_.remember(names.sensor, names.metric, reached);
    groups_[index_of(group)] = {};
    groups_[index_of(group)].set_held(held_);
    idle_[index_of(group)] = Timestamp::earliest();
    std::visit([&](auto& windows) { windows.forget_key(group); }, windows_);
    return true;
  });
}

// Of a minimum, or a stream.
inline Timestamp WindowDefinition::idle_of(WatermarkScope scope, SourceId source) const noexcept {
  if (scope == WatermarkScope::sensor) [[likely]]
    return Timestamp::earliest();
  return scope == WatermarkScope::global ? all_idle_ : source_idle_[index_of(source)];
}

Timestamp WindowDefinition::reached_by(const Incoming& reading, KeyId key) const noexcept {
  if (grouped()) return group_watermark(key);
  return std::max({reading.watermark, idle_[index_of(key)], idle_of(reading.scope, reading.source)});
}

ReadingOutcome WindowDefinition::admit_any(const Incoming& reading) {
  if (grouped() && !members_[index_of(reading.series)]) [[unlikely]]
    join_groups(reading);
  if (in_handover_) [[unlikely]]
    return judge(reading).outcome;
  return admit_own(reading);
}

// The first reading with these labels is judged by what its series has reached with others, or by way of other sources.
void WindowDefinition::join_groups(const Incoming& reading) {
  members_[index_of(reading.series)] = true;
  if (ranked_ && !keys_of(reading.series).empty()) ranked_->follow(reading.series, SeriesWatermark(reading.own));
  keys_.for_each_membership(reading.series, [&](KeyId key, MemberId member) {
    MinimumWatermark<MemberId>& group = groups_[index_of(key)];
    measured_bytes_ -= std::min(measured_bytes_, group.memory_bytes());
    group.follow(member, SeriesWatermark(reading.own));
    measured_bytes_ += group.memory_bytes();
  });
}

bool WindowDefinition::takes_value(double value) const noexcept {
  return value >= options_.match.min && value <= options_.match.max;
}

ReadingOutcome WindowDefinition::admit_own(const Incoming& reading) {
  if (!takes_value(reading.value)) return ReadingOutcome::unmatched;
  const std::span<const KeyId> keys = keys_.keys_of(reading.series);
  if (keys.empty()) return ReadingOutcome::unmatched;
  if (options_.deduplicate && is_duplicate(reading, keys)) return ReadingOutcome::duplicate;
  ReadingOutcome best = ReadingOutcome::late_dropped;
  for (const KeyId key : keys) best = std::min(best, admit_key(key, reading, reached_by(reading, key)));
  return best;
}

ReadingOutcome WindowDefinition::admit_key(KeyId key, const Incoming& reading, Timestamp reached) {
  const ReadingOutcome outcome = std::visit(
      [&](auto& windows) { return windows.admit(key, reading.event_time, reading.value, reached); }, windows_);
  if (empty_ && outcome != ReadingOutcome::late_dropped) empty_->observe(key, reading.event_time);
  return outcome;
}

// For all its windows.
bool WindowDefinition::is_late(KeyId key, Timestamp event_time, Timestamp reached) const {
  return std::visit(
      [&](const auto& windows) {
        if constexpr (requires { windows.is_late(key, event_time, reached); }) {
          return windows.is_late(key, event_time, reached);
        } else {
          return windows.last_end(event_time) + options_.allowed_lateness <= reached;
        }
      },
      windows_);
}

// Known, and not too late: what is final for all its keys is dropped as late, not as a duplicate.
bool WindowDefinition::is_duplicate(const Incoming& reading, std::span<const KeyId> keys) {
  const bool late = std::all_of(keys.begin(), keys.end(),
                                [&](KeyId key) { return is_late(key, reading.event_time, reached_by(reading, key)); });
  return !late && !duplicates_.insert({reading.event_time, reading.origin, reading.labels});
}

void WindowDefinition::begin_labels(SeriesId origin, Timestamp newest) {
  if (former_) former_->begin_labels(origin, newest);
  if (!grouped()) row_labels_.begin(key_of(origin), newest);
}

void WindowDefinition::note_labels(const Incoming& reading) {
  if (former_) former_->note_labels(reading);
  if (grouped()) return;
  const KeyId key = key_of(reading.origin);
  settle_labels(key, reading);
  const Timestamp cell =
      std::visit([&](const auto& windows) { return windows.cell_start(reading.event_time); }, windows_);
  row_labels_.note(key, cell, reading.event_time, reading.series);
}

// A window that is final may have readings in the cell into which this one came.
void WindowDefinition::settle_labels(KeyId key, const Incoming& reading) {
  const auto settle = [&](AggregateSpan window, const AggregateLayout::Word* state) {
    if (row_labels_.settled(key, window.start)) return;
    row_labels_.settle(key, window.start, variant_of(key, newest_in(key, window, state)));
  };
  std::visit(
      [&](const auto& windows) {
        if constexpr (requires { windows.for_each_final(key, Timestamp(), Timestamp(), settle); }) {
          windows.for_each_final(key, reading.event_time, reached_by(reading, key), settle);
        }
      },
      windows_);
}

// The readings before the first variant were not noted: they have the labels of the key, which is no_series here.
RowLabels::Newest WindowDefinition::newest_in(KeyId key, AggregateSpan window,
                                              const AggregateLayout::Word* state) const {
  const auto newest = layout_.newest(state);
  if (const auto settled = row_labels_.settled(key, window.start)) {
    return {newest.value_or(Timestamp::earliest()), *settled};
  }
  const Timestamp start = traits_.endless ? Timestamp::earliest() : window.start;
  // Readings behind the newest one are not its own.
  const auto noted = row_labels_.newest(key, start, newest ? *newest + Duration::microseconds(1) : window.end);
  if (!noted) return {newest.value_or(Timestamp::earliest())};
  if (newest) return *newest > noted->event_time ? RowLabels::Newest{*newest} : *noted;
  const Timestamp begun = row_labels_.begun(key);
  if (noted->event_time >= begun || begun < start) return *noted;
  if (row_labels_.noted(key, start, window.end) >= AggregateLayout::count(state)) return *noted;
  // When those that were not noted came is not known: later than one that is late.
  return {begun < window.end ? begun : Timestamp::earliest()};
}

RowLabels::Newest WindowDefinition::newest_of(const Candidate& row) const {
  return newest_in(row.key, {row.start, row.end}, state_of(row));
}

SeriesId WindowDefinition::labels_of(const Candidate& row) const {
  if (grouped() || row.state == RowState::retracted) return no_series;
  if (row.of == Candidate::Of::empty) return labels_before(row);
  return row.of == Candidate::Of::derived ? derived_.labels(row) : newest_of(row).variant;
}

// Of the newest reading before a window without readings: in what is there before it, else in what is past.
SeriesId WindowDefinition::labels_before(const Candidate& row) const {
  if (row_labels_.empty()) return no_series;
  std::optional<SeriesId> variant;
  const auto view = [&](AggregateSpan span, const AggregateLayout::Word* state) {
    variant = variant_of(row.key, newest_in(row.key, span, state));
  };
  std::visit(
      [&](const auto& windows) {
        if constexpr (requires { windows.view_before(row.key, row.start, view); }) {
          windows.view_before(row.key, row.start, view);
        }
      },
      windows_);
  if (variant) return *variant;
  const auto past = row_labels_.past(row.key, row.start);
  return past ? past->variant : series_of(row.key);
}

SeriesId WindowDefinition::variant_of(KeyId key, const RowLabels::Newest& newest) {
  return newest.variant == no_series ? series_of(key) : newest.variant;
}

// For the windows without readings that follow. When its newest reading came may not be known: before the next window.
void WindowDefinition::keep_labels(const Candidate& row) {
  if (!empty_ || row_labels_.empty() || row.of != Candidate::Of::window || row.state != RowState::final) return;
  const RowLabels::Newest newest = newest_of(row);
  const Duration moment = Duration::microseconds(1);
  const bool is_known = newest.event_time != Timestamp::earliest();
  row_labels_.keep_past(row.key, is_known ? newest.event_time : start_from(row.start + moment) - moment,
                        variant_of(row.key, newest));
}

bool WindowDefinition::has_labels(const Incoming& reading) const {
  const Timestamp cell =
      std::visit([&](const auto& windows) { return windows.cell_start(reading.event_time); }, windows_);
  return row_labels_.has(key_of(reading.origin), cell);
}

// Of windows whose last row was emitted.
void WindowDefinition::forget_labels() {
  if (row_labels_.empty() || has_more_) return;
  row_labels_.forget(
      [&](KeyId key, Timestamp event_time) { return is_late(key, event_time, reached_[index_of(key)]); });
}

void WindowDefinition::observe(SeriesId series, const SeriesWatermark& own, Heard heard, bool taken) {
  if (former_) former_->observe(series, own, heard, taken);
  if (!grouped()) return;
  if (ranked_ && !keys_of(series).empty()) {
    if (taken) {
      ranked_->observe(series, own, heard);
    } else if (members_[index_of(series)]) {
      ranked_->follow(series, own);
    }
  }
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
  if (ranked_) ranked_->remove(series);
  keys_.for_each_membership(series, [&](KeyId key, MemberId member) { groups_[index_of(key)].remove(member); });
}

void WindowDefinition::raise(Timestamp to) noexcept {
  if (former_) former_->raise(to);
  if (ranked_) ranked_->raise(to);
  for (MinimumWatermark<MemberId>& group : groups_) group.raise(to);
}

void WindowDefinition::set_held(bool held) noexcept {
  if (former_) former_->set_held(held);
  held_ = held;
  if (ranked_) ranked_->set_held(held);
  for (MinimumWatermark<MemberId>& group : groups_) group.set_held(held);
}

void WindowDefinition::hear_at_most(SourceId source, Duration at) noexcept {
  if (former_) former_->hear_at_most(source, at);
  if (ranked_) ranked_->hear_at_most(source, at);
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

void WindowDefinition::follow_ranked_clock(Duration silence) {
  Timestamp newest = Timestamp::earliest();
  for (std::uint32_t i = 0; i < groups_.size(); ++i) newest = std::max(newest, newest_final_at(KeyId{i}));
  all_idle_ = std::max(all_idle_, idle_watermark(ranked_->own(), silence, newest));
}

void WindowDefinition::follow_minimum_clocks(const Clocks& clocks) {
  std::vector<Timestamp> newest_of_source(clocks.sources.size(), Timestamp::earliest());
  Timestamp newest_of_all = Timestamp::earliest();
  for (std::uint32_t i = 0; i < clocks.series.size(); ++i) {
    const SeriesClock& series = clocks.series[i];
    if (series.scope == WatermarkScope::sensor) continue;
    Timestamp& newest =
        series.scope == WatermarkScope::global ? newest_of_all : newest_of_source[index_of(series.source)];
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
  return std::max({clock.watermark, idle_[index_of(series)], idle_of(clock.scope, clock.source)});
}

void WindowDefinition::note_reached(const Clocks& clocks) {
  reached_.clear();
  reached_.reserve(keys_.size());
  if (grouped()) {
    for (std::uint32_t i = 0; i < groups_.size(); ++i) reached_.push_back(group_watermark(KeyId{i}));
    return;
  }
  for (std::uint32_t i = 0; i < clocks.series.size(); ++i) reached_.push_back(reached(SeriesId{i}, clocks.series[i]));
}

void WindowDefinition::collect(const Clocks& clocks, std::span<const std::uint32_t> ranks, std::size_t max_rows) {
  rows_.clear();
  const std::size_t most = options_.complete ? std::numeric_limits<std::size_t>::max() : max_rows;
  const std::size_t cut_at = options_.complete ? most : 2 * most + FiringContext::rows_before_cut;
  FiringContext firing{reached_, ranks, options_.complete, most, options_.top.has_value(), cut_at};
  if (in_handover_) carry_from_former();
  std::visit([&](auto& windows) { windows.collect(firing, rows_); }, windows_);
  has_more_ = std::visit(
      [&](const auto& windows) {
        if constexpr (requires { windows.has_more(); }) {
          return windows.has_more();
        } else {
          return postpone_beyond(most);
        }
      },
      windows_);
  if (empty_) collect_empty(firing, clocks);
  if (options_.top && !options_.complete) collect_for_ranking(firing);
  if (is_limited()) limit_rows();
  if (!derived_.empty()) {
    derived_.collect(
        firing, rows_, [&](const Candidate& row, const Aggregate& aggregate) { return value_of(row, aggregate); },
        [&](const Candidate& row) { return newest_of(row); });
  }
  if (std::none_of(rows_.begin(), rows_.end(), [](const Candidate& row) { return row.changed; })) rows_.clear();
}

// Rows are ranked with all others of their start, whether these have changed or not.
void WindowDefinition::collect_for_ranking(FiringContext& firing) {
  ranked_starts_.clear();
  for (const Candidate& row : rows_) {
    if (row.state != RowState::retracted) ranked_starts_.push_back(row.start);
  }
  std::sort(ranked_starts_.begin(), ranked_starts_.end());
  ranked_starts_.erase(std::unique(ranked_starts_.begin(), ranked_starts_.end()), ranked_starts_.end());
  firing.whole = ranked_starts_;
  if (!ranked_starts_.empty()) std::visit([&](auto& windows) { windows.collect_unchanged(firing, rows_); }, windows_);
}

// Those of the oldest windows stay, and retractions. With `top` all rows of one start leave together. True: there were
// more.
bool WindowDefinition::postpone_beyond(std::size_t max_rows) {
  if (rows_.size() <= max_rows) return false;
  const auto others =
      std::partition(rows_.begin(), rows_.end(), [](const Candidate& row) { return row.state == RowState::retracted; });
  std::sort(others, rows_.end(), comes_first);
  std::size_t stay = std::min(static_cast<std::size_t>(others - rows_.begin()) + max_rows, rows_.size());
  while (options_.top && stay > 0 && stay < rows_.size() && rows_[stay].start == rows_[stay - 1].start) ++stay;
  rows_.resize(stay);
  return true;
}

void WindowDefinition::collect_empty(const FiringContext& firing, const Clocks& clocks) {
  for (const Candidate& row : rows_) {  // an empty window that has got readings after all
    RowMark& mark = *mark_of(row);
    if (mark.revision == 0 && empty_->has_left(row.key, row.start)) mark.revision = 1;
  }
  const auto collect_from = [&](const auto& windows) {
    if constexpr (requires { windows.has_window(KeyId{0}, Timestamp(), true); }) {
      for (std::uint32_t key = 0; key < reached_.size(); ++key) {
        const SeriesClock& series = clocks.series[key];
        const bool ended = reached_[key] == Timestamp::latest();
        const Timestamp reached =
            ended ? std::max({series.passed, series.clock, idle_[key], idle_of(series.scope, series.source)})
                  : reached_[key];
        empty_->collect(KeyId{key}, {reached, std::max(reached, series.clock), ended}, firing.ranks[key],
                        firing.max_rows, windows, rows_);
      }
    }
  };
  std::visit(collect_from, windows_);
  has_more_ = has_more_ || rows_.size() >= firing.max_rows;
}

void WindowDefinition::order_and_cut() {
  put_in_order(rows_);
  if (options_.top) rank_and_cut();
}

// Of the rows of each start, holds back all but the n with the largest value, and puts these in that order.
void WindowDefinition::rank_and_cut() {
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t first = 0, end = 0; first < rows_.size(); first = end) {
    ranked.clear();
    for (end = first; end < rows_.size() && rows_[end].start == rows_[first].start; ++end) {
      if (rows_[end].state == RowState::retracted || rows_[end].held_back) continue;
      const double by = value_of(rows_[end], options_.top->by);
      ranked.emplace_back(std::isnan(by) ? -std::numeric_limits<double>::infinity() : by, end);
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      Candidate& row = rows_[ranked[i].second];
      i < options_.top->n ? row.top = static_cast<std::uint32_t>(i) + 1 : row.held_back = true;
      row.falls_out = row.held_back && mark_of(row)->ranked;
    }
    announce_ranking(std::span(rows_).subspan(first, end - first));
    std::stable_sort(rows_.begin() + static_cast<std::ptrdiff_t>(first),
                     rows_.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const Candidate& a, const Candidate& b) { return a.top < b.top; });
  }
}

// Of one start. The ranking is emitted whole, if one of its rows has changed, come or gone.
void WindowDefinition::announce_ranking(std::span<Candidate> rows) {
  const bool is_news = std::any_of(rows.begin(), rows.end(), [&](const Candidate& row) {
    return row.falls_out || (row.top > 0 && (row.changed || !mark_of(row)->ranked));
  });
  for (Candidate& row : rows) {
    if (row.top == 0) continue;
    row.changed = is_news;
    mark_of(row)->ranked = 1;
    row.held_back = !is_news && !options_.complete;
  }
}

// As a retracted row, until it is among the top again.
void WindowDefinition::retract_fallen(WindowId id, const Candidate& row, RowMark& mark, Emission& out) {
  ++rows_emitted_.by_state[static_cast<std::size_t>(RowState::retracted)];
  mark.emit(row.state);
  mark.ranked = 0;
  constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
  const auto first_value = static_cast<std::uint32_t>(out.values.size());
  out.values.insert(out.values.end(), columns_.size(), nothing);
  out.rows.push_back({id, row.key, row.start, row.end, RowState::retracted, true, mark.revision, first_value, no_series,
                      nothing, 0, depth_});
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
  constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
  if (row.state == RowState::retracted) return nothing;
  if (row.of == Candidate::Of::empty) {
    if (aggregate == Aggregate::count) return 0;
    return options_.fill == Fill::last ? filled(row, aggregate) : nothing;
  }
  if (row.of == Candidate::Of::derived) {
    const double value = derived_.value(row, aggregate);
    return std::isfinite(value) ? value : nothing;
  }
  return layout_.value(state_of(row), aggregate, {row.start, row.end});
}

// Requires: the kind fills.
double WindowDefinition::filled(const Candidate& row, const Aggregate& aggregate) const {
  return std::visit(
      [&](const auto& windows) {
        if constexpr (requires { windows.filled(row, aggregate); }) return windows.filled(row, aggregate);
        return std::numeric_limits<double>::quiet_NaN();
      },
      windows_);
}

// Its place among those of the emission.
double WindowDefinition::add_sketch(const Candidate& row, Emission& out) const {
  const bool has_readings = row.of == Candidate::Of::window && row.state != RowState::retracted;
  if (!has_readings) return std::numeric_limits<double>::quiet_NaN();
  out.sketches.push_back(layout_.sketch(state_of(row)));
  return static_cast<double>(out.sketches.size() - 1);
}

const AggregateLayout::Word* WindowDefinition::state_of(const Candidate& row) const {
  return std::visit([&](const auto& windows) { return windows.state(row); }, windows_);
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
  keep_labels(row);
  if (row.held_back) {
    if (row.falls_out) return retract_fallen(id, row, *mark, out);
    if (mark != nullptr) mark->pass(row.state);
    return;
  }
  count_row(mark, row);
  if (mark != nullptr) mark->emit(row.state);
  const std::uint32_t revision = mark != nullptr ? mark->revision : row.handle;
  const std::size_t first_value = out.values.size();
  if (plain && emits_all_) [[likely]] {
    const AggregateLayout::Word* const state = windows.state(row);
    for (const Aggregate& aggregate : options_.aggregates) {
      out.values.push_back(layout_.value(state, aggregate, {row.start, row.end}));
    }
  } else {
    for (const std::optional<Aggregate>& column : columns_) {
      if (column == Aggregate::sketch) {
        out.values.push_back(add_sketch(row, out));
      } else {
        out.values.push_back(column ? value_of(row, *column) : std::numeric_limits<double>::quiet_NaN());
      }
    }
  }
  const bool has_labels = !plain || !row_labels_.empty();
  const double readings = count_place_ ? out.values[first_value + *count_place_] : value_of(row, Aggregate::count);
  out.rows.push_back({id, row.key, row.start, row.end, row.state, row.changed, revision,
                      static_cast<std::uint32_t>(first_value), has_labels ? labels_of(row) : no_series, readings,
                      row.top, depth_});
}

void WindowDefinition::finish() {
  derived_.finish(rows_);
  std::visit([&](auto& windows) { windows.finish(rows_); }, windows_);
  const std::size_t windows = windows_with_rows();
  shown_windows_ = has_more_ ? std::min(shown_windows_, windows) : windows;
  rows_.clear();
  release_if_large(rows_);
}

void WindowDefinition::forget_duplicates(const SeriesTable& table) {
  if (!duplicates_.has_grown()) return;
  duplicates_.forget([&](const DuplicateFilter::Entry& entry) {
    const auto is_final = [&](KeyId key) { return is_late(key, entry.event_time, reached_[index_of(key)]); };
    if (!grouped()) return is_final(key_of(entry.series));
    bool all_final = true;
    table.for_each_variant(entry.series, [&](SeriesId variant) {
      const auto keys = keys_.keys_of(variant);
      all_final = all_final && std::all_of(keys.begin(), keys.end(), is_final);
    });
    return all_final;
  });
}

void WindowDefinition::fire(WindowId id, Duration running, const Clocks& clocks, const SeriesTable& table,
                            std::span<const std::uint32_t> series_ranks, std::size_t max_rows, Emission& out) {
  if (in_handover_) forget_what_is_past(clocks.too_old);
  if (former_) {
    const std::size_t before = out.rows.size();
    former_->fire(id, running, clocks, table, series_ranks, max_rows, out);
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
  forget_duplicates(table);
  forget_labels();
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
  if (options_.top) due.all += 2 * std::min(options_.top->n, open_windows()) * due.all;  // with what falls out
  return due;
}

std::shared_ptr<const Series> WindowDefinition::names_of(const Row& row, const SeriesTable& table) const {
  if (row.former > depth_ && former_) return former_->names_of(row, table);
  if (grouped()) return keys_.group(row.key);
  const auto evicted = row.readings == 0 ? row_labels_.evicted_before(row.key, row.start) : nullptr;
  return evicted ? evicted : table.shared(series_of(row.key));
}

std::size_t WindowDefinition::open_windows() const noexcept {
  return own_windows() + (former_ ? former_->open_windows() : 0);
}

std::size_t WindowDefinition::own_windows() const noexcept {
  return std::visit([](const auto& windows) { return windows.open_windows(); }, windows_);
}

std::size_t WindowDefinition::memory_bytes() const noexcept {
  std::size_t bytes = std::visit([](const auto& windows) { return windows.memory_bytes(); }, windows_);
  bytes += heap_block(sizeof *this) + measured_bytes_ + derived_.memory_bytes() + layout_.bytes_taken() +
           keys_.memory_bytes() + duplicates_.memory_bytes() + evicted_groups_.memory_bytes() +
           row_labels_.memory_bytes();
  bytes += heap_bytes(idle_) + heap_bytes(reached_) + heap_bytes(ranked_starts_) + heap_bytes(rows_) +
           heap_bytes(groups_) + members_.capacity() / 8;
  bytes += ranked_ ? ranked_->memory_bytes() : 0;
  bytes += (since_ ? since_->memory_bytes() : 0) + (until_ ? until_->memory_bytes() : 0);
  return bytes + (empty_ ? empty_->memory_bytes() : 0) + (former_ ? former_->memory_bytes() : 0);
}

void WindowDefinition::measure() {
  if (former_) former_->measure();
  std::visit([](auto& windows) { windows.shrink(); }, windows_);
  layout_.forget_taken();
  measured_bytes_ = std::visit([](const auto& windows) { return windows.owned_bytes(); }, windows_);
  largest_group_bytes_ = 0;
  for (const MinimumWatermark<MemberId>& group : groups_) {
    measured_bytes_ += group.memory_bytes();
    largest_group_bytes_ = std::max(largest_group_bytes_, group.memory_bytes());
  }
}

// ---- what may come to it

std::size_t WindowDefinition::windows_with_rows() const noexcept {
  return std::visit(
      [](const auto& windows) {
        if constexpr (requires { windows.windows_with_rows(); }) return windows.windows_with_rows();
        return windows.open_windows();
      },
      windows_);
}

// Of windows that have opened since the last firing: the next one takes a window of each metric for them.
std::size_t WindowDefinition::reserved_for_derived() const noexcept {
  if (derived_.empty()) return 0;
  const std::size_t windows = windows_with_rows();
  return derived_.bytes_of_windows(windows - std::min(windows, shown_windows_));
}

std::size_t WindowDefinition::reserved_bytes() const noexcept {
  const std::size_t kind = std::visit([](const auto& windows) { return windows.reserved_bytes(); }, windows_);
  const std::size_t reached = reached_.capacity() >= keys_.size() ? 0 : keys_.size() * sizeof(Timestamp);
  return kind + reached + reserved_for_derived() + (former_ ? former_->reserved_bytes() : 0);
}

std::size_t WindowDefinition::largest_growth() const noexcept {
  const std::size_t of_key = std::visit([](const auto& windows) { return windows.largest_growth(); }, windows_);
  const std::size_t other = (options_.deduplicate ? DuplicateFilter::bytes_of_entry : 0) + RowLabels::bytes_of_cell();
  const std::size_t joining = grouped() ? bytes_of_member : 0;
  const std::size_t ranked = ranked_ ? bytes_of_member : 0;
  const std::size_t shared = std::visit(
      [](const auto& windows) {
        if constexpr (requires { windows.windows_of_reading(); }) return windows.windows_of_reading();
        return std::size_t{1};
      },
      windows_);
  const std::size_t derived = derived_.bytes_of_windows(shared);
  return (of_key + joining) * keys_.per_series() + ranked + other + derived + (former_ ? former_->largest_growth() : 0);
}

std::size_t WindowDefinition::largest_step() const noexcept {
  std::size_t bytes = std::visit([](const auto& windows) { return windows.largest_step(); }, windows_);
  if (options_.deduplicate) bytes += duplicates_.largest_step();
  bytes += largest_group_bytes_ * keys_.per_series();
  if (ranked_) bytes += 2 * std::max(ranked_->memory_bytes(), bytes_of_member * keys_.series_count());
  if (layout_.keeps_readings()) bytes += (measured_bytes_ + layout_.bytes_taken()) / 4;
  return bytes + (former_ ? former_->largest_step() : 0);
}

std::size_t WindowDefinition::bytes_by_key() const noexcept {
  const std::size_t kind = std::visit([](const auto& windows) { return windows.bytes_by_key; }, windows_);
  return kind + sizeof(KeyId) + sizeof(Timestamp) + (empty_ ? EmptyWindows::bytes_by_key : 0) +
         (derived_.empty() ? 0 : DerivedMetrics::bytes_by_series) + (former_ ? former_->bytes_by_key() : 0);
}

// Groups that are new, and all that is kept by group if it grows now.
std::size_t WindowDefinition::growth_of_groups(const Series& series) const noexcept {
  const std::size_t former = former_ ? former_->growth_of_groups(series) : 0;
  if (!grouped()) return former;
  const std::size_t kind = std::visit([](const auto& windows) { return windows.bytes_by_key; }, windows_);
  const bool is_full = groups_.size() + keys_.per_series() > groups_.capacity();
  const std::size_t by_group = sizeof groups_[0] + sizeof(Timestamp) + kind + KeyMap::bytes_by_group;
  const std::size_t each = KeyMap::bytes_of_group(series) + bytes_of_member;
  return former + keys_.per_series() * each + (is_full ? groups_.size() * by_group : 0);
}

std::size_t WindowDefinition::growth(const Incoming& reading, bool has_variants) {
  std::size_t bytes = former_ ? former_->growth(reading, has_variants) : 0;
  const std::span<const KeyId> keys = keys_.keys_of(reading.series);
  if (keys.empty() || !takes_value(reading.value)) return bytes;
  if (is_limited() && outcome_outside(reading, keys)) return bytes;
  if (options_.deduplicate) bytes += duplicates_.growth();
  if (has_variants && !grouped() && !has_labels(reading)) bytes += RowLabels::bytes_of_cell();
  const std::size_t derived = derived_.bytes_of_window_of(reading.origin);
  const bool joins = grouped() && !members_[index_of(reading.series)];
  if (joins && ranked_) bytes += bytes_of_member + ranked_->growth(reading.series);
  for (const KeyId key : keys) {
    if (joins) bytes += bytes_of_member + groups_[index_of(key)].memory_bytes();
    const Timestamp reached = reached_by(reading, key);
    bytes += std::visit(
        [&](auto& windows) { return windows.growth(key, reading.event_time, reading.value, reached, derived); },
        windows_);
  }
  return bytes;
}

}  // namespace edgetide
