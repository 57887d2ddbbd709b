#include "daemon/intake/batch_readings.h"

#include <variant>

#include "daemon/intake/event_time.h"
#include "daemon/intake/pending_refusals.h"

namespace edgetide {

void BatchReadings::gather(SourceId source, const DecodedBatch& batch, Timestamp arrival, const MessageMemory& messages,
                           Pipeline& pipeline, IntakeJournal& journal) {
  readings_.clear();
  sent_times_.clear();
  refused_.clear();
  for (const auto& refusals : messages.new_refusals()) {
    for (const DecodedRefusal& refusal : refusals) add_to(refused_, refusal.reason, 1);
  }
  for (const auto& readings : messages.new_readings()) {
    for (const DecodedReading& reading : readings) gather(source, batch, reading, arrival, pipeline, journal);
  }
}

void BatchReadings::gather(SourceId source, const DecodedBatch& batch, const DecodedReading& reading, Timestamp arrival,
                           Pipeline& pipeline, IntakeJournal& journal) {
  const std::optional<SeriesId> series = series_of(source, batch, reading, pipeline, journal);
  if (!series) return;
  const double value = enrichment_.calibrated(source, *series, pipeline.series(), reading.value);
  readings_.push_back({*series, event_time_of(reading, arrival), value});
  const bool is_sent = reading.event_time && *reading.event_time != unreadable_time;
  sent_times_.push_back(!is_sent ? SentTime::none : reading.is_local() ? SentTime::local : SentTime::with_zone);
}

std::optional<SeriesId> BatchReadings::series_of(SourceId source, const DecodedBatch& batch,
                                                 const DecodedReading& reading, Pipeline& pipeline,
                                                 IntakeJournal& journal) {
  const ReadingNames names{reading.sensor, reading.metric, reading.unit, batch.labels_of(reading)};
  if (const auto known = enrichment_.find(source, names, pipeline.series())) return known;
  Series series = enrichment_.make(source, names);
  const auto added = pipeline.try_add_series(series, source, readings_);
  if (const auto* const refusal = std::get_if<Refusal>(&added)) {
    add_to(refused_, *refusal, 1);
    return std::nullopt;
  }
  const SeriesId id = std::get<SeriesId>(added);
  enrichment_.forget(id);
  shifted_.forget(id);
  mixed_.forget(id);
  journal.append_definition(JournalType::series, NewSeries{id, source, std::move(series)});
  return id;
}

std::span<const SeriesId> BatchReadings::newly_shifted(Timestamp arrival) {
  newly_shifted_.clear();
  for (std::size_t i = 0; i < readings_.size(); ++i) {
    const Reading& reading = readings_[i];
    if (sent_times_[i] != SentTime::none &&
        shifted_.add(reading.series, reading.event_time, arrival, sent_times_[i] == SentTime::local)) {
      newly_shifted_.push_back(reading.series);
    }
  }
  return newly_shifted_;
}

// Of a batch of several messages, those without an event time are of any moment.
BatchReadings::Mixed BatchReadings::mixed(SourceId source, const DecodedBatch& batch, const Pipeline& pipeline) {
  mixed_.forget_found();
  if (!pipeline.series().has_variants()) return {};
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < readings_.size(); ++i) {
    const bool is_of_one_time = sent_times_[i] != SentTime::none || batch.message_count <= 1;
    if (is_of_one_time && mixed_.add(pipeline, source, readings_[i])) ++count;
  }
  return {count, mixed_.found()};
}

}  // namespace edgetide
