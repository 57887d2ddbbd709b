#include "pipeline/pipeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pipeline/glob.h"
#include "pipeline/heap_bytes.h"

namespace edgetide {

namespace {

constexpr std::size_t bytes_of_bad_time = 96;  // of an entry of a map, about
constexpr Timestamp first_readable_time = unreadable_time + Duration::microseconds(1);

// How long it is said that new series were refused.
constexpr Duration refusal_shown = Duration::minutes(1);

std::size_t max_evicted(const PipelineOptions& options) {
  return std::min(options.max_series * evicted_per_series,
                  options.max_memory_bytes / (evicted_part_of_memory * 2 * sizeof(std::uint64_t)));
}

bool takes(const WindowOptions& window, SourceId source, const std::string& name) {
  return std::find(window.inputs.begin(), window.inputs.end(), source) != window.inputs.end() &&
         any_glob_matches(window.match.source, name);
}

}  // namespace

Pipeline::Pipeline(PipelineOptions options)
    : options_(std::move(options)), series_(options_.max_series, options_.hash_seed), evicted_(max_evicted(options_)) {
  reset();
}

void Pipeline::reset() {
  epoch_ = 0;
  now_.reset();
  floor_ = floor_before_end_ = Timestamp::earliest();
  series_ = SeriesTable(options_.max_series, options_.hash_seed);
  states_.clear();
  sources_.clear();
  windows_.clear();
  evicted_ = EvictedKeys(max_evicted(options_));
  evictable_.clear();
  bad_times_.clear();
  memory_bytes_ = claimed_bytes_ = measured_bytes_ = measure_in_ = 0;
  is_near_limit_ = false;
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
    source.is_awaited = options_.sources[i].is_awaited;
  }
  others_follow_ = others_follow_ || by_minimum_;
  is_rare_ = by_minimum_;
  await_sources();
}

// No series is evicted for one that is then refused.
std::optional<Refusal> Pipeline::find_room(const Series& series, SourceId source, std::span<const Reading> coming) {
  if (memory_bytes() + reserved_bytes() + growth_of_series(series) > options_.max_memory_bytes) {
    return Refusal::memory_limit;
  }
  const std::optional<SeriesId> evictable = series_.full() ? next_evictable(coming) : std::nullopt;
  if (series_.full() && !evictable) return Refusal::series_limit;
  if (now_ && series_.is_half_full() && !sources_[index_of(source)].new_series.take(running())) {
    return Refusal::series_rate;
  }
  if (evictable) evict(*evictable);
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
  const auto added = try_add(std::move(series), source, coming);
  if (const auto* const refusal = std::get_if<Refusal>(&added)) {
    sources_[index_of(source)].series_refusal = *refusal;
    sources_[index_of(source)].series_refused_at = running();
  }
  return added;
}

std::optional<Refusal> Pipeline::refuses_series(SourceId source) const noexcept {
  const SourceState& state = sources_[index_of(source)];
  return running() - state.series_refused_at < refusal_shown ? state.series_refusal : std::nullopt;
}

std::variant<SeriesId, Refusal> Pipeline::try_add(Series series, SourceId source, std::span<const Reading> coming) {
  if (label_bytes(series) > max_label_bytes) return Refusal::label_limit;
  if (const auto reason = find_room(series, source, coming)) return *reason;
  const std::optional<SeriesId> id = series_.add(std::move(series));
  if (!id) return Refusal::series_limit;  // the limit is lower than in an earlier run
  enter_series(*id, source);
  begin_variants(*id);
  recall_evicted(*id);
  add_derived(*id);
  return *id;
}

SeriesId Pipeline::restore_series(Series series, SourceId source, std::optional<SeriesId> replaced) {
  if (now_ && series_.is_half_full() && index_of(source) < sources_.size()) {
    sources_[index_of(source)].new_series.take(running());
  }
  if (replaced && series_.has(*replaced)) evict(*replaced);
  const SeriesId id = enter_series(series_.add_beyond_capacity(std::move(series)), source);
  begin_variants(id);
  recall_evicted(id);
  add_derived(id);
  return id;
}

