#include "daemon/decoders/json_decoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/json_documents.h"
#include "daemon/decoders/message_fingerprint.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/payload_text.h"
#include "daemon/decoders/time_field.h"
#include "pipeline/characters.h"
#include "pipeline/glob.h"

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
      return value.text().size() > out.max_id_bytes ? value.text() : out.keep(value.text());
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

constexpr std::string_view unnamed_value = "value";  // a record that is a bare value
constexpr std::string_view every_key = "*";          // of labels: its path leads to them

// It begins with an object or array, and something follows.
bool is_several(std::string_view payload) noexcept {
  std::string_view rest = text_of_payload(payload);
  const std::string_view first = take_json_document(rest);
  const bool is_open = first.starts_with('{') || first.starts_with('[');
  return is_open && rest.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

}  // namespace

JsonDecoder::JsonDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : options_(options),
      root_may_be_list_(true),
      time_(options),
      sensor_(sensor_template(options, capture_names)),
      metric_(metric_template(options, capture_names)),
      reader_(options),
      takes_all_(options.coerce_strings) {
  fixed_ = {optional_path_of("time", options.time.path), optional_path_of("time", options.time.time_of_day),
            optional_path_of("sensor", options.sensor_path), optional_path_of("metric", options.metric_path),
            optional_path_of("dedupe", options.dedupe.path)};
  for (const std::string& path : options.each) add_each(path);
  if (each_.empty()) add_each("");
  for (const LabelField& label : options.labels) {
    const std::string option = "labels." + label.key;
    if (label.key == every_key) {
      every_label_.push_back(path_of(option, label.path));
    } else {
      labels_.push_back({label.key, single_path_of(option, label.path)});
    }
  }
  add_paths_of("sensor", sensor_);
  add_paths_of("metric", metric_);
  add_values();
  const auto names_record = [](const std::optional<TextTemplate>& text) { return text && !text->others().empty(); };
  told_apart_ = fixed_[time_field] || fixed_[sensor_field] || fixed_[metric_field] || names_record(sensor_) ||
                names_record(metric_) || !labels_.empty() || !every_label_.empty();
  root_may_be_list_ = root_may_be_list_ && (told_apart_ || !values_.empty());
  check_names();
  if (!sensor_ && !fixed_[sensor_field]) {
    throw std::invalid_argument(
        "sensor: nothing names the sensor; capture {device} in the topic, set 'sensor', or give its path");
  }
  list_searched();
  message_fields_.resize(fixed_fields + labels_.size() + in_templates_.size() + units_.size());
  fields_ = outer_fields_ = message_fields_;
}

void JsonDecoder::add_each(std::string_view text) {
  if (!text.ends_with('?')) return each_.push_back({path_of("each", text), {}});
  const std::size_t dot = text.rfind('.');
  const std::size_t begin = dot == text.npos ? 0 : dot + 1;
  const std::string_view name = text.substr(begin, text.size() - begin - 1);
  if (name.empty() || name.find_first_of("[]*\"") != name.npos) {
    throw std::invalid_argument("each: path '" + std::string(text) + "': '?' follows a plain name");
  }
  each_.push_back({path_of("each", text.substr(0, dot == text.npos ? 0 : dot)), std::string(name)});
}

void JsonDecoder::list_searched() {
  for (std::size_t i = 0; i < fixed_fields; ++i) {
    if (fixed_[i]) searched_.push_back({i, &*fixed_[i]});
  }
  std::size_t next = fixed_fields;
  for (const std::vector<Field>* const fields : {&labels_, &in_templates_, &units_}) {
    for (const Field& field : *fields) searched_.push_back({next++, &field.path});
  }
}

