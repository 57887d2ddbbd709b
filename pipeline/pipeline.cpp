#include "pipeline/pipeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pipeline/glob.h"
#include "pipeline/heap_bytes.h"

namespace edgetide {

namespace {

bool takes(const WindowOptions& window, SourceId source, const std::string& name) {
  return std::find(window.inputs.begin(), window.inputs.end(), source) != window.inputs.end() &&
         any_glob_matches(window.match.source, name);
}

}  // namespace

Pipeline::Pipeline(PipelineOptions options)
    : options_(std::move(options)), series_(options_.max_series, options_.hash_seed) {
  reset();
}

void Pipeline::reset() {
  epoch_ = 0;
  now_.reset();
  floor_ = Timestamp::earliest();
  series_ = SeriesTable(options_.max_series, options_.hash_seed);
  states_.clear();
  sources_.clear();
  windows_.clear();
  evictable_.clear();
  memory_bytes_ = 0;
  forgotten_windows_.clear();
  changed_windows_.clear();
  all_ = {};
  for (const WindowOptions& window : options_.windows) {
    windows_.push_back(std::make_unique<WindowDefinition>(window, options_.sources.size(), options_.hash_seed));
    others_follow_ = others_follow_ || windows_.back()->follows_others();
  }
  for (std::uint32_t i = 0; i < options_.sources.size(); ++i) {
    SourceState& source = sources_.emplace_back();
    source.time = options_.sources[i].time;
    source.new_series = RateLimit(options_.new_series_per_minute);
    for (const auto& window : windows_) {
      if (takes(window->options(), SourceId{i}, options_.sources[i].name)) source.windows.push_back(window.get());
    }
    by_minimum_ = by_minimum_ || source.time.scope != WatermarkScope::sensor;
  }
  others_follow_ = others_follow_ || by_minimum_;
}

// No series is evicted for one that is then refused.
std::optional<Refusal> Pipeline::find_room(SourceId source, std::span<const Reading> coming) {
  if (memory_bytes() > options_.max_memory_bytes) return Refusal::memory_limit;
  const std::optional<SeriesId> leaver = series_.full() ? next_leaver(coming) : std::nullopt;
  if (series_.full() && !leaver) return Refusal::series_limit;
  if (now_ && !sources_[index_of(source)].new_series.take(running())) return Refusal::series_rate;
  if (leaver) forget_series(*leaver);
  return std::nullopt;
}

std::optional<SeriesId> Pipeline::add_series(Series series, SourceId source) {
  const auto added = try_add_series(std::move(series), source);
  if (const auto* const id = std::get_if<SeriesId>(&added)) return *id;
  refuse(source, std::get<Refusal>(added));
  return std::nullopt;
}

std::variant<SeriesId, Refusal> Pipeline::try_add_series(Series series, SourceId source,
                                                         std::span<const Reading> coming) {
  if (label_bytes(series) > max_label_bytes) return Refusal::label_limit;
  if (const auto reason = find_room(source, coming)) return *reason;
  const std::optional<SeriesId> id = series_.add(std::move(series));
  if (!id) return Refusal::series_limit;  // the limit is lower than in an earlier run
  add_derived(enter_series(*id));
  return *id;
}

SeriesId Pipeline::restore_series(Series series, SourceId source, std::optional<SeriesId> replaced) {
  if (replaced && series_.has(*replaced)) {
    evictable_.erase(std::find(evictable_.begin(), evictable_.end(), *replaced), evictable_.end());
    forget_series(*replaced);
  }
  if (now_ && index_of(source) < sources_.size()) sources_[index_of(source)].new_series.take(running());
  const SeriesId id = enter_series(series_.add_beyond_capacity(std::move(series)));
  add_derived(id);
  return id;
}

SeriesId Pipeline::enter_series(SeriesId id) {
  states_.resize(std::max<std::size_t>(states_.size(), index_of(id) + 1));
  states_[index_of(id)] = {.watermark = SeriesWatermark(floor_), .heard_at = Duration(), .source = SourceId{0}};
  for (const auto& window : windows_) {
    window->add_series(id, series_[id]);
    window->raise(floor_);
  }
  return id;
}

// An id that no series has at present.
void Pipeline::skip_series(SeriesId id) {
  states_.resize(std::max<std::size_t>(states_.size(), index_of(id) + 1));
  for (const auto& window : windows_) window->skip_series(id);
}

// The series that are computed from this one, where they are new.
void Pipeline::add_derived(SeriesId input) {
  for (const auto& window : windows_) {
    for (WindowDefinition* each = window.get(); each != nullptr; each = each->former()) add_derived(*each, input);
  }
}

void Pipeline::add_derived(WindowDefinition& window, SeriesId input) {
  const std::shared_ptr<const Series> series = series_.shared(input);
  const DerivedMetrics& derived = window.derived();
  if (derived.is_derived(series->metric)) return;
  for (std::size_t i = 0; i < derived.metrics().size(); ++i) {
    if (!derived.reads(i, series->metric)) continue;
    const std::string& metric = derived.metrics()[i].metric;
    std::optional<SeriesId> target = series_.find(series->sensor, metric);
    if (!target) {
      target = enter_series(series_.add_beyond_capacity({series->sensor, metric, "", series->labels, false, true}));
      add_derived(*target);
    }
    window.add_derived_input(input, series->metric, i, *target);
  }
}

// Idle, its last final row was emitted, and nothing is computed into it; or none of its readings was ever taken.
bool Pipeline::may_evict(SeriesId id) const {
  if (!series_.has(id)) return false;
  const SeriesState& state = states_[index_of(id)];
  return (is_idle(state) || !state.watermark.heard()) &&
         std::none_of(windows_.begin(), windows_.end(), [&](const auto& window) { return window->keeps(id); });
}

std::optional<SeriesId> Pipeline::next_leaver(std::span<const Reading> coming) {
  while (!evictable_.empty()) {
    const SeriesId id = evictable_.back();
    evictable_.pop_back();
    if (!may_evict(id)) continue;
    const bool is_coming = std::any_of(coming.begin(), coming.end(), [&](const Reading& reading) {
      return series_[reading.series].sensor == series_[id].sensor;
    });
    if (!is_coming) return id;
  }
  return std::nullopt;
}

// And the series that were computed from it and have no other input.
void Pipeline::forget_series(SeriesId id) {
  std::vector<SeriesId> orphans;
  for (const auto& window : windows_) window->forget_series(id, orphans);
  for (const SeriesId orphan : orphans) {
    if (may_evict(orphan)) forget_series(orphan);
  }
  if (!sources_.empty()) sources_[index_of(states_[index_of(id)].source)].minimum.remove(id);
  series_.remove(id);
}

void Pipeline::remember(Moment now) noexcept {
  now.running = std::max(now.running, running());
  now_ = now;
}

Pipeline::BatchRules Pipeline::rules_of(const Batch& batch) noexcept {
  SourceState& source = sources_[index_of(batch.source)];
  BatchRules rules{source,
                   batch.source,
                   Timestamp::earliest(),
                   Timestamp::latest(),
                   Timestamp(),
                   source.listening.elapsed(running())};
  if (!batch.arrival) return rules;
  rules.arrival = batch.arrival->wall;
  if (source.time.oldest != Duration::unlimited()) rules.earliest = rules.arrival - source.time.oldest;
  if (source.time.max_future != Duration::unlimited()) rules.latest = rules.arrival + source.time.max_future;
  return rules;
}

Timestamp Pipeline::watermark_of(const SeriesState& series, SourceId source) const noexcept {
  switch (sources_[index_of(source)].time.scope) {
    case WatermarkScope::source:
      return std::max(sources_[index_of(source)].minimum.value(), floor_);
    case WatermarkScope::global:
      return std::max(all_.value(), floor_);
    case WatermarkScope::sensor:
      break;
  }
  return series.watermark.value();
}

// At the limit on memory, what needs more is refused.
template <bool at_limit>
[[gnu::always_inline]] inline void Pipeline::apply(const BatchRules& rules, const Reading& reading) {
  if (!std::isfinite(reading.value)) [[unlikely]] {
    ++rules.source.counters.refused[static_cast<std::size_t>(Refusal::not_finite)];
    return;
  }
  Timestamp time = reading.event_time;
  if (time < rules.earliest || time > rules.latest) [[unlikely]] {
    const auto instead = time_instead(rules, reading);
    if (!instead) return;
    time = *instead;
  }
  if constexpr (at_limit) {
    if (needs_room(rules, reading, time)) {
      ++rules.source.counters.refused[static_cast<std::size_t>(Refusal::memory_limit)];
      return;
    }
  }
  SeriesState& series = states_[index_of(reading.series)];
  if (by_minimum_ && series.source != rules.source_index) [[unlikely]]
    keep_reached(reading.series);
  const WatermarkScope scope = rules.source.time.scope;
  const Timestamp watermark =
      scope == WatermarkScope::sensor ? series.watermark.value() : watermark_of(series, rules.source_index);
  ReadingOutcome outcome = ReadingOutcome::not_taken;
  for (WindowDefinition* const window : rules.source.windows) {
    outcome =
        std::min(outcome, window->admit(reading.series, rules.source_index, scope, time, reading.value, watermark));
  }
  if (outcome != ReadingOutcome::on_time) [[unlikely]] {
    count_other(rules, reading, time, outcome);
    if (outcome == ReadingOutcome::not_taken) return;
  } else {
    ++rules.source.counters.outcomes[static_cast<std::size_t>(ReadingOutcome::on_time)];
  }
  series.value = reading.value;
  if (others_follow_) [[unlikely]]
    return observe_in_full(rules, reading.series, time);
  observe(rules, series, time);
}

inline void Pipeline::observe(const BatchRules& rules, SeriesState& series, Timestamp time) noexcept {
  series.watermark.observe(time, rules.source.time.max_out_of_orderness);
  series.heard_at = rules.heard_at;
  series.source = rules.source_index;
}

// Without what the clock says of an idle series.
SeriesClock Pipeline::clock_of(SeriesId series) const noexcept {
  const SeriesState& state = states_[index_of(series)];
  const auto scope = sources_.empty() ? WatermarkScope::sensor : sources_[index_of(state.source)].time.scope;
  return {state.source, scope, false, watermark_of(state, state.source), {}, {}};
}

// Before the first reading of a series moves any watermark.
void Pipeline::hear_derived_inputs(SeriesId series) {
  for (const auto& window : windows_) {
    for (WindowDefinition* each = window.get(); each != nullptr; each = each->former()) {
      each->hear_derived_input(series, [&](SeriesId other) { return each->reached(other, clock_of(other)); });
    }
  }
}

void Pipeline::keep_reached(SeriesId series) noexcept {
  const SeriesState& state = states_[index_of(series)];
  if (!state.watermark.heard()) return;
  const SeriesClock clock = clock_of(series);
  for (WindowDefinition* const window : sources_[index_of(state.source)].windows) window->keep_reached(series, clock);
}

void Pipeline::apply(const Batch& batch) {
  quarantined_.clear();
  if (batch.arrival) remember(*batch.arrival);
  const BatchRules rules = rules_of(batch);
  rules.source.counters.received += batch.readings.size();
  unmeasured_readings_ += batch.readings.size();
  if (unmeasured_readings_ >= readings_between_measures) note_memory();
  if (is_at_limit_) [[unlikely]]
    return apply_at_limit(rules, batch.readings);
  for (const Reading& reading : batch.readings) apply<false>(rules, reading);
}

// Apart, so that a reading in the usual case need not ask.
void Pipeline::apply_at_limit(const BatchRules& rules, std::span<const Reading> readings) {
  for (const Reading& reading : readings) apply<true>(rules, reading);
}

bool Pipeline::needs_room(const BatchRules& rules, const Reading& reading, Timestamp time) const noexcept {
  const SeriesState& series = states_[index_of(reading.series)];
  const Incoming incoming{reading.series, rules.source_index, rules.source.time.scope,
                          time,           reading.value,      watermark_of(series, rules.source_index)};
  const auto& windows = rules.source.windows;
  return std::any_of(windows.begin(), windows.end(), [&](const auto* window) { return window->needs_room(incoming); });
}

void Pipeline::count_other(const BatchRules& rules, const Reading& reading, Timestamp time, ReadingOutcome outcome) {
  SeriesState& series = states_[index_of(reading.series)];
  if (outcome == ReadingOutcome::not_taken) {
    ++rules.source.counters.refused[static_cast<std::size_t>(Refusal::unmatched)];
    return;
  }
  ++rules.source.counters.outcomes[static_cast<std::size_t>(outcome)];
  if (outcome == ReadingOutcome::late_accepted) ++series.late_accepted;
  if (outcome != ReadingOutcome::late_dropped) return;
  ++series.late_dropped;
  quarantined_.push_back({{reading.series, time, reading.value}, Quarantined::Reason::late_dropped});
}

// Of a reading with a bad time: the arrival time, or nothing when it is refused.
std::optional<Timestamp> Pipeline::time_instead(const BatchRules& rules, const Reading& reading) {
  ++states_[index_of(reading.series)].bad_time;
  Counters& counters = rules.source.counters;
  if (rules.source.time.on_bad_time == BadTimePolicy::use_arrival) {
    ++counters.restamped;
    return rules.arrival;
  }
  const bool too_old = reading.event_time < rules.earliest;
  ++counters.refused[static_cast<std::size_t>(too_old ? Refusal::too_old : Refusal::too_early)];
  if (rules.source.time.on_bad_time == BadTimePolicy::quarantine) {
    quarantined_.push_back({reading, too_old ? Quarantined::Reason::too_old : Quarantined::Reason::too_early});
  }
  return std::nullopt;
}

// As `observe`, and what concerns others: derived metrics that wait for a first reading, and the watermarks of groups,
// of the source and of all sources.
void Pipeline::observe_in_full(const BatchRules& rules, SeriesId series, Timestamp time) {
  SeriesState& state = states_[index_of(series)];
  const bool is_first = !state.watermark.heard();
  const SourceId from = is_first ? rules.source_index : state.source;
  if (is_first) hear_derived_inputs(series);
  observe(rules, state, time);
  const Heard heard{rules.source_index, rules.heard_at};
  const auto& takers = rules.source.windows;
  for (const auto& window : windows_) {
    const bool taken = std::find(takers.begin(), takers.end(), window.get()) != takers.end();
    window->observe(series, state.watermark, heard, taken);
  }
  if (!by_minimum_) return;
  rules.source.minimum.observe(series, state.watermark, heard);
  all_.observe(rules.source_index, rules.source.minimum);
  all_.hear(heard);
  if (from == rules.source_index) return;
  sources_[index_of(from)].minimum.remove(series);  // only now: nothing may seem to be ahead in between
  sources_[index_of(from)].minimum.settle();
  all_.observe(from, sources_[index_of(from)].minimum);
}

void Pipeline::refuse(SourceId source, Refusal reason, std::uint64_t readings) noexcept {
  Counters& counters = sources_[index_of(source)].counters;
  counters.received += readings;
  counters.refused[static_cast<std::size_t>(reason)] += readings;
}

void Pipeline::connected(SourceId source, Moment now) noexcept {
  remember(now);
  sources_[index_of(source)].listening.start(running());
}

void Pipeline::disconnected(SourceId source, Moment now) noexcept {
  remember(now);
  ListeningClock& listening = sources_[index_of(source)].listening;
  const bool is_set_back = listening.unheard() > Duration();
  listening.stop(running());
  if (is_set_back) hear_at_most(source, listening.elapsed(running()));
}

// What was heard while time was unheard was heard when the clock, which has been set back, stands now.
void Pipeline::hear_at_most(SourceId source, Duration at) noexcept {
  for (SeriesState& state : states_) {
    if (state.source == source) state.heard_at = std::min(state.heard_at, at);
  }
  for (SourceState& state : sources_) state.minimum.hear_at_most(source, at);
  all_.hear_at_most(source, at);
  for (const auto& window : windows_) window->hear_at_most(source, at);
}

void Pipeline::raise_watermarks(Timestamp to) noexcept {
  floor_ = std::max(floor_, to);
  for (SeriesState& state : states_) state.watermark.raise(to);
  for (SourceState& source : sources_) source.minimum.raise(to);
  all_.raise(to);
  for (const auto& window : windows_) window->raise(to);
}

Duration Pipeline::silence_since(const Heard& heard) const noexcept {
  return std::max(sources_[index_of(heard.source)].listening.heard(running()) - heard.at, Duration());
}

bool Pipeline::is_idle(const SeriesState& series) const noexcept {
  const Duration timeout =
      sources_.empty() ? Duration::unlimited() : sources_[index_of(series.source)].time.idle_timeout;
  return series.watermark.heard() && timeout != Duration::unlimited() &&
         silence_since({series.source, series.heard_at}) >= timeout;
}

// Idle series are removed from every minimum.
void Pipeline::silence_idle_series() {
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (!series_.has(SeriesId{i}) || !is_idle(states_[i])) continue;
    if (by_minimum_) sources_[index_of(states_[i].source)].minimum.remove(SeriesId{i});
    for (const auto& window : windows_) window->become_idle(SeriesId{i});
  }
  if (!by_minimum_) return;
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    sources_[i].minimum.settle();
    all_.enter(SourceId{i}, sources_[i].minimum);
  }
  all_.settle();
}

