// Decodes messages of the quarantine again, with the routes of today's configuration: after a route was mended, their
// readings come out. The decoders begin without what they knew of earlier messages.
//
// Readings have the scale and offset of the sensor table, as late ones of the quarantine do, and the time of arrival
// where they have none.
//
// Thread: main. Fails: never; what is not decoded is counted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/enrichment/enrichment.h"
#include "daemon/sources/configured_source.h"
#include "daemon/storage/quarantine_record.h"

namespace edgetide {

class MessageRedecoder {
 public:
  // Of a configuration: what reads the messages, and the tables of the sensors.
  MessageRedecoder(const std::vector<SourceInput>& sources, const EnrichmentOptions& tables);

  // Appends its readings.
  void decode(const QuarantinedMessage& message, std::vector<QuarantinedReading>& readings);

  // "quarantine: 3 messages decoded, 1 still refused (bad_syntax), 2 cut"; empty: there was no message.
  std::string summary() const;

 private:
  struct Source {
    SourceId id;
    Router router;
  };
  std::string outcome_of(const QuarantinedMessage& message, std::vector<QuarantinedReading>& readings);
  QuarantinedReading reading_of(const Source& source, const QuarantinedMessage& message, const DecodedReading& decoded);

  std::map<std::string, Source> sources_;
  Enrichment enrichment_;
  DecodedBatch batch_;
  std::uint64_t decoded_ = 0;
  std::map<std::string, std::uint64_t> left_;  // messages, by why they gave no reading
};

}  // namespace edgetide