void JsonDecoder::add_values() {
  for (const ValueField& field : options_.values) {
    Value value{&field, ListedValue(field), path_of("values", field.path), {}, {}};
    root_may_be_list_ = root_may_be_list_ && !value.path.starts_with_index();
    if (!value.path.has_wildcard()) value.name = value.path.last_name();
    if (!field.unit_path.empty()) {
      value.unit = fixed_fields + labels_.size() + in_templates_.size() + units_.size();
      units_.push_back({field.unit_path, single_path_of("values", field.unit_path)});
    }
    values_.push_back(std::move(value));
  }
}

void JsonDecoder::add_paths_of(std::string_view option, const std::optional<TextTemplate>& text) {
  if (!text) return;
  for (const std::string_view name : text->others()) {
    if (name == record_name) continue;
    in_templates_.push_back({std::string(name), single_path_of(option, name.substr(payload_name.size()))});
  }
}

// What would mix several values in one series.
void JsonDecoder::check_names() const {
  const auto fail = [](const std::string& text) { throw std::invalid_argument(text); };
  std::vector<std::string> metrics;  // empty: the paths of the values name them
  for (const Value& value : values_) {
    const bool by_path = value.path.has_wildcard() && value.field->metric.empty();
    metrics.push_back(by_path ? std::string() : metric_of_listed(options_, *value.field, value.name));
  }
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const std::string path = "values: '" + values_[i].field->path + "'";
    const std::string& metric = metrics[i];
    if (values_[i].path.has_wildcard() && !metric.empty()) {
      fail(path + " may lead to several values, which would all be the metric '" + metric +
           "'; leave 'metric' out, and their paths name them");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (values_[j].path.may_name_as(values_[i].path))
        fail(path + " and '" + values_[j].field->path + "' may lead to values of the same name");
      if (metric.empty() || metrics[j] != metric) continue;
      fail(path + " and '" + values_[j].field->path + "' would both be the metric '" + metric +
           "'; give one of them another 'metric'");
    }
  }
  if (options_.parallel_arrays && !told_apart_)
    fail("parallel_arrays: nothing tells the rows apart; give them a 'time', 'sensor', 'metric' or label with a path");
  if (std::any_of(each_.begin(), each_.end(), [](const Each& each) { return each.path.has_wildcard(); }) &&
      !told_apart_) {
    fail(
        "each: nothing tells the records apart; give them a 'time', 'sensor', 'metric' or label with a path, or list "
        "their values in 'values', such as \"readings[*].v\"");
  }
}

// A message without an id is not known again.
void JsonDecoder::set_key(const Message& message, DecodedBatch& out) {
  const auto& id = message_fields_[dedupe_field];
  const std::string_view text = is_null(id) ? std::string_view() : scalar_text(*id, out);
  if (text.empty()) return;
  out.set_message_key(hash_of_names(message.route, text), options_.dedupe.within);
}

void JsonDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  records_ = 0;
  const JsonParsed parsed = parser_.parse(message.payload);
  if (parsed.root) return decode_document(parsed, message, output);
  if (parsed.refusal == Refusal::bad_syntax && is_several(message.payload)) return decode_several(message, output);
  output.refuse(parsed.refusal, 0);
}

void JsonDecoder::decode_documents(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  records_ = 0;
  decode_several(message, output);
}

void JsonDecoder::decode_several(const Message& message, MessageOutput& output) {
  std::string_view rest = text_of_payload(message.payload);
  for (std::string_view document = take_json_document(rest); !document.empty() && !output.full();
       document = take_json_document(rest)) {
    const JsonParsed parsed = parser_.parse(document);
    if (parsed.root) {
      decode_document(parsed, message, output);
    } else {
      output.refuse(parsed.refusal, static_cast<std::size_t>(document.data() - message.payload.data()));
    }
  }
}

