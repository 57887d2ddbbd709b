// Pipeline state to bytes and back. The layout is what `save` writes, in order; integers are little-endian:
//   text "edgetide state", u32 version, clock and epoch, sources, series, windows.
// Windows are written in order (start, series), so that the same state gives the same bytes whatever its history.
#include <algorithm>

#include "pipeline/pipeline.h"

namespace edgetide {

namespace {

constexpr std::string_view magic = "edgetide state";
constexpr std::uint32_t version = 1;

void save_counters(ByteWriter& out, const Counters& counters) {
  out.u64(counters.received);
  for (const std::uint64_t n : counters.fates) out.u64(n);
  out.u64(counters.duplicates);
  out.u64(counters.restamped);
  out.u32(static_cast<std::uint32_t>(counters.refused.size()));
  for (const std::uint64_t n : counters.refused) out.u64(n);
}

Counters load_counters(ByteReader& in) {
  Counters counters;
  counters.received = in.u64();
  for (std::uint64_t& n : counters.fates) n = in.u64();
  counters.duplicates = in.u64();
  counters.restamped = in.u64();
  in.require(in.u32() == counters.refused.size());
  for (std::uint64_t& n : counters.refused) n = in.u64();
  return counters;
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
    out.text(options_.sources[i].name);
    out.duration(sources_[i].listening.elapsed(running()));
    save_counters(out, sources_[i].counters);
  }
  save_series(out);
  out.u32(static_cast<std::uint32_t>(windows_.size()));
  for (const TumblingWindow& window : windows_) window.save(out);
  return bytes;
}

void Pipeline::save_series(ByteWriter& out) const {
  out.u32(static_cast<std::uint32_t>(states_.size()));
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const Series& series = series_[SeriesId{i}];
    out.text(series.sensor);
    out.text(series.metric);
    out.text(series.unit);
    out.u32(static_cast<std::uint32_t>(series.labels.size()));
    for (const Label& label : series.labels) {
      out.text(label.key);
      out.text(label.value);
    }
    const SeriesState& state = states_[i];
    out.time(state.watermark.value());
    out.time(state.watermark.newest());
    out.duration(state.heard_at);
    out.u32(state.source);
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
  load_sources(in);
  load_series(in);
  in.require(in.u32() == windows_.size());
  for (TumblingWindow& window : windows_) {
    if (in.ok()) window.load(in, states_.size());
  }
  in.require(in.at_end());
  if (in.ok()) return std::nullopt;
  reset();
  return "the snapshot is damaged or belongs to another configuration";
}

void Pipeline::load_sources(ByteReader& in) {
  in.require(in.u32() == sources_.size());
  for (std::size_t i = 0; in.ok() && i < sources_.size(); ++i) {
    in.require(in.text() == options_.sources[i].name);
    sources_[i].listening = ListeningClock::restored(in.duration());
    sources_[i].counters = load_counters(in);
  }
}

void Pipeline::load_series(ByteReader& in) {
  const std::uint32_t count = in.u32();
  if (!in.has(count, 16)) return;
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    Series texts = load_series_texts(in);
    in.require(!series_.find(texts.sensor, texts.metric) && add_series(std::move(texts)));
    const Timestamp watermark = in.time();
    const Timestamp newest = in.time();
    SeriesState state{SeriesWatermark::restored(watermark, newest), in.duration(), in.u32()};
    state.bad_time = in.u32();
    state.late_accepted = in.u32();
    state.late_dropped = in.u32();
    in.require(state.source < std::max<std::size_t>(sources_.size(), 1));
    if (in.ok()) states_[i] = state;
  }
}

void TumblingWindow::save(ByteWriter& out) const {
  out.text(name_);
  out.duration(size_);
  out.duration(offset_);
  out.duration(allowed_lateness_);
  out.u32(static_cast<std::uint32_t>(layout_.aggregates().size()));
  for (const Aggregate aggregate : layout_.aggregates()) out.text(name_of(aggregate));
  out.duration(fired_at_);
  for (const Track& track : tracks_) out.time(track.idle);

  std::vector<std::uint32_t> slots;
  store_.for_each([&](std::uint32_t slot) { slots.push_back(slot); });
  std::sort(slots.begin(), slots.end(), [&](std::uint32_t a, std::uint32_t b) {
    const WindowStore::Header& left = store_.header(a);
    const WindowStore::Header& right = store_.header(b);
    return left.start != right.start ? left.start < right.start : left.series < right.series;
  });
  out.u32(static_cast<std::uint32_t>(slots.size()));
  for (const std::uint32_t slot : slots) {
    const WindowStore::Header& header = store_.header(slot);
    out.time(header.start);
    out.u32(index_of(header.series));
    out.u32(header.revision);
    out.u8(static_cast<std::uint8_t>(header.state));
    out.u8(static_cast<std::uint8_t>(header.changed));
    for (std::size_t i = 0; i < layout_.words(); ++i) out.u64(store_.state(slot)[i]);
  }
}

void TumblingWindow::load(ByteReader& in, std::size_t series_count) {
  in.require(in.text() == name_);
  in.require(in.duration() == size_);
  in.require(in.duration() == offset_);
  in.require(in.duration() == allowed_lateness_);
  in.require(in.u32() == layout_.aggregates().size());
  for (const Aggregate aggregate : layout_.aggregates()) in.require(in.text() == name_of(aggregate));
  fired_at_ = in.duration();
  for (std::size_t i = 0; in.ok() && i < series_count; ++i) tracks_[i].idle = in.time();

  const std::uint32_t slots = in.u32();
  if (!in.has(slots, 8 * layout_.words())) return;
  for (std::uint32_t i = 0; in.ok() && i < slots; ++i) {
    const Timestamp start = in.time();
    const SeriesId series{in.u32()};
    in.require(index_of(series) < series_count && start_of(start) == start);
    in.require(in.ok() && store_.find(series, start) == WindowStore::none);
    if (!in.ok()) return;
    const std::uint32_t slot = find_or_create(series, tracks_[index_of(series)], start);
    WindowStore::Header& header = store_.header(slot);
    header.revision = in.u32() & WindowStore::revision_max;
    header.state = in.u8() & 3U;
    header.changed = in.u8() & 1U;
    for (std::size_t word = 0; word < layout_.words(); ++word) store_.state(slot)[word] = in.u64();
  }
}

}  // namespace edgetide