void Pipeline::read_clocks() {
  series_clocks_.clear();
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const SeriesState& state = states_[i];
    const bool idle = series_.has(SeriesId{i}) && is_idle(state);
    const Timestamp own = state.watermark.own();
    const Timestamp clock = idle ? own + silence_since({state.source, state.heard_at}) : Timestamp::earliest();
    const auto scope = sources_.empty() ? WatermarkScope::sensor : sources_[index_of(state.source)].time.scope;
    series_clocks_.push_back({state.source, scope, idle, watermark_of(state, state.source), own, clock});
  }
  const auto clock_of = [&](const auto& minimum) {
    if (!minimum.silent()) return SourceClock{false, Timestamp::earliest()};
    return SourceClock{true, minimum.own() + silence_since(minimum.heard())};
  };
  source_clocks_.clear();
  for (const SourceState& source : sources_) source_clocks_.push_back(clock_of(source.minimum));
  all_clock_ = clock_of(all_);
}

// By all sources.
Timestamp Pipeline::too_old() const noexcept {
  Duration oldest;
  for (const SourceState& source : sources_) oldest = std::max(oldest, source.time.oldest);
  return now_ && oldest != Duration::unlimited() ? now_->wall - oldest : Timestamp::earliest();
}

void Pipeline::tick(Moment now, Fire fire, Emission& out) {
  remember(now);
  out.clear();
  out.epoch = ++epoch_;
  silence_idle_series();
  read_clocks();
  for (const auto& window : windows_) {
    window->follow_clocks(clocks(), [this](const Heard& heard) { return silence_since(heard); });
  }
  for (std::uint32_t i = 0; i < windows_.size(); ++i) {
    if (fire == Fire::due && !windows_[i]->due(running())) continue;
    if (out.rows.size() >= options_.max_epoch_rows) {
      windows_[i]->postpone();
      continue;
    }
    windows_[i]->fire(WindowId{i}, running(), clocks(), series_.ranks(), options_.max_epoch_rows - out.rows.size(),
                      out);
  }
  measure();
  find_leavers();
}