void JsonDecoder::decode_document(const JsonParsed& document, const Message& message, MessageOutput& output) {
  const JsonValue root = *document.root;
  const bool is_word = root.is(JsonKind::text) && is_bare(root.text());
  if (is_word && !is_whole_value(root)) return output.refuse(Refusal::bad_syntax, 0);
  has_long_integers_ = document.has_long_integers;
  plan_ = may_plan(document) ? plan_of(document) : nullptr;
  if (plan_ != nullptr) {
    take_planned_fields(root);
  } else {
    find_fields(root, message_fields_);
  }
  if (fixed_[dedupe_field]) set_key(message, output.batch());
  for (const Each& each : each_) {
    if (decode_each(each, root, message, output)) return;
  }
}

// False: it leads nowhere.
bool JsonDecoder::decode_each(const Each& each, JsonValue root, const Message& message, MessageOutput& output) {
  bool found_any = false;
  if (!told_apart_) output.begin_record();  // of all that are found
  each.path.for_each_in(root, place_, [&](JsonValue found) {
    found_any = true;
    const std::optional<JsonValue> inner = each.inner.empty() ? std::nullopt : found.find(each.inner);
    if (inner) {
      place_.around.push_back(found);
      found = *inner;
    }
    const bool is_root = found == root;
    if (options_.parallel_arrays && found.is(JsonKind::object)) {
      decode_rows(found, message, output);
    } else if (found.is(JsonKind::array) && (!is_root || root_may_be_list_)) {
      for (const JsonValue element : found.elements()) decode_part(element, message, output);
    } else if (is_root) {
      fields_ = message_fields_;
      decode_record(found, message, output);
    } else {
      decode_part(found, message, output);
    }
    if (inner) place_.around.pop_back();
  });
  return found_any;
}

void JsonDecoder::find_fields(JsonValue from, Fields& fields) const {
  for (const Searched& field : searched_) fields[field.index] = field.path->find(from);
  if (!row_) return;
  for (std::optional<JsonValue>& field : fields) field = in_row(field);
}

// What a row of parallel arrays has of a value.
std::optional<JsonValue> JsonDecoder::in_row(std::optional<JsonValue> value) const noexcept {
  if (!row_ || !value || !value->is(JsonKind::array)) return value;
  std::size_t index = 0;
  for (const JsonValue element : value->elements()) {
    if (index++ == *row_) return element;
  }
  return std::nullopt;
}

void JsonDecoder::decode_rows(JsonValue record, const Message& message, MessageOutput& output) {
  std::size_t rows = 0;
  for (const JsonMember member : record.members()) {
    std::size_t length = 0;
    for ([[maybe_unused]] const JsonValue element : member.value.elements()) ++length;
    rows = std::max(rows, length);
  }
  if (rows > max_values_per_message) return output.refuse_message(Refusal::too_many_values);
  for (row_ = 0; *row_ < rows && !output.full(); ++*row_) decode_part(record, message, output);
  row_.reset();
}

void JsonDecoder::decode_part(JsonValue record, const Message& message, MessageOutput& output) {
  if (output.full()) return;
  const auto complete = [this](const Fields& outer) {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (is_null(fields_[i])) fields_[i] = outer[i];
    }
  };
  find_fields(record, fields_);
  complete(message_fields_);
  for (std::size_t level = place_.around.size(); level-- > 1;) {  // the outermost is the message
    find_fields(place_.around[level], outer_fields_);
    complete(outer_fields_);
  }
  decode_record(record, message, output);
}

// Requires: `fields_` are those of the record.
void JsonDecoder::decode_record(JsonValue record, const Message& message, MessageOutput& output) {
  if (++records_ > output.max_values()) return output.refuse_message(Refusal::too_many_values);
  reading_ = {};
  if (told_apart_) output.begin_record();
  const std::string_view no_id = read_fields(record, message, reading_, output);
  if (!no_id.empty()) return output.refuse(Refusal::bad_id, no_id, 0);
  if (plan_ != nullptr) return take_planned(record, output);
  if (!values_.empty()) return take_listed(record, output);
  trail_.clear();
  const auto take = [&](JsonValue value) {
    if (!is_field(value))
      take_value(
          value, [&] { return name_here(output.batch()); }, output);
    return !output.full();
  };
  visit_values(record, take);
}