// From the first variant of a series on it is noted which one each reading has.
void Pipeline::begin_variants(SeriesId id) {
  const SeriesId origin = series_.origin_of(id);
  const SeriesState& state = states_[index_of(origin)];
  if (origin == id || sources_.empty() || !state.watermark.heard()) return;
  std::size_t variants = 0;
  series_.for_each_variant(origin, [&](SeriesId) { ++variants; });
  if (variants > 2) return;
  const Timestamp newest = state.watermark.own() + sources_[index_of(state.heard.source)].time.max_out_of_orderness;
  for (const auto& window : windows_) window->begin_labels(origin, newest);
}

SeriesId Pipeline::enter_series(SeriesId id, SourceId source) {
  if (index_of(source) >= sources_.size()) source = SourceId{0};
  states_.resize(std::max<std::size_t>(states_.size(), index_of(id) + 1));
  states_[index_of(id)] = {.watermark = SeriesWatermark(floor_), .heard = {source, Duration()}};
  is_rare_ = is_rare_ || series_.has_variants();
  for (const auto& window : windows_) {
    window->add_series(id, series_[id], series_.origin_of(id));
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
  if (series_.origin_of(input) != input) return;
  for (const auto& window : windows_) {
    for (WindowDefinition* each = window.get(); each != nullptr; each = each->former()) add_derived(*each, input);
  }
}

void Pipeline::add_derived(WindowDefinition& window, SeriesId input) {
  const std::shared_ptr<const Series> series = series_.shared(input);
  const DerivedMetrics& derived = window.derived();
  derived.for_each_reading(series->metric, [&](std::size_t number) {
    const std::string& metric = derived.metrics()[number].metric;
    std::optional<SeriesId> target = series_.find(series->sensor, metric);
    if (!target) {
      target = enter_series(series_.add_beyond_capacity({series->sensor, metric, "", series->labels, false, true}),
                            SourceId{0});
      add_derived(*target);
    }
    window.add_derived_input(input, series->metric, number, *target);
  });
}

// Idle at the last tick, its last final row was emitted, and nothing is computed into it; or none of its readings was
// ever taken.
bool Pipeline::may_evict(SeriesId id) const {
  if (!series_.has(id)) return false;
  const SeriesState& state = states_[index_of(id)];
  const bool is_origin = series_.origin_of(id) == id;
  if (is_origin && series_.has_variants(id)) return false;  // they leave before it
  return (is_origin ? was_idle(state) || !state.watermark.heard() : was_silent(state)) &&
         std::none_of(windows_.begin(), windows_.end(), [&](const auto& window) { return window->keeps(id); });
}

// The last one that may be. Nothing is forgotten here but what cannot change before the next tick: a run that follows
// the journal learns of no series that was refused.
std::optional<SeriesId> Pipeline::next_evictable(std::span<const Reading> coming) {
  for (std::size_t i = evictable_.size(); i-- > 0;) {
    const SeriesId id = evictable_[i];
    if (!may_evict(id)) {
      evictable_.erase(evictable_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    const bool is_coming = std::any_of(coming.begin(), coming.end(), [&](const Reading& reading) {
      return series_[reading.series].sensor == series_[id].sensor;
    });
    if (!is_coming) return id;
  }
  return std::nullopt;
}

void Pipeline::evict(SeriesId id) {
  std::erase(evictable_, id);
  forget_series(id);
}

// And the series that were computed from it and have no other input.
void Pipeline::forget_series(SeriesId id) {
  remember_evicted(id);
  std::vector<SeriesId> orphans;
  for (const auto& window : windows_) window->forget_series(id, series_, orphans);
  for (const SeriesId orphan : orphans) {
    if (may_evict(orphan)) forget_series(orphan);
  }
  if (!sources_.empty()) sources_[index_of(states_[index_of(id)].heard.source)].minimum.remove(id);
  bad_times_.erase(id);
  series_.remove(id);
}

// All its windows are final: none ends after the last one that its newest reading could be in.
void Pipeline::remember_evicted(SeriesId id) {
  const SeriesState& state = states_[index_of(id)];
  if (!state.watermark.heard() || series_[id].computed || sources_.empty()) return;
  Timestamp newest = state.watermark.own() + sources_[index_of(state.heard.source)].time.max_out_of_orderness;
  for (const auto& window : windows_) newest = window->newest_settled(id, newest);
  evicted_.remember(series_[id].sensor, series_[id].metric, newest);
}

void Pipeline::recall_evicted(SeriesId id) {
  if (series_[id].computed || series_.origin_of(id) != id) return;
  const Timestamp newest = evicted_.recall(series_[id].sensor, series_[id].metric);
  if (newest == Timestamp::earliest()) return;
  for (const auto& window : windows_) window->recall(id, newest);
}

void Pipeline::remember(Moment now) noexcept {
  now.running = std::max(now.running, running());
  now_ = now;
}

Pipeline::BatchRules Pipeline::rules_of(const Batch& batch) noexcept {
  SourceState& source = sources_[index_of(batch.source)];
  BatchRules rules{source,
                   {batch.source, source.listening.elapsed(running())},
                   first_readable_time,
                   Timestamp::latest(),
                   Timestamp()};
  if (!batch.arrival) return rules;
  rules.has_arrival = true;
  rules.arrival = batch.arrival->wall;
  if (source.time.oldest != Duration::unlimited()) {
    rules.earliest = std::max(rules.arrival - source.time.oldest, first_readable_time);
  }
  if (source.time.max_future != Duration::unlimited()) rules.latest = rules.arrival + source.time.max_future;
  return rules;
}

Timestamp Pipeline::watermark_of(const SeriesState& series, SourceId source) const noexcept {
  return watermark_by(sources_[index_of(source)].time.scope, series, source);
}

Timestamp Pipeline::watermark_by(WatermarkScope scope, const SeriesState& series, SourceId source) const noexcept {
  if (scope == WatermarkScope::sensor) [[likely]]
    return series.watermark.value();
  if (scope == WatermarkScope::global) return std::max(all_.value(), floor_);
  const SourceState& state = sources_[index_of(source)];
  return std::max(scope == WatermarkScope::stream ? state.stream.value() : state.minimum.value(), floor_);
}

// What a source counts for among others; nothing: all of its series are idle.
void Pipeline::enter_in_all(SourceId source) {
  const SourceState& state = sources_[index_of(source)];
  std::optional<Timestamp> value;  // what all are raised to is none of it
  if (state.minimum.active()) {
    value = state.time.scope == WatermarkScope::stream ? state.stream.own() : state.minimum.of_members();
  }
  all_.enter(source, value, state.minimum.own());
}

// The minimums of several sources are held while one of these is awaited.
void Pipeline::await_sources() {
  const auto awaited = [](const SourceState& source) { return source.is_awaited; };
  all_.set_held(std::any_of(sources_.begin(), sources_.end(), awaited));
  for (const auto& window : windows_) {
    window->set_held(std::any_of(sources_.begin(), sources_.end(), [&](const SourceState& source) {
      return source.is_awaited &&
             std::find(source.windows.begin(), source.windows.end(), window.get()) != source.windows.end();
    }));
  }
}

// Those that reported, or were listened to for long enough.
void Pipeline::release_sources() {
  bool any = false;
  for (SourceState& source : sources_) {
    const Duration timeout = source.time.idle_timeout;
    const bool heard = source.counters.outcomes_total() > 0;
    const bool listened = timeout != Duration::unlimited() && source.listening.heard(running()) >= timeout;
    if (!source.is_awaited || (!heard && !listened)) continue;
    source.is_awaited = false;
    any = true;
  }
  if (any) await_sources();
}

bool Pipeline::is_awaited(SourceId source) const noexcept {
  const SourceState& state = sources_[index_of(source)];
  if (!state.is_awaited || state.counters.outcomes_total() > 0) return false;
  const bool any_global = std::any_of(sources_.begin(), sources_.end(), [](const SourceState& each) {
    return each.time.scope == WatermarkScope::global;
  });
  return (any_global && sources_.size() > 1) ||
         std::any_of(state.windows.begin(), state.windows.end(), [&](const WindowDefinition* window) {
           return window->grouped() && window->options().inputs.size() > 1;
         });
}

bool Pipeline::counts_together(SourceId source, SeriesId a, SeriesId b) const noexcept {
  const auto& windows = sources_[index_of(source)].windows;
  return series_.origin_of(a) == series_.origin_of(b) &&
         std::any_of(windows.begin(), windows.end(), [&](const WindowDefinition* window) {
           return !window->grouped() && !window->keys_of(a).empty() && !window->keys_of(b).empty();
         });
}

// Readings are counted as on time by `apply_all`, all at once, and then each of the others as what it is.
void Pipeline::count_refused(const BatchRules& rules, Refusal reason) noexcept {
  --rules.source.counters.outcomes[static_cast<std::size_t>(ReadingOutcome::on_time)];
  ++rules.source.counters.refused[static_cast<std::size_t>(reason)];
}

// `rare`: the limit on memory is near, some series has variants, or some source another scope than sensor.
template <bool rare>
[[gnu::always_inline]] inline void Pipeline::apply(const BatchRules& rules, const Reading& reading) {
  if (!std::isfinite(reading.value)) [[unlikely]] {
    return count_refused(rules, Refusal::not_finite);
  }
  Timestamp time = reading.event_time;
  if (time < rules.earliest || time > rules.latest) [[unlikely]] {
    const auto instead = time_instead(rules, reading);
    if (!instead) return;
    time = *instead;
  }
  if constexpr (rare) {
    if (is_near_limit_ && !has_room(rules, reading, time)) return count_refused(rules, Refusal::memory_limit);
  }
  // Not a variable: that costs five instructions more.
  const auto origin = [&]() noexcept { return rare ? series_.origin_of(reading.series) : reading.series; };
  SeriesState& series = states_[index_of(origin())];
  if (rare && by_minimum_ && series.heard.source != rules.heard.source) keep_reached(origin());
  const Timestamp watermark = rare ? watermark_of(series, rules.heard.source) : series.watermark.value();
  ReadingOutcome outcome = ReadingOutcome::unmatched;
  for (WindowDefinition* const window : rules.source.windows) {
    if constexpr (!rare) {
      outcome = std::min(outcome, window->admit(reading.series, rules.heard.source, time, reading.value, watermark));
    } else {
      const Incoming incoming{
          reading.series, rules.heard.source,       rules.source.time.scope,           time, reading.value, watermark,
          origin(),       series.watermark.value(), series_.label_mark(reading.series)};
      const ReadingOutcome own = window->admit_any(incoming);
      outcome = std::min(outcome, own);
      if (own <= ReadingOutcome::late_accepted && series_.has_variants(origin())) window->note_labels(incoming);
    }
  }
  if (outcome != ReadingOutcome::on_time) [[unlikely]]
    return take_other(rules, reading, time, outcome);
  note_newest(rules, series, time, reading.value);
  if (rare && origin() != reading.series) note_variant(reading.series, rules.heard);
  if (others_follow_) [[unlikely]]
    return observe_in_full(rules, reading.series, origin(), time);
  observe(rules, series, time);
}

// Without saturation, which would cost four instructions: times with an arrival are not that far away from it.
inline void Pipeline::note_newest(const BatchRules& rules, SeriesState& series, Timestamp time, double value) noexcept {
  series.value = value;
  series.ahead = Duration::microseconds(static_cast<std::int64_t>(static_cast<std::uint64_t>(time.count()) -
                                                                  static_cast<std::uint64_t>(rules.arrival.count())));
}

inline void Pipeline::observe(const BatchRules& rules, SeriesState& series, Timestamp time) noexcept {
  series.watermark.observe(time, rules.source.time.max_out_of_orderness);
  series.heard = rules.heard;
}

// Without what the clock says of an idle series.
SeriesClock Pipeline::clock_of(SeriesId series) const noexcept {
  const SeriesState& state = states_[index_of(series)];
  const auto scope = sources_.empty() ? WatermarkScope::sensor : sources_[index_of(state.heard.source)].time.scope;
  return {state.heard.source, scope, false, watermark_of(state, state.heard.source), {}, {}, {}};
}

// Before the first reading of a series moves any watermark.
void Pipeline::hear_derived_inputs(SeriesId series) {
  for (const auto& window : windows_) {
    for (WindowDefinition* each = window.get(); each != nullptr; each = each->former()) {
      each->hear_derived_input(series, [&](SeriesId other) { return each->reached(other, clock_of(other)); });
    }
  }
}

// In all windows: a firing goes by the source that heard the series last, whether they take that one or not.
void Pipeline::keep_reached(SeriesId series) noexcept {
  const SeriesState& state = states_[index_of(series)];
  if (!state.watermark.heard()) return;
  const SeriesClock clock = clock_of(series);
  for (const auto& window : windows_) window->keep_reached(series, clock);
}

[[gnu::always_inline]] inline void Pipeline::apply_all(const BatchRules& rules, std::span<const Reading> readings) {
  measure_in_ -= readings.size();
  rules.source.counters.outcomes[static_cast<std::size_t>(ReadingOutcome::on_time)] += readings.size();
  if (is_rare_) [[unlikely]]
    return apply_rare(rules, readings);
  for (const Reading& reading : readings) apply<false>(rules, reading);
}

void Pipeline::apply(const Batch& batch) {
  quarantined_.clear();
  if (batch.arrival) remember(*batch.arrival);
  const BatchRules rules = rules_of(batch);
  rules.source.counters.received += batch.readings.size();
  if (batch.readings.size() > measure_in_) [[unlikely]]
    return apply_in_parts(rules, batch.readings);
  apply_all(rules, batch.readings);
}

// Memory is measured before each of them.
void Pipeline::apply_in_parts(const BatchRules& rules, std::span<const Reading> readings) {
  while (!readings.empty()) {
    if (measure_in_ == 0) note_memory();
    const std::size_t part = std::min(readings.size(), measure_in_);
    apply_all(rules, readings.first(part));
    readings = readings.subspan(part);
  }
}

// Apart, so that a reading in the usual case need not ask.
void Pipeline::apply_rare(const BatchRules& rules, std::span<const Reading> readings) {
  for (const Reading& reading : readings) apply<true>(rules, reading);
}

bool Pipeline::has_room(const BatchRules& rules, const Reading& reading, Timestamp time) {
  const SeriesId origin = series_.origin_of(reading.series);
  const SeriesState& series = states_[index_of(origin)];
  const Incoming incoming{reading.series,
                          rules.heard.source,
                          rules.source.time.scope,
                          time,
                          reading.value,
                          watermark_of(series, rules.heard.source),
                          origin,
                          series.watermark.value(),
                          series_.label_mark(reading.series)};
  std::size_t growth = 0;
  for (WindowDefinition* const window : rules.source.windows) {
    growth += window->growth(incoming, series_.has_variants(origin));
  }
  if (growth == 0) return true;
  const auto fits = [&] { return claimed_bytes_ + growth <= options_.max_memory_bytes; };
  if (!fits() && claimed_bytes_ != measured_bytes_) count_memory();  // readings took less than they could
  if (!fits()) return false;
  claimed_bytes_ += growth;
  return true;
}

// Of a reading that is not on time. Whatever its outcome, it moves its watermark.
void Pipeline::take_other(const BatchRules& rules, const Reading& reading, Timestamp time, ReadingOutcome outcome) {
  const SeriesId origin = series_.origin_of(reading.series);
  SeriesState& series = states_[index_of(origin)];
  auto& outcomes = rules.source.counters.outcomes;
  --outcomes[static_cast<std::size_t>(ReadingOutcome::on_time)];
  ++outcomes[static_cast<std::size_t>(outcome)];
  if (outcome == ReadingOutcome::late_accepted) ++series.late_accepted;
  if (outcome == ReadingOutcome::late_dropped) {
    ++series.late_dropped;
    quarantined_.push_back({{reading.series, time, reading.value}, Quarantined::Reason::late_dropped});
  }
  note_newest(rules, series, time, reading.value);
  if (origin != reading.series) note_variant(reading.series, rules.heard);
  others_follow_ ? observe_in_full(rules, reading.series, origin, time) : observe(rules, series, time);
}

// Of a reading with a bad time: the arrival time, or nothing when it is refused.
std::optional<Timestamp> Pipeline::time_instead(const BatchRules& rules, const Reading& reading) {
  if (reading.event_time == Timestamp::earliest() && rules.earliest == first_readable_time) return reading.event_time;
  const SeriesId series = series_.origin_of(reading.series);
  ++states_[index_of(series)].bad_time;
  const bool is_readable = reading.event_time >= first_readable_time;
  BadTime& bad = bad_times_[series];
  bad = {rules.heard.source, rules.heard.at, bad.ahead};
  if (is_readable) bad.ahead = reading.event_time - rules.arrival;
  Counters& counters = rules.source.counters;
  if (rules.source.time.on_bad_time == BadTimePolicy::use_arrival && rules.has_arrival) {
    ++counters.restamped;
    return rules.arrival;
  }
  if (!is_readable) {
    count_refused(rules, Refusal::bad_time);
    return std::nullopt;
  }
  const bool too_old = reading.event_time < rules.earliest;
  count_refused(rules, too_old ? Refusal::too_old : Refusal::too_early);
  if (rules.source.time.on_bad_time == BadTimePolicy::quarantine) {
    quarantined_.push_back({reading, too_old ? Quarantined::Reason::too_old : Quarantined::Reason::too_early});
  }
  return std::nullopt;
}

// As `observe`, and what concerns others: derived metrics that wait for a first reading, and the watermarks of groups,
// of the source and of all sources.
void Pipeline::observe_in_full(const BatchRules& rules, SeriesId variant, SeriesId series, Timestamp time) {
  SeriesState& state = states_[index_of(series)];
  const bool is_first = !state.watermark.heard();
  const SourceId from = is_first ? rules.heard.source : state.heard.source;
  if (is_first) hear_derived_inputs(series);
  observe(rules, state, time);
  const Heard heard = rules.heard;
  const auto& takers = rules.source.windows;
  for (const auto& window : windows_) {
    const bool taken = std::find(takers.begin(), takers.end(), window.get()) != takers.end();
    series_.for_each_variant(
        series, [&](SeriesId each) { window->observe(each, state.watermark, heard, taken && each == variant); });
  }
  if (by_minimum_) {
    rules.source.minimum.observe(series, state.watermark, heard);
    rules.source.stream.observe(time, rules.source.time.max_out_of_orderness);
    enter_in_all(rules.heard.source);
    all_.hear(heard);
    all_.settle();
  }
  if (by_minimum_ && from != rules.heard.source) {
    sources_[index_of(from)].minimum.remove(series);  // only now: nothing may seem to be ahead in between
    sources_[index_of(from)].minimum.settle();
    enter_in_all(from);
    all_.settle();
  }
  if (!rules.source.is_awaited) return;
  rules.source.is_awaited = false;
  await_sources();
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
    if (state.heard.source == source) state.heard.at = std::min(state.heard.at, at);
  }
  for (SourceState& state : sources_) state.minimum.hear_at_most(source, at);
  all_.hear_at_most(source, at);
  for (const auto& window : windows_) window->hear_at_most(source, at);
}

void Pipeline::raise_watermarks(Timestamp to) noexcept {
  if (to != Timestamp::latest()) floor_before_end_ = std::max(floor_before_end_, to);
  floor_ = std::max(floor_, to);
  for (SeriesState& state : states_) state.watermark.raise(to);
  for (SourceState& source : sources_) {
    source.minimum.raise(to);
    source.stream.raise(to);
  }
  all_.raise(to);
  for (const auto& window : windows_) window->raise(to);
}

Duration Pipeline::silence_since(const Heard& heard) const noexcept {
  return std::max(sources_[index_of(heard.source)].listening.heard(running()) - heard.at, Duration());
}

bool Pipeline::is_idle(const SeriesState& series) const noexcept {
  return series.watermark.heard() && is_silent(series);
}

bool Pipeline::is_silent(const SeriesState& series) const noexcept {
  const Duration timeout =
      sources_.empty() ? Duration::unlimited() : sources_[index_of(series.heard.source)].time.idle_timeout;
  return timeout != Duration::unlimited() && silence_since(series.heard) >= timeout;
}

// At the last tick, or the one under way, and it was not heard since: nothing but a tick makes a series that may be
// evicted.
bool Pipeline::was_idle(const SeriesState& series) const noexcept {
  return series.watermark.heard() && was_silent(series);
}

bool Pipeline::was_silent(const SeriesState& series) const noexcept {
  if (sources_.empty()) return false;
  const SourceState& source = sources_[index_of(series.heard.source)];
  return source.time.idle_timeout != Duration::unlimited() &&
         source.heard_at_tick - series.heard.at >= source.time.idle_timeout;
}

// Idle series are removed from every minimum.
void Pipeline::silence_idle_series() {
  if (!others_follow_) return;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const SeriesId origin = series_.origin_of(SeriesId{i});
    if (!series_.has(SeriesId{i}) || !was_idle(states_[index_of(origin)])) continue;
    if (by_minimum_ && origin == SeriesId{i}) sources_[index_of(states_[i].heard.source)].minimum.remove(origin);
    for (const auto& window : windows_) window->become_idle(SeriesId{i});
  }
  if (!by_minimum_) return;
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    sources_[i].minimum.settle();
    enter_in_all(SourceId{i});
  }
  all_.settle();
}

