#include "daemon/decoders/json_decoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/time_field.h"

namespace edgetide {

namespace {

JsonPath path_of(std::string_view option, std::string_view text) {
  try {
    return JsonPath(text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string(option) + ": " + error.what());
  }
}

JsonPath single_path_of(std::string_view option, std::string_view text) {
  JsonPath path = path_of(option, text);
  if (path.single()) return path;
  throw std::invalid_argument(std::string(option) + ": path '" + std::string(text) +
                              "' may lead to several values; '*' and '[*]' belong to 'each' and 'values'");
}

std::optional<JsonPath> optional_path_of(std::string_view option, std::string_view text) {
  if (text.empty()) return std::nullopt;
  return single_path_of(option, text);
}

bool is_null(const std::optional<JsonValue>& value) noexcept {
  return !value || value->is(JsonKind::null);
}

// The text of a scalar, kept in the batch; empty for objects and arrays. What is too long for an id is not kept, as a
// payload could repeat it for every record.
std::string_view scalar_text(JsonValue value, DecodedBatch& out) {
  std::array<char, 32> digits{};
  switch (value.kind()) {
    case JsonKind::text:
      return value.text().size() > max_id_bytes ? value.text() : out.keep(value.text());
    case JsonKind::boolean:
      return value.boolean() ? "true" : "false";
    case JsonKind::number: {
      const auto integer = value.integer();
      const auto result = integer ? std::to_chars(digits.data(), digits.data() + digits.size(), *integer)
                                  : std::to_chars(digits.data(), digits.data() + digits.size(), value.number());
      return out.keep({digits.data(), static_cast<std::size_t>(result.ptr - digits.data())});
    }
    default:
      return {};
  }
}

}  // namespace

JsonDecoder::JsonDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : each_(path_of("each", options.each)),
      root_may_be_list_(true),
      time_format_(options.time.format),
      sensor_(sensor_template(options, capture_names)),
      metric_(metric_template(options, capture_names)),
      coerce_strings_(options.coerce_strings) {
  fixed_ = {optional_path_of("time", options.time.path), optional_path_of("sensor", options.sensor_path),
            optional_path_of("metric", options.metric_path)};
  for (const LabelField& label : options.labels) {
    labels_.push_back({label.key, single_path_of("labels." + label.key, label.path)});
  }
  for (const ValueField& value : options.values) {
    values_.push_back({value, path_of("values", value.path), {}});
    root_may_be_list_ = root_may_be_list_ && !values_.back().path.starts_with_index();
  }
  for (Value& value : values_) {
    if (!value.path.has_any_member()) value.name = value.path.last_name();
  }
  if (!sensor_ && !fixed_[sensor_field]) {
    throw std::invalid_argument(
        "sensor: nothing names the sensor; capture {device} in the topic, set 'sensor', or give its path");
  }
  message_fields_.resize(fixed_fields + labels_.size());
  fields_.resize(fixed_fields + labels_.size());
}

void JsonDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  const JsonParsed parsed = parser_.parse(message.payload);
  if (!parsed.root) return output.refuse(parsed.refusal, 0);
  records_ = 0;
  find_fields(*parsed.root, message_fields_);
  each_.for_each(*parsed.root, each_trail_, [&](JsonValue found, std::string_view) {
    const bool root = found == *parsed.root;
    if (found.is(JsonKind::array) && (!root || root_may_be_list_)) {
      for (const JsonValue element : found.elements()) decode_part(element, message, output);
    } else if (root) {
      fields_ = message_fields_;
      decode_record(found, message, output);
    } else {
      decode_part(found, message, output);
    }
  });
}

void JsonDecoder::find_fields(JsonValue from, Fields& fields) const {
  for (std::size_t i = 0; i < fixed_fields; ++i) fields[i] = fixed_[i] ? fixed_[i]->find(from) : std::nullopt;
  for (std::size_t i = 0; i < labels_.size(); ++i) fields[fixed_fields + i] = labels_[i].path.find(from);
}

void JsonDecoder::decode_part(JsonValue record, const Message& message, MessageOutput& output) {
  if (output.full()) return;
  find_fields(record, fields_);
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (is_null(fields_[i])) fields_[i] = message_fields_[i];
  }
  decode_record(record, message, output);
}

// Requires: `fields_` are those of the record.
void JsonDecoder::decode_record(JsonValue record, const Message& message, MessageOutput& output) {
  if (++records_ > max_values_per_message) return output.refuse_message(Refusal::too_many_values);
  reading_ = {};
  if (const auto refusal = read_fields(message, reading_, output.batch())) return output.refuse(*refusal, 0);
  if (!values_.empty()) return take_listed(record, output);
  trail_.clear();
  take_numbers(record, output);
}

