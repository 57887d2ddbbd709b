// Pipeline state to bytes and back. The layout is what `save` writes, in order; integers are little-endian: the head
// (snapshot_head.h), the floor of watermarks, sources, series, then for each window definition its state as one text,
// so that one that was changed can be omitted. Windows are written in order, so that the same state gives the same
// bytes whatever its history.
#include <algorithm>

#include "pipeline/definition_bytes.h"
#include "pipeline/pipeline.h"
#include "pipeline/series_bytes.h"
#include "pipeline/snapshot_head.h"

namespace edgetide {

namespace {

// Rather too much: memory that is not written to costs nothing.
constexpr std::size_t series_bytes = 256;
constexpr std::size_t window_bytes = 128;

constexpr std::uint8_t saved_removed = 0, saved_series = 1, saved_computed = 2, saved_variant = 3;

}  // namespace

std::string Pipeline::snapshot() const {
  std::string bytes;
  bytes.reserve(states_.size() * series_bytes + open_windows() * window_bytes);
  ByteWriter out(bytes);
  save(out, snapshot_head());
  out.time(floor_);
  if (floor_ == Timestamp::latest()) out.time(floor_before_end_);
  evicted_.save(out);
  for (const SourceState& source : sources_) {
    out.u8(source.listening.listening() ? 1 : 0);
    out.duration(source.listening.elapsed(running()));
    out.duration(source.listening.unheard());
    out.i64(source.new_series.level());
    out.duration(source.new_series.filled_at());
    source.minimum.save(out);
    out.time(source.stream.value());
    out.time(source.stream.own());
    out.duration(source.heard_at_tick);
    out.u8(static_cast<std::uint8_t>(source.time.scope));
    out.u8(source.is_awaited && source.counters.outcomes_total() == 0 ? 1 : 0);
  }
  all_.save(out);
  save_series(out);
  for (const auto& window : windows_) window->save(out);
  return bytes;
}

SnapshotHead Pipeline::snapshot_head() const {
  SnapshotHead head;
  head.epoch = epoch_;
  head.now = now_;
  head.series = series_.size() - series_.removed().size();
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    head.sources.push_back({options_.sources[i].name, sources_[i].counters});
  }
  for (const auto& window : windows_) {
    head.windows.push_back({window->name(), window->fingerprint(), window->open_windows()});
  }
  return head;
}

void Pipeline::save_series(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(states_.size()));
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (!series_.has(SeriesId{i})) {
      out.u8(saved_removed);
      continue;
    }
    const SeriesState& state = states_[i];
    const SeriesId origin = series_.origin_of(SeriesId{i});
    out.u8(origin != SeriesId{i} ? saved_variant : series_[SeriesId{i}].computed ? saved_computed : saved_series);
    save_names(out, series_[SeriesId{i}]);
    if (origin != SeriesId{i}) {
      out.u32(index_of(origin));
      out.duration(state.heard.at);
      out.u32(index_of(state.heard.source));
      continue;
    }
    const bool active = by_minimum_ && sources_[index_of(state.heard.source)].minimum.is_active(SeriesId{i});
    out.numbers(state.watermark.value().count(), state.watermark.own().count(), state.heard.at.count(),
                index_of(state.heard.source), std::uint8_t{active}, state.bad_time, state.late_accepted,
                state.late_dropped);
  }
  for (const std::uint32_t id : series_.removed()) out.u32(id);
  const auto still = [this](SeriesId id) { return may_evict(id); };
  out.u32(static_cast<std::uint32_t>(std::count_if(evictable_.begin(), evictable_.end(), still)));
  for (const SeriesId id : evictable_) {
    if (still(id)) out.u32(index_of(id));
  }
}

std::optional<std::string> Pipeline::restore(std::string_view snapshot, Connections connections) {
  reset();
  ByteReader in(snapshot);
  SnapshotHead head;
  if (auto error = load(in, head)) return error;
  epoch_ = head.epoch;
  now_ = head.now;
  floor_ = in.time();
  floor_before_end_ = floor_ == Timestamp::latest() ? in.time() : floor_;
  EvictedKeys evicted(evicted_);
  evicted.load(in);
  std::vector<WatermarkScope> scopes;
  const std::vector<SourceId> sources = load_sources(in, head, connections, scopes);
  load_series(in, sources);
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    enter_in_all(SourceId{i});
  }
  load_windows(in, head, sources);
  if (in.ok()) keep_reached_by(scopes);
  for (std::uint32_t i = 0; i < sources_.size(); ++i)
    hear_at_most(SourceId{i}, sources_[i].listening.elapsed(running()));
  in.require(in.at_end());
  evicted_ = std::move(evicted);
  await_sources();
  measure();
  if (in.ok()) return std::nullopt;
  reset();
  return "the snapshot is damaged";
}

