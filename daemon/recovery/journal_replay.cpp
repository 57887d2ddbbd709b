#include "daemon/recovery/journal_replay.h"

#include <algorithm>
#include <utility>

#include "daemon/storage/series_checksum.h"

namespace edgetide {

JournalReplay::JournalReplay(Pipeline& pipeline, const RowRoutes& routes, SourceSessions& sessions,
                             SourcePositions& positions, StoredValues& values, std::vector<std::string> source_names)
    : pipeline_(pipeline),
      routes_(routes),
      sessions_(sessions),
      positions_(positions),
      values_(values),
      source_names_(std::move(source_names)) {}

void JournalReplay::begin(const std::vector<std::string>& sources, std::uint64_t run) {
  run_ = run;
  name_sources(sources);
  series_.clear();
  for (std::uint32_t i = 0; i < pipeline_.series().size(); ++i) {
    const bool is_there = pipeline_.series().has(SeriesId{i});
    series_.push_back(is_there ? std::optional(SeriesId{i}) : std::nullopt);
  }
}

void JournalReplay::name_sources(const std::vector<std::string>& sources) {
  names_ = sources;
  sources_.clear();
  for (const std::string& name : sources) {
    const auto now = std::find(source_names_.begin(), source_names_.end(), name);
    const auto slot = static_cast<std::uint32_t>(now - source_names_.begin());
    sources_.push_back(now == source_names_.end() ? std::nullopt : std::optional(SourceId{slot}));
  }
}

std::optional<SourceId> JournalReplay::source_of(SourceId then) const noexcept {
  return index_of(then) < sources_.size() ? sources_[index_of(then)] : std::nullopt;
}

std::optional<SeriesId> JournalReplay::series_of(SeriesId then) const noexcept {
  return index_of(then) < series_.size() ? series_[index_of(then)] : std::nullopt;
}

void JournalReplay::apply(const JournalRecord& record) {
  if (stopped_) return;
  std::visit([this](const auto& one) { apply_one(one); }, record);
}

void JournalReplay::apply_one(const RunStart& start) {
  end();
  const SeriesTable& series = pipeline_.series();
  stopped_ = start.series_count != series.size() || start.series_checksum != series_checksum(series);
  if (!stopped_) begin(start.sources, start.run);
}

void JournalReplay::apply_one(const NewSeries& added) {
  const std::uint32_t then = index_of(added.id);
  if (then >= series_.size()) series_.resize(then + 1);
  const std::optional<SeriesId> replaced = std::exchange(series_[then], std::nullopt);
  const auto known = pipeline_.series().find(added.series.sensor, added.series.metric);
  series_[then] =
      known ? *known : pipeline_.restore_series(added.series, source_of(added.source).value_or(SourceId{0}), replaced);
}

void JournalReplay::apply_one(const JournaledBatch& batch) {
  if (index_of(batch.source) < names_.size()) note_messages(names_[index_of(batch.source)], batch);
  if (const std::optional<SourceId> source = source_of(batch.source)) {
    for (const RefusedCount& refused : batch.refused) pipeline_.refuse(*source, refused.reason, refused.readings);
  }
  apply_or_hold(batch.source, batch.arrival, batch.readings);
}

void JournalReplay::note_messages(const std::string& source, const JournaledBatch& batch) {
  for (const std::uint64_t fingerprint : batch.fingerprints) sessions_.of(source).recent.add(fingerprint);
  for (const JournaledPosition& position : batch.positions) {
    positions_.note(source, position.partition, position.bytes);
  }
  for (const JournaledValue& value : batch.values) values_.note(source, value.topic, value.value);
}

void JournalReplay::apply_one(const JournaledSession& session) {
  if (index_of(session.source) >= names_.size()) return;
  sessions_.begin(names_[index_of(session.source)], session.name, session.is_new, session.in_flight, session.notes);
}

void JournalReplay::hold(const ClockHold& held) {
  for (const HeldBatch& batch : held.batches()) {
    apply_or_hold(batch.source, {time_not_known, batch.running}, batch.readings);
  }
}

void JournalReplay::apply_or_hold(SourceId then, Moment arrival, std::span<const Reading> readings) {
  const std::optional<SourceId> source = source_of(then);
  applied_.clear();
  for (const Reading& reading : readings) {
    const std::optional<SeriesId> series = source ? series_of(reading.series) : std::nullopt;
    if (series) applied_.push_back({*series, reading.event_time, reading.value});
  }
  lost_readings_ += readings.size() - applied_.size();
  readings_ += applied_.size();
  if (!source) return;
  if (arrival.wall == time_not_known) return held_.add({*source, arrival.running, applied_});
  pipeline_.apply({*source, arrival, applied_});
}

void JournalReplay::apply_one(const ClockSet& set) {
  for (HeldBatch& held : held_.release()) pipeline_.apply(stamped(held, set.now));
}

void JournalReplay::apply_one(const JournaledTick& tick) {
  pipeline_.tick(tick.now, tick.fire, emission_);
  RowRoutes::send(routes_.select(emission_, pipeline_, run_));
}

void JournalReplay::apply_one(const JournaledConnection& connection) {
  const std::optional<SourceId> source = source_of(connection.source);
  if (!source) return;
  connection.connected ? pipeline_.connected(*source, connection.now) : pipeline_.disconnected(*source, connection.now);
}

void JournalReplay::end() {
  if (!pipeline_.now()) return;
  for (std::uint32_t i = 0; i < source_names_.size(); ++i) pipeline_.disconnected(SourceId{i}, *pipeline_.now());
}

}  // namespace edgetide
