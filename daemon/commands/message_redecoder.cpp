#include "daemon/commands/message_redecoder.h"

#include <utility>

#include "daemon/intake/event_time.h"
#include "daemon/service/quantity.h"

namespace edgetide {

MessageRedecoder::MessageRedecoder(const std::vector<SourceInput>& sources, const EnrichmentOptions& tables)
    : enrichment_(tables.tables_by_source()) {
  for (std::uint32_t i = 0; i < sources.size(); ++i) {
    sources_.emplace(sources[i].name, Source{SourceId{i}, Router(sources[i].source->routes())});
  }
}

void MessageRedecoder::decode(const QuarantinedMessage& message, std::vector<QuarantinedReading>& readings) {
  const std::string left = outcome_of(message, readings);
  ++(left.empty() ? decoded_ : left_[left]);
}

std::string MessageRedecoder::outcome_of(const QuarantinedMessage& message, std::vector<QuarantinedReading>& readings) {
  if (message.is_cut) return "cut";
  const auto source = sources_.find(message.source);
  if (source == sources_.end()) return "of a source that is not configured any more";
  batch_.clear();
  source->second.router.decode(message.topic, message.payload, batch_);
  const std::size_t before = readings.size();
  bool has_time = true;
  for (const DecodedReading& decoded : batch_.readings) {
    has_time = decoded.event_time ? *decoded.event_time != unreadable_time : message.arrival.has_value();
    if (has_time) readings.push_back(reading_of(source->second, message, decoded));
  }
  if (readings.size() > before) return {};
  if (!has_time) return "without a time";
  if (batch_.refusals.empty()) return "without a value that is taken";
  return "still refused (" + std::string(name_of(batch_.refusals.front().reason)) + ")";
}

QuarantinedReading MessageRedecoder::reading_of(const Source& source, const QuarantinedMessage& message,
                                                const DecodedReading& decoded) {
  constexpr SeriesId only{0};
  SeriesTable table(1);
  table.add(enrichment_.make(source.id, {decoded.sensor, decoded.metric, decoded.unit, batch_.labels_of(decoded)}));
  enrichment_.forget(only);
  QuarantinedReading reading;
  reading.arrival = message.arrival.value_or(time_not_known);
  reading.event_time = event_time_of(decoded, reading.arrival);
  reading.value = enrichment_.calibrated(source.id, only, table, decoded.value);
  reading.source = message.source;
  reading.series = table[only];
  return reading;
}

std::string MessageRedecoder::summary() const {
  if (decoded_ == 0 && left_.empty()) return {};
  std::string text = "quarantine: " + quantity(decoded_, "message") + " decoded";
  for (const auto& [why, messages] : left_) text += ", " + std::to_string(messages) + " " + why;
  return text;
}

}  // namespace edgetide