// By readings and watermarks that were raised, as if all input had not ended.
Timestamp Pipeline::passed(const SeriesState& series) const noexcept {
  if (sources_.empty()) return floor_before_end_;
  const SourceState& source = sources_[index_of(series.heard.source)];
  const Duration delay = source.time.max_out_of_orderness;
  const Timestamp newest = std::max(series.watermark.own() + delay, floor_before_end_);
  switch (source.time.scope) {
    case WatermarkScope::stream:
      return std::max(newest, source.stream.own() + delay);
    case WatermarkScope::source:
      return std::max(newest, source.minimum.of_members());
    case WatermarkScope::global:
      return std::max(newest, all_.of_members());
    case WatermarkScope::sensor:
      break;
  }
  return newest;
}

void Pipeline::read_clocks() {
  series_clocks_.clear();
  series_clocks_.reserve(states_.size());
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const SeriesState& state = states_[i];
    const bool idle = series_.has(SeriesId{i}) && was_idle(state);
    const Timestamp own = state.watermark.own();
    const Timestamp clock = idle ? own + silence_since(state.heard) : Timestamp::earliest();
    const TimeOptions time = sources_.empty() ? TimeOptions() : sources_[index_of(state.heard.source)].time;
    series_clocks_.push_back(
        {state.heard.source, time.scope, idle, watermark_of(state, state.heard.source), own, passed(state), clock});
  }
  const auto clock_of = [&](const auto& minimum, Timestamp own) {
    if (!minimum.silent()) return SourceClock{false, Timestamp::earliest()};
    return SourceClock{true, own + silence_since(minimum.heard())};
  };
  source_clocks_.clear();
  for (const SourceState& source : sources_) {
    const bool by_stream = source.time.scope == WatermarkScope::stream;
    source_clocks_.push_back(clock_of(source.minimum, by_stream ? source.stream.own() : source.minimum.own()));
  }
  all_clock_ = clock_of(all_, all_.own());
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
  release_sources();
  for (SourceState& source : sources_) source.heard_at_tick = source.listening.heard(running());
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
    windows_[i]->fire(WindowId{i}, running(), clocks(), series_, series_.ranks(),
                      options_.max_epoch_rows - out.rows.size(), out);
  }
  measure();
  find_evictable();
}

