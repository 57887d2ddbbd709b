// StatsD: name:value|type[|@rate][|#tag:value,...][|Ttime], several values as "name:1:2|ms" or "name:1|g:2|g".
//
// Names.   As dotted_name.h says.
// Values.  Gauges (g) and timers (ms, h, d) are readings; those of ms have that unit. A sampling rate changes nothing:
//          a reading is a reading. Counters (c), sets (s), steps of a gauge ("+3|g"), events and service checks are
//          refused as unsupported: a sum over time is not a reading.
// Time.    Seconds in DogStatsD's T; otherwise the arrival time.
// Lines.   A bad value is one refusal, and decoding continues with the next. Empty lines are skipped.
//
// See: https://github.com/statsd/statsd/blob/master/docs/metric_types.md; the datagram format of DogStatsD 1.3
// Limit:  32 tags a line.
// Thread, Fails: see decoder.h.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/dotted_name.h"
#include "daemon/decoders/message_output.h"

namespace edgetide {

class StatsdDecoder final : public Decoder {
 public:
  StatsdDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
      : names_(options, capture_names) {}
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  // What one or several values have in common.
  struct Values {
    std::string_view numbers;  // "1:2"
    std::string_view type;
    std::optional<Timestamp> time;
    std::size_t first_label = 0;
  };
  void decode_line(std::string_view line, const Message& message, std::size_t offset, MessageOutput& output);
  std::optional<Fault> take_values(std::string_view& line, std::size_t offset, Values& values, DecodedBatch& out) const;
  void add(std::string_view path, const Values& values, const Message& message, std::size_t offset,
           MessageOutput& output);

  DottedNames names_;
};

extern const Format statsd_format;

}  // namespace edgetide
