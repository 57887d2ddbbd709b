// JSON payloads by declarative mapping.
//
// Documents. A payload may be several, behind each other or one a line; what cannot be read costs only itself.
// Records. `each` has the paths of the records, of which the first that leads somewhere counts; "" is the payload,
//   which is the record without `each` as well. With a "?" behind a path, "[*].values?", what has no member of its
//   last name is the record itself. If a path leads to an array, its elements are the records. Values are
//   looked up in the record; time, sensor, metric, labels and the {payload.PATH} of templates first in the record, then
//   in the whole payload, then in what is between them, from the innermost on. {record.name} is the name of the member
//   that the record is, by the last "*" of its path. More than Message::max_values records are too_many_values, as
//   are more values.
//   With parallel arrays, the record's i-th row has of each array its i-th element, and the rest as it is; an element
//   that is an array is values of that row.
//   Elements of a list that nothing tells apart - no path gives them time, sensor, metric or label - are one record:
//   without `values` they are named by their places ("[0].t"), with them a second value of one name is refused.
// Values. Numbers, booleans as 1 and 0, and text that value_text.h reads. Listed values (`values`): null and a path
//   that leads nowhere are absent, anything else is refused. Without a list, every value of the record is taken, named
//   by its path ("DS18B20.Temperature", "Distance[0]"; "value" if the record is a bare value), except those that are
//   time, sensor, metric, label or in a template, and except what `ignore` matches, with all in it; other text is
//   ignored, and so are digits in quotes that begin with a zero (ids). Without coerce_strings only numbers are taken.
// Metric. A listed value's own `metric`, otherwise the last name of its path (with a "*" or "[*]" in the path: the
//   actual path from there on, "power[0].w"). If the record has a metric (`metric_path`, `metric`, or {metric} in the
//   topic): that metric for the only listed value and for a value named "value", "metric.name" for others.
//   A second value of one metric in a record is refused as repeated_name, also where an object has a name twice;
//   listed values that would be are an error. So are rows of parallel arrays that nothing tells apart.
// Labels. The label "*" takes every match of its path, named by its path from the "*" on. One that cannot be a label,
//   or is beyond 32 of them, is refused alone.
// Key. The message's key is what the first document has at `dedupe`, at its root.
// Unit. A value with a `unit_path` is converted from the unit that is there, looked up as labels are; bad_unit if it
//   cannot be.
// Time. A time that cannot be read leaves the readings with unreadable_time.
// Refusals are one per bad value, or one per record for a bad sensor, metric or label, each with the path of the member
//   that is bad. Offsets are not known.
//
// Thread, Fails: see decoder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/json.h"
#include "daemon/decoders/json_path.h"
#include "daemon/decoders/json_plan.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/text_template.h"
#include "daemon/decoders/time_field.h"
#include "daemon/decoders/value_text.h"

namespace edgetide {

class JsonDecoder final : public Decoder {
 public:
  JsonDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;
  // The same of a payload that is known to be several documents.
  void decode_documents(const Message& message, DecodedBatch& out);

 private:
  struct Value {
    const ValueField* field;  // of options_
    ListedValue reads;
    JsonPath path;
    std::optional<std::size_t> unit;  // in `fields_`
    std::string_view name;            // the path's last name; empty: the concrete one
  };
  struct Field {
    std::string name;  // the key of a label; of a template: payload.PATH
    JsonPath path;
  };
  enum FixedField : std::size_t { time_field, day_field, sensor_field, metric_field, dedupe_field, fixed_fields };
  using Fields = std::vector<std::optional<JsonValue>>;  // FixedField, the labels, what is in templates, units

  struct ValueName {
    std::string_view text;
    bool is_id = true;
  };
  struct Each {
    JsonPath path;
    std::string inner;  // the record is its member of this name, if there is one; empty: itself
  };

