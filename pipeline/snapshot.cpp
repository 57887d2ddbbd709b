// Pipeline state to bytes and back. The layout is what `save` writes, in order; integers are little-endian:
//   text "edgetide state", u32 version, clock and epoch, sources, series, then for each window definition its name, its
//   fingerprint and its state as one text, so that one that was changed can be left out.
// Windows are written in order, so that the same state gives the same bytes whatever its history.
#include <algorithm>

#include "pipeline/pipeline.h"

namespace edgetide {

namespace {

constexpr std::string_view magic = "edgetide state";
constexpr std::uint32_t version = 2;

void save_counters(ByteWriter& out, const Counters& counters) {
  out.u64(counters.received);
  for (const std::uint64_t n : counters.fates) out.u64(n);
  out.u64(counters.restamped);
  out.u32(static_cast<std::uint32_t>(counters.refused.size()));
  for (const std::uint64_t n : counters.refused) out.u64(n);
}

Counters load_counters(ByteReader& in) {
  Counters counters;
  counters.received = in.u64();
  for (std::uint64_t& n : counters.fates) n = in.u64();
  counters.restamped = in.u64();
  in.require(in.u32() == counters.refused.size());
  for (std::uint64_t& n : counters.refused) n = in.u64();
  return counters;
}

void save_series_texts(ByteWriter& out, const Series& series) {
  out.text(series.sensor);
  out.text(series.metric);
  out.text(series.unit);
  out.u32(static_cast<std::uint32_t>(series.labels.size()));
  for (const Label& label : series.labels) {
    out.text(label.key);
    out.text(label.value);
  }
}

Series load_series_texts(ByteReader& in) {
  Series series;
  series.sensor = in.text();
  series.metric = in.text();
  series.unit = in.text();
  const std::uint32_t labels = in.u32();
  if (!in.has(labels, 8)) return series;
  for (std::uint32_t i = 0; i < labels; ++i) {
    Label& label = series.labels.emplace_back();
    label.key = in.text();
    label.value = in.text();
  }
  return series;
}

}  // namespace

std::string Pipeline::snapshot() const {
  std::string bytes;
  ByteWriter out(bytes);
  out.text(magic);
  out.u32(version);
  out.u64(epoch_);
  out.u8(now_ ? 1 : 0);
  out.time(now_.value_or(Moment{}).wall);
  out.duration(running());
  out.time(floor_);
  out.u32(static_cast<std::uint32_t>(sources_.size()));
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const SourceState& source = sources_[i];
    out.text(options_.sources[i].name);
    out.duration(source.listening.elapsed(running()));
    out.i64(source.new_series.level());
    out.duration(source.new_series.filled_at());
    source.minimum.save(out);
    save_counters(out, source.counters);
  }
  all_.save(out);
  save_series(out);
  out.u32(static_cast<std::uint32_t>(windows_.size()));
  for (const auto& window : windows_) {
    out.text(window->name());
    out.text(window->fingerprint());
    std::string state;
    ByteWriter state_out(state);
    window->save(state_out);
    out.text(state);
  }
  return bytes;
}

void Pipeline::save_series(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(states_.size()));
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    out.u8(series_.has(SeriesId{i}) ? 1 : 0);
    if (!series_.has(SeriesId{i})) continue;
    save_series_texts(out, series_[SeriesId{i}]);
    const SeriesState& state = states_[i];
    out.time(state.watermark.value());
    out.time(state.watermark.lead());
    out.duration(state.heard_at);
    out.u32(state.source);
    out.u8(by_minimum_ && sources_[state.source].minimum.is_active(i) ? 1 : 0);
    out.u32(state.bad_time);
    out.u32(state.late_accepted);
    out.u32(state.late_dropped);
  }
}

