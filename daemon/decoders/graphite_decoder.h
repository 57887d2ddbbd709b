// Graphite's plaintext protocol: path[;tag=value...] value [time]
//
// Names.   As dotted_name.h says.
// Values.  Numbers; anything else is bad_number, or not_finite.
// Time.    In `time.format`, by default seconds. None, "-1" and "N" are the arrival time; what cannot be read leaves
//          the reading with unreadable_time.
// Lines.   A bad line is one refusal, and decoding continues with the next. Empty lines are skipped.
//
// See: https://graphite.readthedocs.io/en/latest/feeding-carbon.html
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
#include "daemon/decoders/time_field.h"

namespace edgetide {

class GraphiteDecoder final : public Decoder {
 public:
  GraphiteDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
      : names_(options, capture_names), time_(options) {}
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  std::optional<Fault> decode_line(std::string_view line, const Message& message, std::size_t offset,
                                   MessageOutput& output);

  DottedNames names_;
  TimeReader time_;
};

extern const Format graphite_format;

}  // namespace edgetide
