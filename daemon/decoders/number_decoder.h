// One value per message, as text that value_text.h reads: "21.5", " 42\n", "21.5 °C", "ON", also in quotes. The topic
// names sensor and metric.
//
// Thread, Fails: see decoder.h.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/text_template.h"
#include "daemon/decoders/value_text.h"

namespace edgetide {

class NumberDecoder final : public Decoder {
 public:
  NumberDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  TextTemplate sensor_;
  std::optional<TextTemplate> metric_;
  std::string unit_;
  ValueReader reader_;
  std::string scratch_;
};

extern const Format number_format;

}  // namespace edgetide