// Only while new series need room.
void Pipeline::find_evictable() {
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
  if (index_of(id) >= states_.size() || !series_.has(id) || series_.origin_of(id) != id) return std::nullopt;
  const SeriesState& state = states_[index_of(id)];
  const bool heard = state.watermark.heard();
  if (sources_.empty() || (!heard && state.bad_time == 0)) return std::nullopt;
  const Timestamp newest = state.watermark.own() + sources_[index_of(state.heard.source)].time.max_out_of_orderness;
  const auto found = bad_times_.find(id);
  const BadTime* const bad = found == bad_times_.end() ? nullptr : &found->second;
  return SeriesView{
      .id = id,
      .source = heard || bad == nullptr ? state.heard.source : bad->source,
      .newest = heard ? newest : Timestamp::earliest(),
      .watermark = watermark_of(state, state.heard.source),
      .silence = silence_since(state.heard),
      .idle = is_idle(state),
      .value = state.value,
      .ahead = std::isnan(state.value) ? std::nullopt : std::optional(state.ahead),
      .late_accepted = state.late_accepted,
      .late_dropped = state.late_dropped,
      .bad_time = state.bad_time,
      .bad_time_silence = bad == nullptr ? std::nullopt : std::optional(silence_since({bad->source, bad->heard_at})),
      .bad_time_ahead = bad == nullptr ? std::nullopt : bad->ahead};
}

