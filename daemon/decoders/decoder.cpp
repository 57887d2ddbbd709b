#include "daemon/decoders/decoder.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/value_text.h"

namespace edgetide {

namespace {

constexpr char rule_of_ids[] = " must be at most 128 bytes of printable text";

// Each once.
class Objections {
 public:
  void require(bool condition, const std::string& message) {
    if (!condition) add(message);
  }
  void add(const std::string& message) {
    if (std::find(all_.begin(), all_.end(), message) == all_.end()) all_.push_back(message);
  }
  const std::vector<std::string>& all() const noexcept { return all_; }

 private:
  std::vector<std::string> all_;
};

// Options that the format does not use are errors.
void refuse_unused(const MappingOptions& options, Objections& found) {
  const Format& format = *options.format;
  const auto refuse = [&](std::string_view option, bool set) {
    const bool used = std::find(format.takes.begin(), format.takes.end(), option) != format.takes.end();
    const std::string key(option.substr(0, option.find('.')));
    found.require(!set || used, key + ": not used by format '" + std::string(format.name) + "'");
  };
  refuse("sensor.path", !options.sensor_path.empty());
  refuse("metric.path", !options.metric_path.empty());
  refuse("time.path", !options.time.path.empty());
  refuse("each", !options.each.empty());
  refuse("parallel_arrays", options.parallel_arrays);
  refuse("time.time_of_day", !options.time.time_of_day.empty());
  found.require(options.time.time_of_day.empty() || !options.time.path.empty(),
                "time: time_of_day has no path beside it, which leads to the date");
  refuse("values", !options.values.empty());
  refuse("ignore", !options.ignore.empty());
  refuse("labels", !options.labels.empty());
  refuse("unit", !options.unit.empty());
  refuse("dedupe", !options.dedupe.path.empty());
  refuse("coerce_strings", options.coerce_strings != MappingOptions().coerce_strings);
  refuse("states", !options.states.empty());
  refuse("timezone", options.time_zone != nullptr);
  refuse("columns", !options.columns.empty());
  refuse("delimiter", options.delimiter != MappingOptions().delimiter);
}

void check_value(const MappingOptions& options, const ValueField& value, Objections& found) {
  const std::string place = "values: '" + value.path + "': ";
  const std::string rule = rule_of_ids;
  found.require(is_id_or_empty(value.metric), place + "metric" + rule);
  found.require(is_id_or_empty(value.unit), place + "unit" + rule);
  found.require(std::isfinite(value.scale) && value.scale != 0, place + "scale must be a number other than 0");
  found.require(value.convert.empty() || conversion_of(value), place + "convert names no two units of one quantity");
  found.require(value.convert.empty() || value.unit.empty(),
                place + "convert names the unit of the reading, unit does too");
  found.require(value.unit_path.empty() || !value.unit.empty(), place + "unit_path needs unit, the one to convert to");
  found.require(value.unit_path.empty() || options.format->has_paths, place + "unit_path is not used by this format");
  found.require(std::isfinite(value.offset), place + "offset must be a number");
}

void check_ids(const MappingOptions& options, Objections& found) {
  found.require(is_id_or_empty(options.unit), std::string("unit:") + rule_of_ids);
  for (const ValueField& value : options.values) check_value(options, value, found);
  found.require(options.max_id_bytes >= 1 && options.max_id_bytes <= most_id_bytes, "max_id_bytes: is not 1 to 512");
  found.require(options.labels.size() <= max_labels, "labels: there are more than 32");
  for (const LabelField& label : options.labels) {
    found.require(is_id(label.key), "labels: a key must be 1 to 128 bytes of printable text");
    found.require(!label.path.empty(), "labels." + label.key + ": says no path");
  }
}

Objections check(const MappingOptions& options) {
  Objections found;
  refuse_unused(options, found);
  check_ids(options, found);
  return found;
}

void try_to_make(const MappingOptions& options, std::span<const std::string> capture_names, Objections& found) {
  try {
    options.format->make(options, capture_names);
  } catch (const std::invalid_argument& error) {
    found.add(error.what());
  }
}

// A decoder names the first value that it does not take; alone each is the first.
void try_each_value(const MappingOptions& options, std::span<const std::string> capture_names, Objections& found) {
  MappingOptions alone = options;
  for (const ValueField& value : options.values) {
    Objections of_value;
    check_value(options, value, of_value);
    if (!of_value.all().empty()) continue;
    alone.values = {value};
    try_to_make(alone, capture_names, found);
  }
}

}  // namespace

bool MappingOptions::operator==(const MappingOptions& other) const {
  const auto shared = [](const MappingOptions& options) {
    return std::tie(options.format, options.sensor, options.sensor_path, options.metric, options.metric_path,
                    options.time, options.each, options.parallel_arrays, options.values, options.ignore,
                    options.ignore_topics, options.labels, options.unit, options.coerce_strings, options.states,
                    options.repeats, options.dedupe, options.columns, options.delimiter, options.max_id_bytes);
  };
  const auto zone = [](const MappingOptions& options) {
    return options.time_zone == nullptr ? std::string_view() : std::string_view(options.time_zone->name());
  };
  const bool same_own = own == nullptr || other.own == nullptr ? own == other.own : own->is_same(*other.own);
  return same_own && zone(*this) == zone(other) && shared(*this) == shared(other);
}

std::unique_ptr<Decoder> make_decoder(const MappingOptions& options, std::span<const std::string> capture_names) {
  const Objections found = check(options);
  if (!found.all().empty()) throw std::invalid_argument(found.all().front());
  return options.format->make(options, capture_names);
}

std::vector<std::string> objections_to(const MappingOptions& options, std::span<const std::string> capture_names) {
  Objections found = check(options);
  if (found.all().empty()) try_to_make(options, capture_names, found);
  if (!found.all().empty()) try_each_value(options, capture_names, found);
  return found.all();
}

}  // namespace edgetide
