#include "daemon/decoders/message_output.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace edgetide {

void MessageOutput::begin_record() noexcept {
  record_ = batch_.readings.size();
  batch_.record_names.begin();
}

void MessageOutput::add(const DecodedReading& reading, std::size_t offset, bool inexact) {
  if (!std::isfinite(reading.value)) return refuse(Refusal::not_finite, reading.metric, offset);
  if (record_ != no_record && batch_.record_names.may_know(reading.metric) && is_repeated(reading.metric))
    return refuse(Refusal::repeated_name, reading.metric, offset);
  if (!admit()) return;
  batch_.readings.push_back(reading);
  batch_.inexact += inexact ? 1 : 0;
}

bool MessageOutput::is_repeated(std::string_view metric) const noexcept {
  return std::any_of(batch_.readings.begin() + static_cast<std::ptrdiff_t>(record_), batch_.readings.end(),
                     [&](const DecodedReading& reading) { return reading.metric == metric; });
}

void MessageOutput::refuse(Refusal reason, std::string_view where, std::size_t offset) {
  if (admit()) batch_.refusals.push_back({reason, where, static_cast<std::uint32_t>(offset)});
}

bool MessageOutput::admit() {
  if (full_) return false;
  if (++count_ <= max_values_) return true;
  refuse_message(Refusal::too_many_values);
  return false;
}

void MessageOutput::refuse_message(Refusal reason, std::string_view where) {
  if (full_) return;
  full_ = true;
  batch_.readings.resize(readings_);
  batch_.labels.resize(labels_);
  batch_.refusals.resize(refusals_);
  batch_.inexact = inexact_;
  batch_.refusals.push_back({reason, where, 0});
}

std::string_view metric_in_record(std::string_view record_metric, std::string_view name, DecodedBatch& batch) {
  if (record_metric.empty()) return name;
  if (name == "value") return record_metric;
  const bool fits = record_metric.size() + 1 + name.size() <= batch.max_id_bytes;
  return fits ? batch.keep_dotted(record_metric, name) : std::string_view();
}

std::string metric_of_listed(const MappingOptions& options, const ValueField& value, std::string_view name) {
  if (!value.metric.empty()) return value.metric;
  if (name.empty()) name = "value";
  const bool is_fixed = options.metric_path.empty() && options.metric.find('{') == std::string::npos;
  if (!is_fixed || options.metric.empty()) return std::string(name);
  return name == "value" ? options.metric : options.metric + '.' + std::string(name);
}

}  // namespace edgetide
