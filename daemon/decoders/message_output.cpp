#include "daemon/decoders/message_output.h"

#include <cmath>
#include <cstdint>

namespace edgetide {

void MessageOutput::add(const DecodedReading& reading, std::size_t offset) {
  if (!std::isfinite(reading.value)) return refuse(Refusal::not_finite, reading.metric, offset);
  if (admit()) batch_.readings.push_back(reading);
}

void MessageOutput::refuse(Refusal reason, std::string_view where, std::size_t offset) {
  if (admit()) batch_.refusals.push_back({reason, where, static_cast<std::uint32_t>(offset)});
}

bool MessageOutput::admit() {
  if (full_) return false;
  if (++count_ <= max_values_per_message) return true;
  refuse_message(Refusal::too_many_values);
  return false;
}

void MessageOutput::refuse_message(Refusal reason) {
  if (full_) return;
  full_ = true;
  batch_.readings.resize(readings_);
  batch_.labels.resize(labels_);
  batch_.refusals.resize(refusals_);
  batch_.refusals.push_back({reason, topic_, 0});
}

std::string_view metric_in_record(std::string_view record_metric, std::string_view name, std::string& scratch,
                                  DecodedBatch& batch) {
  if (record_metric.empty()) return name;
  if (name == "value") return record_metric;
  scratch.assign(record_metric).append(1, '.').append(name);
  return scratch.size() > max_id_bytes ? std::string_view() : batch.keep(scratch);
}

}  // namespace edgetide
