// A decoded batch as text, so that tests are tables of payload and expectation:
//   "s1/temperature[°C]=21.5@1732100000123000{model=x}; bad_number@4(t); 1 inexact"
// A local time that comes again after an hour is "@1732100000123000+3600", a time a second before the arrival
// "@arrival-1000000".
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/route.h"

namespace edgetide {

inline void describe(std::ostream& out, const DecodedBatch& batch, const DecodedReading& reading) {
  out << reading.sensor << '/' << reading.metric;
  if (!reading.unit.empty()) out << '[' << reading.unit << ']';
  out << '=' << reading.value;
  if (reading.event_time == unreadable_time) {
    out << "@unreadable";
  } else if (reading.event_time) {
    out << '@' << reading.event_time->count();
  }
  if (!reading.event_time && reading.from_arrival != Duration()) {
    out << "@arrival" << std::showpos << reading.from_arrival.count() << std::noshowpos;
  }
  if (reading.repeats_after() > 0) out << '+' << reading.repeats_after();
  if (reading.label_count == 0) return;
  out << '{';
  const char* separator = "";
  for (const LabelView& label : batch.labels_of(reading)) {
    out << separator << label.key << '=' << label.value;
    separator = ",";
  }
  out << '}';
}

inline std::string to_text(const DecodedBatch& batch) {
  std::ostringstream out;
  out.precision(15);
  const char* separator = "";
  for (const DecodedReading& reading : batch.readings) {
    out << separator;
    describe(out, batch, reading);
    separator = "; ";
  }
  for (const DecodedRefusal& refusal : batch.refusals) {
    out << separator << name_of(refusal.reason) << '@' << refusal.offset;
    if (!refusal.where.empty()) out << '(' << refusal.where << ')';
    separator = "; ";
  }
  if (batch.inexact > 0) out << separator << batch.inexact << " inexact";
  return out.str();
}

// What a route makes of one message. Sockets: no topic.
inline std::string decoded(const MappingOptions& mapping, std::string_view payload, std::string_view pattern = {},
                           std::string_view topic = {}) {
  Router router({RouteOptions{std::string(pattern), mapping}});
  DecodedBatch batch;
  router.decode(topic, payload, batch);
  return to_text(batch);
}

// Why a mapping is refused; empty if it is not.
inline std::string mapping_error(const MappingOptions& mapping, const std::vector<std::string>& captures = {}) {
  try {
    make_decoder(mapping, captures);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

}  // namespace edgetide