// What a series has reached by the scope that its source had does not go back with another one.
void Pipeline::keep_reached_by(const std::vector<WatermarkScope>& scopes) noexcept {
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const SeriesState& state = states_[i];
    const SeriesId id{i};
    if (!series_.has(id) || series_.origin_of(id) != id || !state.watermark.heard() || sources_.empty()) continue;
    const WatermarkScope scope = scopes[index_of(state.heard.source)];
    if (scope == sources_[index_of(state.heard.source)].time.scope) continue;
    const SeriesClock clock{
        state.heard.source, scope, false, watermark_by(scope, state, state.heard.source), {}, {}, {}};
    for (const auto& window : windows_) window->keep_reached(id, clock);
  }
}

// By source of the snapshot, its place now, or no_source. `scopes`: by source now, what it had then.
std::vector<SourceId> Pipeline::load_sources(ByteReader& in, const SnapshotHead& head, Connections connections,
                                             std::vector<WatermarkScope>& scopes) {
  std::vector<SourceId> places;
  for (const SourceState& source : sources_) scopes.push_back(source.time.scope);
  for (const SnapshotHead::Source& saved : head.sources) {
    const auto known = std::find_if(options_.sources.begin(), options_.sources.end(),
                                    [&](const SourceOptions& source) { return source.name == saved.name; });
    SourceState unused;
    const bool found = known != options_.sources.end();
    places.push_back(found ? SourceId{static_cast<std::uint32_t>(known - options_.sources.begin())} : no_source);
    SourceState& source = found ? sources_[index_of(places.back())] : unused;
    const bool listening = in.u8() != 0;
    const Duration elapsed = in.duration(), unheard = in.duration();
    const bool goes_on = listening && connections == Connections::go_on;
    source.listening = ListeningClock::restored(elapsed, unheard, goes_on ? std::optional(running()) : std::nullopt);
    const std::int64_t level = in.i64();
    source.new_series.restore(level, in.duration());
    source.minimum.load(in);
    source.minimum.hear_from(places.back());
    const Timestamp stream = in.time();
    source.stream = SeriesWatermark::restored(stream, in.time());
    source.heard_at_tick = in.duration();
    const std::uint8_t scope = in.u8();
    in.require(scope <= static_cast<std::uint8_t>(WatermarkScope::stream));
    if (found) scopes[index_of(places.back())] = static_cast<WatermarkScope>(scope);
    source.is_awaited = in.u8() != 0;
    source.counters = saved.counters;
  }
  all_.load(in);
  all_.hear_from(place_of(places, all_.heard().source));
  return places;
}

void Pipeline::load_series(ByteReader& in, const std::vector<SourceId>& sources) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 1)) return;
  std::vector<bool> removed(count);
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const std::uint8_t kind = in.u8();
    removed[i] = kind == saved_removed;
    Series texts = removed[i] ? Series{std::to_string(i), "", "removed", {}} : load_names(in);
    texts.computed = kind == saved_computed;
    in.require(kind <= saved_variant);
    if (kind == saved_variant) {
      load_variant(in, std::move(texts), count, sources);
      continue;
    }
    in.require(!series_.find(texts.sensor, texts.metric));
    if (!in.ok()) return;
    const SeriesId id = series_.add_beyond_capacity(std::move(texts));
    if (removed[i]) {
      skip_series(id);
    } else {
      load_series_state(in, enter_series(id, SourceId{0}), sources);
    }
  }
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const SeriesId origin = series_.origin_of(SeriesId{i});
    in.require(series_.origin_of(origin) == origin && (origin == SeriesId{i} || is_variant_of(SeriesId{i}, origin)));
  }
  if (!in.ok()) return;
  // In their order, in which ids are given again.
  for (auto left = std::count(removed.begin(), removed.end(), true); in.ok() && left > 0; --left) {
    const std::uint32_t id = in.u32();
    in.require(id < count && removed[id] && series_.has(SeriesId{id}));
    if (in.ok()) series_.remove(SeriesId{id});
  }
  const std::uint32_t evictable = in.u32();
  for (std::uint32_t i = 0; in.ok() && i < evictable; ++i) {
    const std::uint32_t id = in.u32();
    in.require(id < count && series_.has(SeriesId{id}));
    evictable_.push_back(SeriesId{id});
  }
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    if (series_.has(SeriesId{i})) add_derived(SeriesId{i});
  }
}

bool Pipeline::is_variant_of(SeriesId id, SeriesId origin) const {
  return series_.has(origin) && series_[origin].sensor == series_[id].sensor &&
         series_[origin].metric == series_[id].metric;
}