std::vector<Timestamp> Pipeline::watermarks() const {
  std::vector<Timestamp> reached;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    reached.push_back(Timestamp::earliest());
    if (series_.origin_of(SeriesId{i}) != SeriesId{i}) continue;
    const SeriesClock clock = clock_of(SeriesId{i});
    reached.back() = clock.watermark;
    for (const auto& window : windows_) {
      if (!window->grouped()) reached.back() = std::max(reached.back(), window->reached(SeriesId{i}, clock));
    }
  }
  return reached;
}

// The labels of a derived metric are those of a reading of one of its inputs.
std::shared_ptr<const Series> Pipeline::key_of(const Row& row) const {
  if (row.labels == no_series) return windows_[index_of(row.window)]->names_of(row, series_);
  const SeriesId key = series_of(row.key);
  if (series_.origin_of(row.labels) == key) return series_.shared(row.labels);
  if (series_[row.labels].labels == series_[key].labels) return series_.shared(key);
  Series labelled = series_[key];
  labelled.labels = series_[row.labels].labels;
  return std::make_shared<const Series>(std::move(labelled));
}

std::size_t Pipeline::open_windows() const noexcept {
  std::size_t open = 0;
  for (const auto& window : windows_) open += window->open_windows();
  return open;
}

// What a tick takes for the series and windows that are there.
std::size_t Pipeline::reserved_bytes() const noexcept {
  const std::size_t clocks = states_.size() * sizeof(SeriesClock) + series_.reserved_bytes();
  std::size_t bytes = clocks - std::min(clocks, series_clocks_.capacity() * sizeof(SeriesClock));
  for (const auto& window : windows_) bytes += window->reserved_bytes();
  return bytes;
}

