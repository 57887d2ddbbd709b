#include "daemon/decoders/decoder.h"

#include <cmath>
#include <stdexcept>

#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/decoders/json_decoder.h"
#include "daemon/decoders/number_decoder.h"

namespace edgetide {

namespace {

constexpr const char* format_names[] = {"json", "number", "influx", "csv"};

void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

// Options that the format does not use are errors.
void refuse_unused(const MappingOptions& options) {
  const bool json = options.format == PayloadFormat::json;
  const bool csv = options.format == PayloadFormat::csv;
  const bool number = options.format == PayloadFormat::number;
  const auto unused = [&](const char* option, bool set, bool used) {
    require(!set || used, std::string(option) + ": not used by format '" +
                              format_names[static_cast<std::size_t>(options.format)] + "'");
  };
  unused("sensor", !options.sensor_path.empty(), json || csv);
  unused("metric", !options.metric_path.empty(), json || csv);
  unused("time", !options.time.path.empty(), json || csv);
  unused("each", !options.each.empty(), json);
  unused("values", !options.values.empty(), json || csv);
  unused("labels", !options.labels.empty(), json || csv);
  unused("unit", !options.unit.empty(), number);
  unused("columns", !options.columns.empty(), csv);
}

void check_ids(const MappingOptions& options) {
  const std::string rule = " must be at most 128 bytes of printable text";
  require(is_id_or_empty(options.unit), "unit:" + rule);
  for (const ValueField& value : options.values) {
    const std::string place = "values: '" + value.path + "': ";
    require(is_id_or_empty(value.metric), place + "metric" + rule);
    require(is_id_or_empty(value.unit), place + "unit" + rule);
    require(std::isfinite(value.scale) && value.scale != 0, place + "scale must be a number other than 0");
    require(std::isfinite(value.offset), place + "offset must be a number");
  }
  for (const LabelField& label : options.labels) {
    require(is_id(label.key), "labels: a key must be 1 to 128 bytes of printable text");
    require(!label.path.empty(), "labels." + label.key + ": says no path");
  }
}

}  // namespace

std::unique_ptr<Decoder> make_decoder(const MappingOptions& options, std::span<const std::string> capture_names) {
  refuse_unused(options);
  check_ids(options);
  switch (options.format) {
    case PayloadFormat::json:
      return std::make_unique<JsonDecoder>(options, capture_names);
    case PayloadFormat::number:
      return std::make_unique<NumberDecoder>(options, capture_names);
    case PayloadFormat::influx:
      return std::make_unique<InfluxDecoder>(options, capture_names);
    case PayloadFormat::csv:
      return std::make_unique<CsvDecoder>(options, capture_names);
  }
  throw std::invalid_argument("format: unknown");
}

}  // namespace edgetide
