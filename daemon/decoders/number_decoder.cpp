#include "daemon/decoders/number_decoder.h"

#include <stdexcept>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/number_text.h"

namespace edgetide {

namespace {

TextTemplate required_sensor(const MappingOptions& options, std::span<const std::string> capture_names) {
  auto sensor = sensor_template(options, capture_names);
  if (sensor) return *std::move(sensor);
  throw std::invalid_argument("sensor: nothing names the sensor; capture {device} in the topic or set 'sensor'");
}

}  // namespace

NumberDecoder::NumberDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(required_sensor(options, capture_names)),
      metric_(metric_template(options, capture_names)),
      unit_(options.unit),
      coerce_strings_(options.coerce_strings) {}

void NumberDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  const std::string_view sensor = sensor_.expand(message, scratch_, out);
  const std::string_view metric = metric_ ? metric_->expand(message, scratch_, out) : "value";
  if (!is_id(sensor) || !is_id(metric)) return output.refuse(Refusal::bad_id, 0);
  const auto value = coerce_strings_ ? number_of_text(message.payload) : exact_number(message.payload);
  if (!value) return output.refuse(Refusal::bad_number, 0);
  output.add({.sensor = sensor, .metric = metric, .unit = unit_, .event_time = {}, .value = *value});
}

const Format number_format{
    .name = "number",
    .takes = {"unit"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<NumberDecoder>(options, captures);
    },
};

}  // namespace edgetide
