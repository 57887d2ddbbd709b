// A format with a state, as formats with aliases have it: "learn NAME" says whose the numbers are that follow. It asks
// for the name where it knows none.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "daemon/decoders/decoder.h"

namespace edgetide::test {

class LearningDecoder final : public Decoder {
 public:
  void decode(const Message& message, DecodedBatch& out) override {
    constexpr std::string_view learn = "learn ";
    if (message.payload.starts_with(learn)) {
      name_ = message.payload.substr(learn.size());
      out.keep_state(message.route, name_);
    } else if (name_.empty()) {
      out.refusals.push_back({Refusal::bad_id, message.topic, 0});
      out.reply("who", message.payload);
    } else {
      DecodedReading reading;
      reading.sensor = out.keep(name_);
      reading.metric = "value";
      reading.value = std::strtod(std::string(message.payload).c_str(), nullptr);
      out.readings.push_back(reading);
    }
  }
  void restore_state(std::string_view bytes) override { name_ = bytes; }

 private:
  std::string name_;
};

inline const Format learning_format{
    .name = "learning",
    .takes = {},
    .make = [](const MappingOptions&, std::span<const std::string>) -> std::unique_ptr<Decoder> {
      return std::make_unique<LearningDecoder>();
    }};

}  // namespace edgetide::test