// Only while new series need room.
void Pipeline::find_leavers() {
  evictable_.clear();
  if (!series_.full()) return;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (may_evict(SeriesId{i})) evictable_.push_back(SeriesId{i});
  }
}

Counters Pipeline::counters() const noexcept {
  Counters total;
  for (const SourceState& source : sources_) total += source.counters;
  return total;
}

Timestamp Pipeline::reached(WindowId window, KeyId key) const noexcept {
  const WindowDefinition& definition = *windows_[index_of(window)];
  if (definition.grouped()) return definition.group_watermark(key);
  return definition.reached(series_of(key), clock_of(series_of(key)));
}

std::optional<SeriesView> Pipeline::view(SeriesId id) const noexcept {
  if (index_of(id) >= states_.size() || !series_.has(id)) return std::nullopt;
  const SeriesState& state = states_[index_of(id)];
  const bool heard = state.watermark.heard();
  if (sources_.empty() || (!heard && state.bad_time == 0)) return std::nullopt;
  const Timestamp newest = state.watermark.own() + sources_[index_of(state.source)].time.max_out_of_orderness;
  return SeriesView{.id = id,
                    .source = state.source,
                    .newest = heard ? newest : Timestamp::earliest(),
                    .watermark = watermark_of(state, state.source),
                    .silence = silence_since({state.source, state.heard_at}),
                    .idle = is_idle(state),
                    .value = state.value,
                    .late_accepted = state.late_accepted,
                    .late_dropped = state.late_dropped,
                    .bad_time = state.bad_time};
}

