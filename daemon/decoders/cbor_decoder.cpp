#include "daemon/decoders/cbor_decoder.h"

#include <memory>

#include "daemon/decoders/cbor_json.h"
#include "daemon/decoders/message_output.h"

namespace edgetide {

void CborDecoder::decode(const Message& message, DecodedBatch& out) {
  if (const auto refused = json_of_cbor(message.payload, json_)) {
    return MessageOutput(message, out).refuse(refused->reason, refused->offset);
  }
  Message as_json = message;
  as_json.payload = json_;
  json_decoder_.decode(as_json, out);
}

const Format cbor_format{
    .name = "cbor",
    .takes = {"sensor.path", "metric.path", "time.path", "time.time_of_day", "each", "parallel_arrays", "values",
              "labels", "ignore", "dedupe", "coerce_strings", "states", "timezone"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<CborDecoder>(options, captures);
    },
    .has_paths = true,
};

}  // namespace edgetide
