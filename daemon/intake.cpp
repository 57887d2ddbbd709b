#include "daemon/intake.h"

#include <algorithm>
#include <utility>

#include "daemon/log.h"
#include "daemon/storage/quarantine.h"

namespace edgetide {

namespace {

constexpr SeriesId no_series{0xFFFF'FFFF};
constexpr std::size_t sample_bytes_max = 200;

Series to_series(const DecodedBatch& batch, const DecodedReading& reading) {
  Series series;
  series.sensor = reading.sensor;
  series.metric = reading.metric;
  series.unit = reading.unit;
  for (const LabelView& label : batch.labels_of(reading)) {
    series.labels.push_back({std::string(label.key), std::string(label.value)});
  }
  std::sort(series.labels.begin(), series.labels.end(), [](const Label& a, const Label& b) { return a.key < b.key; });
  return series;
}

}  // namespace

Intake::Intake(Pipeline& pipeline, const Clock& clock, std::vector<std::string> source_names)
    : clock_(clock),
      source_names_(std::move(source_names)),
      run_(static_cast<std::uint64_t>(clock.now().wall.count())),
      pipeline_(pipeline),
      samples_(source_names_.size()) {}

bool Intake::held_back() const {
  return std::any_of(routes_.begin(), routes_.end(), [](const Route& route) { return route.courier->full(); });
}

SeriesId Intake::series_of(SourceId source, const DecodedBatch& batch, const DecodedReading& reading) {
  const auto known = pipeline_.series().find(reading.sensor, reading.metric);
  if (known) return *known;
  Series series = to_series(batch, reading);
  enrichment_.complete(source, series);
  const SeriesId added = pipeline_.add_series(std::move(series), source).value_or(no_series);
  if (added != no_series) enrichment_.forget(added);
  return added;
}

bool Intake::accept(SourceId source, const DecodedBatch& batch) noexcept {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return closed_ || !waiting_allowed_ || !held_back(); });
  if (closed_ || held_back()) return false;

  const Moment arrival = clock_.now();
  for (const DecodedRefusal& refusal : batch.refusals) pipeline_.refuse(source, refusal.reason);
  if (!batch.refusals.empty()) {
    const DecodedRefusal& last = batch.refusals.back();
    samples_[index_of(source)] = {last.reason, std::string(last.where.substr(0, sample_bytes_max)), last.offset};
  }
  readings_.clear();
  for (const DecodedReading& reading : batch.readings) {
    const SeriesId series = series_of(source, batch, reading);
    if (series == no_series) continue;  // counted as refused
    const double value = enrichment_.calibrated(source, series, pipeline_.series(), reading.value);
    readings_.push_back({series, reading.event_time.value_or(arrival.wall), value});
  }
  pipeline_.apply({source, arrival, readings_});
  if (quarantine_ != nullptr) {
    quarantine_->keep(pipeline_.set_aside(), source_names_[index_of(source)], arrival, pipeline_.series());
  }
  return true;
}

void Intake::connected(SourceId source, std::string_view peer) noexcept {
  log(LogLevel::info, "source " + source_names_[index_of(source)] + ": connected to " + printable(peer));
  const std::lock_guard lock(mutex_);
  pipeline_.connected(source, clock_.now());
}

void Intake::disconnected(SourceId source, std::string_view reason) noexcept {
  log(LogLevel::warning, "source " + source_names_[index_of(source)] + ": disconnected: " + printable(reason));
  const std::lock_guard lock(mutex_);
  pipeline_.disconnected(source, clock_.now());
}

void Intake::notice(SourceId source, std::string_view text) noexcept {
  log(LogLevel::warning, "source " + source_names_[index_of(source)] + ": " + printable(text));
}

void Intake::set_tables(std::vector<std::shared_ptr<const SensorTable>> tables) {
  const std::lock_guard lock(mutex_);
  enrichment_.replace(std::move(tables));
}

void Intake::tick(Fire fire) {
  const std::lock_guard lock(mutex_);
  pipeline_.tick(clock_.now(), fire, emission_);
  if (emission_.rows.empty()) return;
  rows_emitted_ += emission_.rows.size();
  for (const Route& route : routes_) {
    RowBatch batch = route.selection.select(emission_, pipeline_, run_);
    if (!batch.windows.empty()) route.courier->push(std::move(batch));
  }
}

void Intake::stop_waiting() {
  const std::lock_guard lock(mutex_);
  waiting_allowed_ = false;
  room_.notify_all();
}

void Intake::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
}

void Intake::room() {
  const std::lock_guard lock(mutex_);
  room_.notify_all();
}

RefusalSample Intake::last_refusal(SourceId source) const {
  const std::lock_guard lock(mutex_);
  return samples_[index_of(source)];
}

QuarantineCounters Intake::quarantine_counters() const {
  const std::lock_guard lock(mutex_);
  return quarantine_->counters();
}

std::uint64_t Intake::rows_emitted() const {
  const std::lock_guard lock(mutex_);
  return rows_emitted_;
}

}  // namespace edgetide