std::vector<Timestamp> Pipeline::watermarks() const {
  std::vector<Timestamp> reached;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const SeriesClock clock = clock_of(SeriesId{i});
    reached.push_back(clock.watermark);
    for (const auto& window : windows_) {
      if (!window->grouped()) reached.back() = std::max(reached.back(), window->reached(SeriesId{i}, clock));
    }
  }
  return reached;
}

std::size_t Pipeline::open_windows() const noexcept {
  std::size_t open = 0;
  for (const auto& window : windows_) open += window->open_windows();
  return open;
}

std::size_t Pipeline::memory_bytes() const noexcept {
  std::size_t bytes =
      series_.memory_bytes() + heap_bytes(states_) + heap_bytes(series_clocks_) + heap_bytes(evictable_);
  for (const SourceState& source : sources_) bytes += source.minimum.memory_bytes();
  for (const auto& window : windows_) bytes += window->memory_bytes();
  return bytes;
}

void Pipeline::measure() noexcept {
  for (const auto& window : windows_) window->measure();
  note_memory();
}

void Pipeline::note_memory() noexcept {
  memory_bytes_ = memory_bytes();
  is_at_limit_ = memory_bytes_ > options_.max_memory_bytes;
  unmeasured_readings_ = 0;
}

bool Pipeline::has_more_rows() const noexcept {
  return std::any_of(windows_.begin(), windows_.end(), [](const auto& window) { return window->has_more(); });
}

}  // namespace edgetide
