#include "daemon/decoders/number_decoder.h"

#include <stdexcept>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/payload_text.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

TextTemplate required_sensor(const MappingOptions& options, std::span<const std::string> capture_names) {
  auto sensor = sensor_template(options, capture_names);
  if (sensor) return *std::move(sensor);
  throw std::invalid_argument("sensor: nothing names the sensor; capture {device} in the topic or set 'sensor'");
}

// What a JSON string has between its quotes.
std::string_view without_quotes(std::string_view text) noexcept {
  if (!text.empty() && is_digit(text.back())) return text;  // a quick look at what nearly all are
  text = without_blanks(text);
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

NumberDecoder::NumberDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(required_sensor(options, capture_names)),
      metric_(metric_template(options, capture_names)),
      unit_(options.unit),
      reader_(options) {}

void NumberDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  const std::string_view sensor = sensor_.expand(message, scratch_, out);
  const std::string_view metric = metric_ ? metric_->expand(message, scratch_, out) : "value";
  const std::size_t most = out.max_id_bytes;
  if (!is_id(sensor, most) || (metric_ && !is_id(metric, most))) return output.refuse(Refusal::bad_id, 0);
  const auto read = reader_.read(without_quotes(text_of_payload(message.payload)), unit_);
  if (const auto* const refusal = std::get_if<Refusal>(&read)) return output.refuse(*refusal, 0);
  const auto& [number, inexact] = std::get<ValueOfText>(read);
  output.add({.sensor = sensor, .metric = metric, .unit = unit_, .event_time = {}, .value = number}, 0, inexact);
}

const Format number_format{
    .name = "number",
    .takes = {"unit", "coerce_strings", "states"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<NumberDecoder>(options, captures);
    },
};

}  // namespace edgetide