// The path, or the key of the mapping, of what cannot be an id; empty: all is well.
std::string_view JsonDecoder::read_fields(JsonValue record, const Message& message, DecodedReading& reading,
                                          MessageOutput& output) {
  DecodedBatch& out = output.batch();
  read_time(message, reading, out);
  if (!is_null(fields_[sensor_field])) {
    reading.sensor = scalar_text(*fields_[sensor_field], out);
  } else if (sensor_) {
    reading.sensor = expand(*sensor_, message, out);
  }
  if (!is_id(reading.sensor, out.max_id_bytes))
    return options_.sensor_path.empty() ? "sensor" : std::string_view(options_.sensor_path);
  const bool named = !is_null(fields_[metric_field]);
  if (named) {
    reading.metric = scalar_text(*fields_[metric_field], out);
  } else if (metric_) {
    reading.metric = expand(*metric_, message, out);
  }
  if ((named || metric_ || fixed_[metric_field]) && !is_id(reading.metric, out.max_id_bytes))
    return options_.metric_path.empty() ? "metric" : std::string_view(options_.metric_path);
  return read_labels(record, reading, output);
}

std::string_view JsonDecoder::expand(const TextTemplate& text, const Message& message, DecodedBatch& out) {
  return text.expand(message, scratch_, out, [&](std::string_view name) -> std::string_view {
    if (name == record_name) return out.keep(place_.name);
    for (std::size_t i = 0; i < in_templates_.size(); ++i) {
      if (in_templates_[i].name != name) continue;
      const auto& field = fields_[fixed_fields + labels_.size() + i];
      return is_null(field) ? std::string_view() : scalar_text(*field, out);
    }
    return {};
  });
}

void JsonDecoder::read_time(const Message& message, DecodedReading& reading, DecodedBatch& out) {
  const auto& field = fields_[time_field];
  if (is_null(field)) return;
  const auto& time_of_day = fields_[day_field];
  if (!is_null(time_of_day) && field->is(JsonKind::text) && time_of_day->is(JsonKind::text)) {
    return time_.read_parts(field->text(), time_of_day->text(), message, reading, out);
  }
  if (field->is(JsonKind::text)) return time_.read(field->text(), message, reading, out);
  std::optional<Timestamp> time;
  if (field->is(JsonKind::number)) {
    if (time_.has_pattern()) return time_.read(scalar_text(*field, out), message, reading, out);
    const auto integer = field->integer();
    time = integer ? time_of_integer(*integer, time_.format()) : time_of_number(field->number(), time_.format());
  }
  reading.event_time = time.value_or(unreadable_time);
}

// The path of one that cannot be a label; empty: there is none.
std::string_view JsonDecoder::read_labels(JsonValue record, DecodedReading& reading, MessageOutput& output) {
  DecodedBatch& out = output.batch();
  const std::size_t first = out.labels.size();
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    const auto& field = fields_[fixed_fields + i];
    if (is_null(field) || read_label(labels_[i].name, *field, out)) continue;
    out.labels.resize(first);
    return labels_[i].name;
  }
  for (const JsonPath& path : every_label_) read_every_label(path, record, first, output);
  reading.first_label = static_cast<std::uint32_t>(first);
  reading.label_count = static_cast<std::uint8_t>(out.labels.size() - first);
  return {};
}

