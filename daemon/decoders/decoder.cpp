#include "daemon/decoders/decoder.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

// Options that the format does not use are errors.
void refuse_unused(const MappingOptions& options) {
  const Format& format = *options.format;
  const auto refuse = [&](std::string_view option, bool set) {
    const bool used = std::find(format.takes.begin(), format.takes.end(), option) != format.takes.end();
    const std::string key(option.substr(0, option.find('.')));
    require(!set || used, key + ": not used by format '" + std::string(format.name) + "'");
  };
  refuse("sensor.path", !options.sensor_path.empty());
  refuse("metric.path", !options.metric_path.empty());
  refuse("time.path", !options.time.path.empty());
  refuse("each", !options.each.empty());
  refuse("values", !options.values.empty());
  refuse("labels", !options.labels.empty());
  refuse("unit", !options.unit.empty());
  refuse("columns", !options.columns.empty());
  refuse("delimiter", options.delimiter != MappingOptions().delimiter);
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

bool MappingOptions::operator==(const MappingOptions& other) const {
  const auto shared = [](const MappingOptions& options) {
    return std::tie(options.format, options.sensor, options.sensor_path, options.metric, options.metric_path,
                    options.time, options.each, options.values, options.labels, options.unit, options.coerce_strings,
                    options.columns, options.delimiter);
  };
  const bool same_own = own == nullptr || other.own == nullptr ? own == other.own : own->is_same(*other.own);
  return same_own && shared(*this) == shared(other);
}

std::unique_ptr<Decoder> make_decoder(const MappingOptions& options, std::span<const std::string> capture_names) {
  refuse_unused(options);
  check_ids(options);
  return options.format->make(options, capture_names);
}

}  // namespace edgetide
