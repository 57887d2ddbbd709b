// Lines of names and values: "temp=21.5,hum=40 state=ON". Names and values are separated by '=', pairs by ',', ';', '&'
// or blanks; a value may stand in double quotes, in which '\' escapes.
//
// A line is a record as of JSON, {"temp":"21.5",...}, and is mapped as json_decoder.h says, without `each`: sensor,
// time, metric and labels by the names of the payload, values as text.
// Lines. What is not a pair costs itself: one bad_syntax for its line. Blanks may stand on both sides of "=". Empty
//   lines are skipped.
//
// Thread, Fails: see decoder.h. Offsets are not known.
#pragma once

#include <span>
#include <string>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/json_decoder.h"

namespace edgetide {

class KeyvalueDecoder final : public Decoder {
 public:
  KeyvalueDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
      : records_decoder_(options, capture_names) {}
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  bool add_record(std::string_view line);

  JsonDecoder records_decoder_;
  std::string quoted_;
  std::string records_;  // of the message that is being decoded, as JSON documents
};

extern const Format keyvalue_format;

}  // namespace edgetide
