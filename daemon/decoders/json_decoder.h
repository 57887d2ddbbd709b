// JSON payloads by declarative mapping.
//
// Records. `each` is the path of the records; without it the payload is the record. If the path leads to an array, its
//   elements are the records. Values are looked up in the record; time, sensor, metric and labels first in the record,
//   then in the whole payload. More than max_values_per_message records are too_many_values, as are more values.
// Values. Listed values (`values`): numbers, booleans as 1 and 0, numbers in quotes (coerce_strings); null and a path
//   that leads nowhere are absent, anything else is bad_number. Without a list, every number of the record is a value,
//   named by its path ("DS18B20.Temperature", "Distance[0]"; "value" if the record is a bare number), except those that
//   are time, sensor, metric or label; booleans and strings are ignored.
// Metric. A listed value's own `metric`, otherwise the last name of its path (with a "*" in the path: the actual names
//   from there on). If the record has a metric (`metric_path`, `metric`, or {metric} in the topic): that metric for the
//   only listed value and for a value named "value", "metric.name" for others.
// Refusals are one per bad value, or one per record for a bad time, sensor, metric or label. Offsets are not known.
//
// Thread, Fails: see decoder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/json.h"
#include "daemon/decoders/json_path.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/text_template.h"

namespace edgetide {

class JsonDecoder final : public Decoder {
 public:
  JsonDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  struct Value {
    ValueField field;
    JsonPath path;
    std::string_view name;  // the path's last name; empty: the concrete one
  };
  struct Label {
    std::string key;
    JsonPath path;
  };
  enum FixedField : std::size_t { time_field, sensor_field, metric_field, fixed_fields };
  using Fields = std::vector<std::optional<JsonValue>>;  // FixedField, then the labels

  void find_fields(JsonValue from, Fields& fields) const;
  void decode_part(JsonValue record, const Message& message, MessageOutput& output);
  void decode_record(JsonValue record, const Message& message, MessageOutput& output);
  std::optional<Refusal> read_fields(const Message& message, DecodedReading& reading, DecodedBatch& out);
  bool read_time(DecodedReading& reading) const;
  bool read_labels(DecodedReading& reading, DecodedBatch& out) const;
  void take_listed(JsonValue record, MessageOutput& output);
  void take_listed_value(const Value& listed, JsonValue value, std::string_view trail, MessageOutput& output);
  void take_numbers(JsonValue value, MessageOutput& output);
  void take_number(JsonValue value, MessageOutput& output);
  std::optional<double> number_of(JsonValue value) const;
  bool is_field(JsonValue value) const noexcept;

  JsonParser parser_;
  JsonPath each_;
  bool root_may_be_list_;
  TimeFormat time_format_;
  std::vector<std::optional<JsonPath>> fixed_;  // by FixedField
  std::vector<Label> labels_;
  std::vector<Value> values_;
  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  bool coerce_strings_;

  // Of the message and the record that are being decoded; reused.
  std::size_t records_ = 0;
  Fields message_fields_;
  Fields fields_;
  DecodedReading reading_;  // what the record's readings share; its metric is the record's
  std::string each_trail_;
  std::string trail_;
  std::string scratch_;
};

}  // namespace edgetide