// Its origin may follow.
void Pipeline::load_variant(ByteReader& in, Series texts, std::uint32_t count, const std::vector<SourceId>& sources) {
  const SeriesId origin{in.u32()};
  const Duration heard_at = in.duration();
  const SourceId source{in.u32()};
  in.require(index_of(origin) < count && index_of(origin) != series_.size() &&
             index_of(source) < std::max<std::size_t>(sources.size(), 1));
  if (!in.ok()) return;
  const SeriesId id = enter_series(series_.add_variant(std::move(texts), origin), SourceId{0});
  const SourceId place = place_of(sources, source);
  if (place != no_source) note_variant(id, {place, heard_at});
}

void Pipeline::load_series_state(ByteReader& in, SeriesId id, const std::vector<SourceId>& sources) {
  const Timestamp watermark = in.time();
  const Timestamp own = in.time();
  const Duration heard_at = in.duration();
  SeriesState state{SeriesWatermark::restored(watermark, own), {SourceId{in.u32()}, heard_at}};
  const bool active = in.u8() != 0;
  state.bad_time = in.u32();
  state.late_accepted = in.u32();
  state.late_dropped = in.u32();
  in.require(index_of(state.heard.source) < std::max<std::size_t>(sources.size(), 1));
  if (!in.ok()) return;
  const SourceId place = place_of(sources, state.heard.source);
  const bool known = place != no_source;
  if (!known) state.heard.at = Duration();
  state.heard.source = known ? place : SourceId{0};
  if (active && known && by_minimum_)
    sources_[index_of(state.heard.source)].minimum.restore_member(id, state.watermark.as_member());
  states_[index_of(id)] = state;
}

void Pipeline::load_windows(ByteReader& in, const SnapshotHead& head, const std::vector<SourceId>& sources) {
  const WindowDefinition::Restored restored{
      series_,
      sources,
      sources_.size(),
      options_.hash_seed,
      options_.makers,
      [this](SeriesId id) { return states_[index_of(series_.origin_of(id))].watermark.as_member(); },
      [this](WindowDefinition& window) { enter_all_series(window); }};
  for (const SnapshotHead::Window& saved : head.windows) {
    const auto known = std::find_if(windows_.begin(), windows_.end(),
                                    [&](const auto& window) { return window->name() == saved.name; });
    if (known != windows_.end() && (*known)->fingerprint() == saved.fingerprint) {
      ByteReader state_in(in.text());
      ByteReader definition_in(state_in.text());
      (*known)->load(state_in, restored);
      in.require(state_in.ok() && state_in.at_end());
      if (const auto saved_as = load_definition(definition_in, options_.makers)) (*known)->change_top(saved_as->top);
    } else if (known != windows_.end()) {
      load_changed(in, **known, restored);
    } else {
      static_cast<void>(in.text());
      forgotten_windows_.push_back(saved.name);
    }
    if (!in.ok()) return;
  }
}

// What its former definition holds is finished by that one.
void Pipeline::load_changed(ByteReader& in, WindowDefinition& changed, const WindowDefinition::Restored& restored) {
  std::unique_ptr<WindowDefinition> former = WindowDefinition::load_former(in, restored);
  const bool goes_on = changed.traits().endless;
  const bool begins_again = !former || (goes_on && former->traits().endless);
  if (!former && now_) changed.begin_endless(now_->wall);
  if (former) changed.follow(std::move(former));
  others_follow_ = others_follow_ || changed.follows_others();
  (begins_again ? forgotten_windows_ : changed_windows_).push_back(changed.name());
}

void Pipeline::enter_all_series(WindowDefinition& window) {
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const SeriesId id{i};
    series_.has(id) ? window.add_series(id, series_[id], series_.origin_of(id)) : window.skip_series(id);
  }
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (series_.has(SeriesId{i})) add_derived(window, SeriesId{i});
  }
}

// Event time; earliest(): nothing was heard.
Timestamp Pipeline::newest_of(SeriesId series) const noexcept {
  const SeriesState& state = states_[index_of(series)];
  if (!state.watermark.heard()) return Timestamp::earliest();
  return state.watermark.own() + sources_[index_of(state.heard.source)].time.max_out_of_orderness;
}

void Pipeline::take_over_changed() {
  std::vector<SeriesClock> clocks;
  for (const auto& window : windows_) {
    if (!window->waits()) continue;
    for (auto i = static_cast<std::uint32_t>(clocks.size()); i < states_.size(); ++i) {
      clocks.push_back(clock_of(SeriesId{i}));
      clocks.back().passed = newest_of(SeriesId{i});
    }
    window->take_over(clocks, now_ ? now_->wall : Timestamp());
  }
}

}  // namespace edgetide
