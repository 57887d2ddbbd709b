#include "pipeline/pipeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace edgetide {

Pipeline::Pipeline(PipelineOptions options) : options_(std::move(options)), series_(options_.max_series) {
  reset();
}

void Pipeline::reset() {
  epoch_ = 0;
  now_.reset();
  floor_ = Timestamp::earliest();
  series_ = SeriesTable(options_.max_series);
  states_.clear();
  sources_.clear();
  for (const SourceOptions& source : options_.sources) sources_.push_back({source.time, {}, {}, {}});
  windows_.clear();
  for (std::uint32_t i = 0; i < options_.windows.size(); ++i) {
    windows_.emplace_back(options_.windows[i]);
    for (const SourceId input : options_.windows[i].inputs) sources_[index_of(input)].windows.push_back(i);
  }
}

std::optional<SeriesId> Pipeline::add_series(Series series) {
  const std::optional<SeriesId> id = series_.add(std::move(series));
  if (!id) return id;
  states_.push_back({SeriesWatermark(floor_), Duration(), 0});
  for (TumblingWindow& window : windows_) window.reserve_series(series_.size());
  return id;
}

void Pipeline::remember(Moment now) noexcept {
  now.running = std::max(now.running, running());
  now_ = now;
}

Pipeline::Judge Pipeline::judge_of(const Batch& batch) noexcept {
  SourceState& source = sources_[index_of(batch.source)];
  Judge judge{source,
              index_of(batch.source),
              Timestamp::earliest(),
              Timestamp::latest(),
              Timestamp(),
              source.listening.elapsed(running())};
  if (!batch.arrival) return judge;
  judge.arrival = batch.arrival->wall;
  if (source.time.oldest != Duration::unlimited()) judge.earliest = judge.arrival - source.time.oldest;
  if (source.time.max_future != Duration::unlimited()) judge.latest = judge.arrival + source.time.max_future;
  return judge;
}

[[gnu::always_inline]] inline void Pipeline::apply(const Judge& judge, const Reading& reading) {
  if (!std::isfinite(reading.value)) [[unlikely]] {
    ++judge.source.counters.refused[static_cast<std::size_t>(Refusal::not_finite)];
    return;
  }
  Timestamp time = reading.event_time;
  if (time < judge.earliest || time > judge.latest) [[unlikely]] {
    if (!accept_time(judge, reading, time)) return;
  }
  SeriesState& series = states_[index_of(reading.series)];
  Fate fate = Fate::late_dropped;
  for (const std::uint32_t window : judge.source.windows) {
    fate = std::min(fate, windows_[window].admit(reading.series, time, reading.value, series.watermark.value()));
  }
  series.watermark.observe(time, judge.source.time.max_out_of_orderness);
  series.heard_at = judge.heard_at;
  series.source = judge.source_index;
  if (fate != Fate::on_time) [[unlikely]]
    ++(fate == Fate::late_dropped ? series.late_dropped : series.late_accepted);
  ++judge.source.counters.fates[static_cast<std::size_t>(fate)];
}

void Pipeline::apply(const Batch& batch) {
  if (batch.arrival) remember(*batch.arrival);
  const Judge judge = judge_of(batch);
  judge.source.counters.received += batch.readings.size();
  if (judge.source.windows.empty()) {
    judge.source.counters.refused[static_cast<std::size_t>(Refusal::unmatched)] += batch.readings.size();
    return;
  }
  for (const Reading& reading : batch.readings) apply(judge, reading);
}

// A bad time: refused, or replaced by the arrival time.
bool Pipeline::accept_time(const Judge& judge, const Reading& reading, Timestamp& time) noexcept {
  ++states_[index_of(reading.series)].bad_time;
  Counters& counters = judge.source.counters;
  if (judge.source.time.on_bad_time == BadTimePolicy::use_arrival) {
    ++counters.restamped;
    time = judge.arrival;
    return true;
  }
  const Refusal reason = time < judge.earliest ? Refusal::too_old : Refusal::too_early;
  ++counters.refused[static_cast<std::size_t>(reason)];
  return false;
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
  sources_[index_of(source)].listening.stop(running());
}

void Pipeline::raise_watermarks(Timestamp to) noexcept {
  floor_ = std::max(floor_, to);
  for (SeriesState& state : states_) state.watermark.raise(to);
}

void Pipeline::follow_clocks() noexcept {
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    const SeriesState& state = states_[i];
    const SourceState& source = sources_[state.source];
    const Duration silence = source.listening.elapsed(running()) - state.heard_at;
    if (source.time.idle_timeout == Duration::unlimited() || silence < source.time.idle_timeout) continue;
    for (TumblingWindow& window : windows_) {
      window.follow_clock(SeriesId{i}, state.watermark, source.time.max_out_of_orderness, silence);
    }
  }
}

void Pipeline::tick(Moment now, Fire fire, Emission& out) {
  remember(now);
  out.clear();
  out.epoch = ++epoch_;
  follow_clocks();
  watermarks_.clear();
  for (const SeriesState& state : states_) watermarks_.push_back(state.watermark.value());
  for (std::uint32_t i = 0; i < windows_.size(); ++i) {
    if (fire == Fire::due && !windows_[i].due(running())) continue;
    windows_[i].fire(WindowId{i}, running(), watermarks_, series_.ranks(), out);
  }
}

Counters Pipeline::counters() const noexcept {
  Counters total;
  for (const SourceState& source : sources_) total += source.counters;
  return total;
}

std::vector<Timestamp> Pipeline::watermarks() const {
  std::vector<Timestamp> reached;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    reached.push_back(states_[i].watermark.value());
    for (const TumblingWindow& window : windows_) {
      reached.back() = std::max(reached.back(), window.idle_watermark_of(SeriesId{i}));
    }
  }
  return reached;
}

std::size_t Pipeline::open_windows() const noexcept {
  std::size_t open = 0;
  for (const TumblingWindow& window : windows_) open += window.open_windows();
  return open;
}

std::size_t Pipeline::memory_bytes() const noexcept {
  std::size_t bytes = states_.capacity() * sizeof(SeriesState);
  for (const TumblingWindow& window : windows_) bytes += window.memory_bytes();
  return bytes;
}

}  // namespace edgetide