// In the record, or else in the message, or in the innermost of what the record is in that has any.
void JsonDecoder::read_every_label(const JsonPath& path, JsonValue record, std::size_t first, MessageOutput& output) {
  DecodedBatch& out = output.batch();
  const auto read_all = [&](JsonValue from) {
    bool found = false;
    path.for_each(from, trail_, [&](JsonValue value, std::string_view name) {
      found = true;
      if (value.is(JsonKind::null) || output.full()) return;
      const bool has_room = out.labels.size() - first < max_labels;
      if (!has_room || !is_id(name, out.max_id_bytes) || !read_label(out.keep(name), value, out))
        refuse_id(name, output);
    });
    return found;
  };
  bool found = read_all(record) || (!place_.around.empty() && read_all(place_.around.front()));
  for (std::size_t level = place_.around.size(); !found && level-- > 1;) found = read_all(place_.around[level]);
}

// The path is of the payload, which could repeat a long one.
void JsonDecoder::refuse_id(std::string_view path, MessageOutput& output) {
  output.refuse(Refusal::bad_id, output.batch().keep(path.substr(0, max_id_bytes)), 0);
}

bool JsonDecoder::read_label(std::string_view key, JsonValue value, DecodedBatch& out) {
  const bool scalar = !value.is(JsonKind::object) && !value.is(JsonKind::array);
  const std::string_view text = scalar_text(value, out);
  if (!scalar || !is_id_or_empty(text, out.max_id_bytes)) return false;
  out.labels.push_back({key, text});
  return true;
}

void JsonDecoder::take_listed(JsonValue record, MessageOutput& output) {
  for (const Value& listed : values_) {
    listed.path.for_each(record, trail_, [&](JsonValue value, std::string_view trail) {
      if (row_ && value.is(JsonKind::array)) {
        const std::optional<JsonValue> element = in_row(value);
        if (!element) return;
        value = *element;
      }
      if (!output.full() && !value.is(JsonKind::null)) take_listed_value(listed, value, trail, output);
    });
  }
}

void JsonDecoder::take_listed_value(const Value& listed, JsonValue value, std::string_view trail,
                                    MessageOutput& output) {
  ValueOfText read;
  if (value.is(JsonKind::number) && !listed.unit) {
    read = {value.number(), is_inexact_number(value)};
  } else {
    const auto other = read_listed(listed, value);
    if (const auto* const refusal = std::get_if<Refusal>(&other)) return output.refuse(*refusal, listed.field->path, 0);
    read = std::get<ValueOfText>(other);
  }
  DecodedReading reading = reading_;
  reading.unit = listed.reads.unit();
  reading.value = listed.reads.taken(read.number);
  if (!listed.field->metric.empty()) {
    reading.metric = listed.field->metric;
  } else if (reading.metric.empty() || values_.size() > 1 || !trail.empty()) {
    if (!is_id_or_empty(trail, output.batch().max_id_bytes))
      return output.refuse(Refusal::bad_id, listed.field->path, 0);
    const std::string_view name = trail.empty() ? listed.name : output.batch().keep(trail);
    reading.metric = metric_in_record(reading_.metric, name.empty() ? "value" : name, output.batch());
    if (!is_id(reading.metric, output.batch().max_id_bytes))
      return output.refuse(Refusal::bad_id, listed.field->path, 0);
  }
  output.add(reading, 0, read.inexact);
}

// In the unit of the reading, but for the conversion and the scale that are configured. Requires: it is not a number,
// or has a `unit_path`.
std::variant<ValueOfText, Refusal> JsonDecoder::read_listed(const Value& listed, JsonValue value) {
  if (!value.is(JsonKind::number)) return read_value(value, listed.reads.compared_unit());
  ValueOfText read{value.number(), is_inexact_number(value)};
  if (is_null(fields_[*listed.unit])) return read;
  const JsonValue unit = *fields_[*listed.unit];
  const auto number = converted(read.number, unit.is(JsonKind::text) ? unit.text() : "", listed.field->unit);
  if (!number) return Refusal::bad_unit;
  read.number = *number;
  return read;
}