// What is computed from a series that is not known yet takes, and how many series that adds; also from those.
Pipeline::ComputedGrowth Pipeline::growth_of_computed(const Series& series) const {
  ComputedGrowth growth;
  std::vector<std::string_view> metrics = {series.metric};
  const auto add = [&](const DerivedMetrics& derived, std::size_t number) {
    growth.bytes += derived.bytes_of_input(number);
    const std::string& target = derived.metrics()[number].metric;
    const bool is_seen = std::find(metrics.begin(), metrics.end(), target) != metrics.end();
    if (!is_seen && !series_.find(series.sensor, target)) metrics.push_back(target);
  };
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    for (const auto& window : windows_) {
      for (const WindowDefinition* each = window.get(); each != nullptr; each = each->former()) {
        each->derived().for_each_reading(metrics[i], [&](std::size_t number) { add(each->derived(), number); });
      }
    }
  }
  growth.series = metrics.size() - 1;
  growth.bytes += growth.series * edgetide::memory_bytes(series);
  return growth;
}

// All that is kept by series doubles at about the same time.
std::size_t Pipeline::growth_of_series(const Series& series) const {
  std::size_t by_series = sizeof(SeriesState) + SeriesTable::bytes_by_series, bytes = edgetide::memory_bytes(series);
  for (const auto& window : windows_) {
    by_series += window->bytes_by_key();
    bytes += window->growth_of_groups(series);
  }
  const bool has_labels = series_.find(series.sensor, series.metric).has_value();
  if (has_labels) bytes += windows_.size() * RowLabels::bytes_of_key();
  const ComputedGrowth computed = has_labels || !others_follow_ ? ComputedGrowth() : growth_of_computed(series);
  return bytes + computed.bytes + (is_full(1 + computed.series) ? states_.size() * by_series : 0);
}

