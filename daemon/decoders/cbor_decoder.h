// CBOR payloads: one item, mapped exactly as its JSON (cbor_json.h, json_decoder.h).
//
// Thread, Fails: see decoder.h. A payload that is not CBOR is one refusal, with the offset of the bad item.
#pragma once

#include <span>
#include <string>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/json_decoder.h"

namespace edgetide {

class CborDecoder final : public Decoder {
 public:
  CborDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
      : json_decoder_(options, capture_names) {}
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  JsonDecoder json_decoder_;
  std::string json_;  // of the message that is being decoded
};

extern const Format cbor_format;

}  // namespace edgetide