// Of a value other than a number.
std::variant<ValueOfText, Refusal> JsonDecoder::read_value(JsonValue value, std::string_view unit) const {
  switch (value.kind()) {
    case JsonKind::boolean:
      return ValueOfText{reader_.boolean(value.boolean())};
    case JsonKind::text:
      if (!takes_all_ && !is_bare(value.text()) && exact_number(value.text())) return Refusal::bad_number;
      return reader_.read(without_mark(value.text()), unit);
    default:
      return Refusal::bad_number;
  }
}

bool JsonDecoder::is_inexact_number(JsonValue value) const noexcept {
  constexpr double end_of_64_bits = 9223372036854775808.0;
  return value.inexact() || (has_long_integers_ && std::abs(value.number()) >= end_of_64_bits);
}

// A payload that is one word ("ON", "nan"), and no JSON.
bool JsonDecoder::is_whole_value(JsonValue word) const {
  const auto read = read_value(word, {});
  const auto* const refusal = std::get_if<Refusal>(&read);
  return values_.empty() && (refusal == nullptr || *refusal == Refusal::not_finite);
}

// The scalars in the record. Requires: `trail_` is the path to `value`; it is so again on return. `visit(value)` says
// whether there is more to do; false: there is not.
template <typename Visit>
bool JsonDecoder::visit_values(JsonValue value, Visit& visit) {
  const std::size_t length = trail_.size();
  std::size_t index = 0;
  switch (value.kind()) {
    case JsonKind::object:
      for (const JsonMember member : value.members()) {
        append_name(trail_, member.key);
        const bool goes_on = is_ignored(trail_) || visit_values(member.value, visit);
        trail_.resize(length);
        if (!goes_on) return false;
      }
      return true;
    case JsonKind::array:
      if (row_) {
        const std::optional<JsonValue> element = in_row(value);
        const std::optional<std::size_t> row = std::exchange(row_, std::nullopt);  // an array in it is not a column
        const bool goes_on = !element || visit_values(*element, visit);
        row_ = row;
        return goes_on;
      }
      for (const JsonValue element : value.elements()) {
        append_index(trail_, index++);
        const bool goes_on = visit_values(element, visit);
        trail_.resize(length);
        if (!goes_on) return false;
      }
      return true;
    default:
      return visit(value);
  }
}

// Of a value in a record without `values`. `name` is made if it is needed.
template <typename Name>
void JsonDecoder::take_value(JsonValue value, Name&& name, MessageOutput& output) {
  switch (value.kind()) {
    case JsonKind::number:
      return take_number({value.number(), is_inexact_number(value)}, name(), output);
    case JsonKind::boolean:
      if (takes_all_) take_number({reader_.boolean(value.boolean())}, name(), output);
      return;
    case JsonKind::text:
      return take_text(value.text(), name, output);
    default:
      return;
  }
}

// Other text than values is ignored, unless it stood there as one.
template <typename Name>
void JsonDecoder::take_text(std::string_view text, Name&& name, MessageOutput& output) {
  const bool has_leading_zero = text.size() > 1 && text[0] == '0' && is_digit(text[1]);
  if (has_leading_zero || (!takes_all_ && exact_number(text))) return;
  const auto read = reader_.read(without_mark(text), {});
  if (const auto* const value = std::get_if<ValueOfText>(&read)) return take_number(*value, name(), output);
  const Refusal refusal = std::get<Refusal>(read);
  if (!is_bare(text) && refusal != Refusal::not_finite) return;
  if (const auto metric = metric_of(name(), output)) output.refuse(refusal, *metric, 0);
}

void JsonDecoder::take_number(ValueOfText value, const ValueName& name, MessageOutput& output) {
  const auto metric = metric_of(name, output);
  if (!metric) return;
  DecodedReading reading = reading_;
  reading.metric = *metric;
  reading.value = value.number;
  output.add(reading, 0, value.inexact);
}

// Of what `trail_` leads to, kept if it is an id.
JsonDecoder::ValueName JsonDecoder::name_here(DecodedBatch& out) const {
  if (trail_.empty()) return {unnamed_value};
  const bool fits = is_id(trail_, options_.max_id_bytes);
  return {fits ? out.keep(trail_) : std::string_view(trail_), fits};
}