std::optional<Refusal> JsonDecoder::read_fields(const Message& message, DecodedReading& reading, DecodedBatch& out) {
  if (!read_time(reading)) return Refusal::bad_time;
  if (!is_null(fields_[sensor_field])) {
    reading.sensor = scalar_text(*fields_[sensor_field], out);
  } else if (sensor_) {
    reading.sensor = sensor_->expand(message, scratch_, out);
  }
  if (!is_id(reading.sensor)) return Refusal::bad_id;
  const bool named = !is_null(fields_[metric_field]);
  if (named) {
    reading.metric = scalar_text(*fields_[metric_field], out);
  } else if (metric_) {
    reading.metric = metric_->expand(message, scratch_, out);
  }
  if ((named || metric_ || fixed_[metric_field]) && !is_id(reading.metric)) return Refusal::bad_id;
  return read_labels(reading, out) ? std::nullopt : std::optional(Refusal::bad_id);
}

bool JsonDecoder::read_time(DecodedReading& reading) const {
  const auto& field = fields_[time_field];
  if (is_null(field)) return true;
  if (field->is(JsonKind::text)) {
    reading.event_time = time_of_text(field->text(), time_format_);
  } else if (field->is(JsonKind::number)) {
    const auto integer = field->integer();
    reading.event_time =
        integer ? time_of_integer(*integer, time_format_) : time_of_number(field->number(), time_format_);
  }
  return reading.event_time.has_value();
}

bool JsonDecoder::read_labels(DecodedReading& reading, DecodedBatch& out) const {
  const std::size_t first = out.labels.size();
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    const auto& field = fields_[fixed_fields + i];
    if (is_null(field)) continue;
    const bool scalar = !field->is(JsonKind::object) && !field->is(JsonKind::array);
    const std::string_view text = scalar_text(*field, out);
    if (!scalar || !is_id_or_empty(text)) {
      out.labels.resize(first);
      return false;
    }
    out.labels.push_back({labels_[i].key, text});
  }
  reading.first_label = static_cast<std::uint32_t>(first);
  reading.label_count = static_cast<std::uint32_t>(out.labels.size() - first);
  return true;
}

void JsonDecoder::take_listed(JsonValue record, MessageOutput& output) {
  for (const Value& listed : values_) {
    listed.path.for_each(record, trail_, [&](JsonValue value, std::string_view trail) {
      if (!output.full() && !value.is(JsonKind::null)) take_listed_value(listed, value, trail, output);
    });
  }
}

void JsonDecoder::take_listed_value(const Value& listed, JsonValue value, std::string_view trail,
                                    MessageOutput& output) {
  const auto number = number_of(value);
  if (!number) return output.refuse(Refusal::bad_number, listed.field.path, 0);
  DecodedReading reading = reading_;
  reading.unit = listed.field.unit;
  reading.value = *number * listed.field.scale + listed.field.offset;
  if (!listed.field.metric.empty()) {
    reading.metric = listed.field.metric;
  } else if (reading.metric.empty() || values_.size() > 1 || !trail.empty()) {
    if (!is_id_or_empty(trail)) return output.refuse(Refusal::bad_id, listed.field.path, 0);
    const std::string_view name = trail.empty() ? listed.name : output.batch().keep(trail);
    reading.metric = metric_in_record(reading_.metric, name.empty() ? "value" : name, scratch_, output.batch());
    if (!is_id(reading.metric)) return output.refuse(Refusal::bad_id, listed.field.path, 0);
  }
  output.add(reading);
}

std::optional<double> JsonDecoder::number_of(JsonValue value) const {
  if (value.is(JsonKind::number)) return value.number();
  if (value.is(JsonKind::boolean)) return value.boolean() ? 1 : 0;
  if (value.is(JsonKind::text) && coerce_strings_) return number_of_text(value.text());
  return std::nullopt;
}

// Requires: `trail_` is the path to `value`; it is so again on return.
void JsonDecoder::take_numbers(JsonValue value, MessageOutput& output) {
  const std::size_t length = trail_.size();
  std::size_t index = 0;
  if (value.is(JsonKind::number)) take_number(value, output);
  for (const JsonMember member : value.members()) {
    append_name(trail_, member.key);
    take_numbers(member.value, output);
    trail_.resize(length);
    if (output.full()) return;
  }
  for (const JsonValue element : value.elements()) {
    append_index(trail_, index++);
    take_numbers(element, output);
    trail_.resize(length);
    if (output.full()) return;
  }
}

void JsonDecoder::take_number(JsonValue value, MessageOutput& output) {
  if (is_field(value)) return;
  if (!is_id_or_empty(trail_)) return output.refuse(Refusal::bad_id, 0);
  DecodedReading reading = reading_;
  const std::string_view name = trail_.empty() ? std::string_view("value") : output.batch().keep(trail_);
  reading.metric = metric_in_record(reading_.metric, name, scratch_, output.batch());
  if (!is_id(reading.metric)) return output.refuse(Refusal::bad_id, 0);
  reading.value = value.number();
  output.add(reading);
}

bool JsonDecoder::is_field(JsonValue value) const noexcept {
  return std::find(fields_.begin(), fields_.end(), std::optional(value)) != fields_.end();
}

const Format json_format{
    .name = "json",
    .takes = {"sensor.path", "metric.path", "time.path", "each", "values", "labels"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<JsonDecoder>(options, captures);
    },
};

}  // namespace edgetide