std::size_t Pipeline::memory_bytes() const noexcept {
  std::size_t bytes = series_.memory_bytes() + evicted_.memory_bytes() + heap_bytes(states_) +
                      heap_bytes(series_clocks_) + heap_bytes(evictable_);
  bytes += bad_times_.size() * bytes_of_bad_time;
  for (const SourceState& source : sources_) bytes += source.minimum.memory_bytes();
  for (const auto& window : windows_) bytes += window->memory_bytes();
  return bytes;
}

void Pipeline::measure() {
  for (const auto& window : windows_) window->measure();
  note_memory();
}

void Pipeline::count_memory() noexcept {
  memory_bytes_ = memory_bytes();
  claimed_bytes_ = measured_bytes_ = memory_bytes_ + reserved_bytes();
}

// And for how many readings there is room at least. Only between them.
void Pipeline::note_memory() noexcept {
  count_memory();
  std::size_t growth = 1, taken = claimed_bytes_;
  for (const auto& window : windows_) growth += window->largest_growth(), taken += window->largest_step();
  const std::size_t room = options_.max_memory_bytes - std::min(options_.max_memory_bytes, taken);
  is_near_limit_ = room / growth < least_unmeasured;
  is_rare_ = is_near_limit_ || series_.has_variants() || by_minimum_;
  measure_in_ = is_near_limit_ ? max_unmeasured : std::min(max_unmeasured, room / growth);
}

bool Pipeline::has_more_rows() const noexcept {
  return std::any_of(windows_.begin(), windows_.end(), [](const auto& window) { return window->has_more(); });
}

}  // namespace edgetide