// Nothing: it is refused.
std::optional<std::string_view> JsonDecoder::metric_of(const ValueName& name, MessageOutput& output) {
  const std::string_view metric =
      name.is_id ? metric_in_record(reading_.metric, name.text, output.batch()) : std::string_view();
  if (!metric.empty() && (reading_.metric.empty() || is_id(metric, options_.max_id_bytes))) return metric;
  refuse_id(name.text, output);
  return std::nullopt;
}

// ---- documents of a known shape

// Only of a record that is the whole document.
bool JsonDecoder::may_plan(const JsonParsed& document) const noexcept {
  const bool has_parts =
      options_.parallel_arrays || each_.size() > 1 || !each_.front().path.is_empty() || !each_.front().inner.empty();
  return document.shape != 0 && !has_parts && !(document.root->is(JsonKind::array) && root_may_be_list_);
}

// Null: its names are too long.
const JsonPlan* JsonDecoder::plan_of(const JsonParsed& document) {
  JsonPlan& plan = plans_.of(document.shape);
  if (plan.shape != document.shape) make_plan(plan, document);
  return plan.is_usable ? &plan : nullptr;
}

void JsonDecoder::make_plan(JsonPlan& plan, const JsonParsed& document) {
  const JsonValue root = *document.root;
  plan.begin(document.shape, options_.max_id_bytes);
  find_fields(root, fields_);
  for (const auto& field : fields_) {
    plan.fields.push_back(field ? static_cast<std::uint32_t>(field->index()) : 0);
  }
  for (std::size_t i = 0; i < values_.size(); ++i) {
    values_[i].path.for_each(root, trail_,
                             [&](JsonValue value, std::string_view trail) { plan.add(value.index(), trail, i); });
  }
  if (!values_.empty()) return;
  trail_.clear();
  const auto add = [&](JsonValue value) {
    if (!is_field(value)) plan.add(value.index(), trail_.empty() ? unnamed_value : trail_);
    return true;
  };
  visit_values(root, add);
}

void JsonDecoder::take_planned_fields(JsonValue root) {
  for (const Searched& field : searched_) {
    const std::uint32_t index = plan_->fields[field.index];
    message_fields_[field.index] = index == 0 ? std::nullopt : std::optional(root.at(index));
  }
}

// Requires: the record is the whole document.
void JsonDecoder::take_planned(JsonValue record, MessageOutput& output) {
  // Those of listed values are mostly configured.
  const std::string_view names = values_.empty() ? output.batch().keep(plan_->names) : plan_->names;
  for (const JsonPlan::Visit& visit : plan_->visits) {
    if (output.full()) return;
    const JsonValue value = record.at(visit.index);
    const std::string_view name = names.substr(visit.name, visit.name_size);
    if (values_.empty()) {
      take_value(
          value,
          [&] {
            return ValueName{name, visit.is_id};
          },
          output);
    } else if (!value.is(JsonKind::null)) {
      take_listed_value(values_[visit.listed], value, name, output);
    }
  }
}

bool JsonDecoder::is_ignored(std::string_view path) const noexcept {
  return !options_.ignore.empty() && any_glob_matches(options_.ignore, path);
}

bool JsonDecoder::is_field(JsonValue value) const noexcept {
  for (const Searched& field : searched_) {
    if (fields_[field.index] && *fields_[field.index] == value) return true;
  }
  return false;
}

const Format json_format{
    .name = "json",
    .takes = {"sensor.path", "metric.path", "time.path", "time.time_of_day", "each", "parallel_arrays", "values",
              "labels", "ignore", "dedupe", "coerce_strings", "states", "timezone"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<JsonDecoder>(options, captures);
    },
    .has_paths = true,
};

}  // namespace edgetide