  void add_each(std::string_view text);
  void add_values();
  void list_searched();
  void add_paths_of(std::string_view option, const std::optional<TextTemplate>& text);
  void decode_several(const Message& message, MessageOutput& output);
  void decode_document(const JsonParsed& document, const Message& message, MessageOutput& output);
  void decode_rows(JsonValue record, const Message& message, MessageOutput& output);
  std::optional<JsonValue> in_row(std::optional<JsonValue> value) const noexcept;
  bool decode_each(const Each& each, JsonValue root, const Message& message, MessageOutput& output);
  void find_fields(JsonValue from, Fields& fields) const;
  void set_key(const Message& message, DecodedBatch& out);
  std::string_view expand(const TextTemplate& text, const Message& message, DecodedBatch& out);
  void decode_part(JsonValue record, const Message& message, MessageOutput& output);
  void decode_record(JsonValue record, const Message& message, MessageOutput& output);
  std::string_view read_fields(JsonValue record, const Message& message, DecodedReading& reading,
                               MessageOutput& output);
  void read_time(const Message& message, DecodedReading& reading, DecodedBatch& out);
  std::string_view read_labels(JsonValue record, DecodedReading& reading, MessageOutput& output);
  void read_every_label(const JsonPath& path, JsonValue record, std::size_t first, MessageOutput& output);
  [[gnu::cold]] static void refuse_id(std::string_view path, MessageOutput& output);
  static bool read_label(std::string_view key, JsonValue value, DecodedBatch& out);
  void take_listed(JsonValue record, MessageOutput& output);
  void take_listed_value(const Value& listed, JsonValue value, std::string_view trail, MessageOutput& output);
  std::variant<ValueOfText, Refusal> read_listed(const Value& listed, JsonValue value);
  template <typename Visit>
  bool visit_values(JsonValue value, Visit& visit);
  template <typename Name>
  void take_value(JsonValue value, Name&& name, MessageOutput& output);
  template <typename Name>
  void take_text(std::string_view text, Name&& name, MessageOutput& output);
  void take_number(ValueOfText value, const ValueName& name, MessageOutput& output);
  ValueName name_here(DecodedBatch& out) const;
  std::optional<std::string_view> metric_of(const ValueName& name, MessageOutput& output);
  bool may_plan(const JsonParsed& document) const noexcept;
  const JsonPlan* plan_of(const JsonParsed& document);
  void make_plan(JsonPlan& plan, const JsonParsed& document);
  void take_planned_fields(JsonValue root);
  void take_planned(JsonValue record, MessageOutput& output);
  void check_names() const;
  bool is_inexact_number(JsonValue value) const noexcept;
  bool is_whole_value(JsonValue word) const;
  std::variant<ValueOfText, Refusal> read_value(JsonValue value, std::string_view unit) const;
  bool is_ignored(std::string_view path) const noexcept;
  bool is_field(JsonValue value) const noexcept;

  const MappingOptions options_;
  JsonParser parser_;
  std::vector<Each> each_;
  bool root_may_be_list_;
  bool told_apart_ = false;  // records may differ in more than their values
  TimeReader time_;
  std::vector<std::optional<JsonPath>> fixed_;  // by FixedField
  std::vector<Field> labels_, in_templates_, units_;
  struct Searched {
    std::size_t index;     // in Fields
    const JsonPath* path;  // of one of these
  };
  std::vector<Searched> searched_;
  std::vector<JsonPath> every_label_;  // each match is a label, named as it is
  std::vector<Value> values_;
  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  ValueReader reader_;
  bool takes_all_;  // without a list: booleans too

  JsonPlans plans_;

  // Of the message and the record that are being decoded; reused.
  bool has_long_integers_ = false;
  std::size_t records_ = 0;
  std::optional<std::size_t> row_;  // of parallel arrays
  const JsonPlan* plan_ = nullptr;  // null: the document is walked
  Fields message_fields_;
  Fields fields_, outer_fields_;
  JsonPath::Place place_;   // of the record
  DecodedReading reading_;  // what the record's readings share; its metric is the record's
  std::string trail_;
  std::string scratch_;
};

}  // namespace edgetide