std::optional<std::string> Pipeline::restore(std::string_view snapshot) {
  reset();
  ByteReader in(snapshot);
  if (in.text() != magic) return "not a pipeline snapshot";
  if (const std::uint32_t found = in.u32(); in.ok() && found != version) {
    return "snapshot version " + std::to_string(found) + ", this program reads " + std::to_string(version);
  }
  epoch_ = in.u64();
  const bool clock_known = in.u8() != 0;
  const Timestamp wall = in.time();
  const Duration ran = in.duration();
  if (clock_known) now_ = Moment{wall, ran};
  floor_ = in.time();
  const std::vector<std::uint32_t> sources = load_sources(in);
  load_series(in, sources);
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].minimum.active()) all_.restore_member(i, sources_[i].minimum.value());
  }
  load_windows(in, sources);
  in.require(in.at_end());
  memory_bytes_ = memory_bytes();
  if (in.ok()) return std::nullopt;
  reset();
  return "the snapshot is damaged";
}

// By source of the snapshot, its place now, or none.
std::vector<std::uint32_t> Pipeline::load_sources(ByteReader& in) {
  std::vector<std::uint32_t> places;
  const std::uint32_t count = in.u32();
  if (!in.has(count, 16)) return places;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const std::string_view name = in.text();
    const auto known = std::find_if(options_.sources.begin(), options_.sources.end(),
                                    [&](const SourceOptions& source) { return source.name == name; });
    SourceState unused;
    const bool found = known != options_.sources.end();
    places.push_back(found ? static_cast<std::uint32_t>(known - options_.sources.begin()) : no_source);
    SourceState& source = found ? sources_[places.back()] : unused;
    source.listening = ListeningClock::restored(in.duration());
    const std::int64_t level = in.i64();
    source.new_series.restore(level, in.duration());
    source.minimum.load(in);
    source.minimum.hear_from(places.back());
    source.counters = load_counters(in);
  }
  all_.load(in);
  all_.hear_from(place_of(places, all_.heard().source));
  return places;
}

void Pipeline::load_series(ByteReader& in, const std::vector<std::uint32_t>& sources) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 1)) return;
  std::vector<SeriesId> removed;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const bool is_removed = in.u8() == 0;
    Series texts = is_removed ? Series{std::to_string(i), "", "removed", {}} : load_series_texts(in);
    in.require(!series_.find(texts.sensor, texts.metric));
    const std::optional<SeriesId> id = in.ok() ? series_.add(std::move(texts)) : std::nullopt;
    in.require(id.has_value() && index_of(*id) == i);
    if (!in.ok()) return;
    enter_series(*id);
    if (is_removed) {
      removed.push_back(*id);
      continue;
    }
    load_series_state(in, *id, sources);
  }
  for (const SeriesId id : removed) series_.remove(id);
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    if (series_.has(SeriesId{i})) add_derived(SeriesId{i});
  }
}

void Pipeline::load_series_state(ByteReader& in, SeriesId id, const std::vector<std::uint32_t>& sources) {
  const Timestamp watermark = in.time();
  const Timestamp lead = in.time();
  SeriesState state{SeriesWatermark::restored(watermark, lead), in.duration(), in.u32()};
  const bool active = in.u8() != 0;
  state.bad_time = in.u32();
  state.late_accepted = in.u32();
  state.late_dropped = in.u32();
  in.require(state.source < std::max<std::size_t>(sources.size(), 1));
  if (!in.ok()) return;
  const std::uint32_t place = place_of(sources, state.source);
  const bool known = place != no_source;
  if (!known) state.heard_at = Duration();
  state.source = known ? place : 0;
  if (active && known && by_minimum_) sources_[state.source].minimum.restore_member(index_of(id), watermark);
  states_[index_of(id)] = state;
}

void Pipeline::load_windows(ByteReader& in, const std::vector<std::uint32_t>& sources) {
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    const std::string_view name = in.text();
    const std::string_view fingerprint = in.text();
    const std::string_view state = in.text();
    const auto known =
        std::find_if(windows_.begin(), windows_.end(), [&](const auto& window) { return window->name() == name; });
    if (known == windows_.end() || (*known)->fingerprint() != fingerprint) {
      forgotten_windows_.emplace_back(name);
      continue;
    }
    ByteReader state_in(state);
    (*known)->load(state_in, {series_, sources, [this](std::uint32_t id) { return states_[id].watermark.value(); }});
    in.require(state_in.ok() && state_in.at_end());
  }
}

}  // namespace edgetide
