#include "daemon/commands/replay_input.h"

#include <cmath>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/time_field.h"
#include "pipeline/reading.h"

namespace edgetide {

namespace {

std::optional<Timestamp> time_of(const JsonValue& value) {
  if (value.is(JsonKind::number) && value.integer()) return Timestamp::microseconds(*value.integer());
  if (value.is(JsonKind::text)) return time_of_text(value.text(), TimeFormat::rfc3339);
  return std::nullopt;
}

ReplayError bad_time(std::string_view key) {
  return {Refusal::bad_time, "'" + std::string(key) + "' is neither RFC 3339 nor an integer of microseconds"};
}

// "nan" and "inf" are taken, with quotes or without, for the pipeline to refuse.
std::optional<double> number_of(const JsonValue& value) {
  if (value.is(JsonKind::number)) return value.number();
  if (!value.is(JsonKind::text)) return std::nullopt;
  const std::string_view text = is_bare(value.text()) ? value.text().substr(1) : value.text();
  if (is_not_finite(text)) return std::nan("");
  return std::nullopt;
}

std::optional<ReplayError> read_text(const JsonValue& line, std::string_view key, bool required,
                                     std::string_view& out) {
  const std::optional<JsonValue> value = line.find(key);
  if (!value && !required) return std::nullopt;
  if (!value) return ReplayError{Refusal::bad_id, "'" + std::string(key) + "' is missing"};
  if (!value->is(JsonKind::text) || !is_id(value->text(), most_id_bytes)) {
    return ReplayError{Refusal::bad_id, "'" + std::string(key) + "' must have 1 to 512 printable bytes"};
  }
  out = value->text();
  return std::nullopt;
}

std::optional<ReplayError> read_time(const JsonValue& line, std::string_view key, std::optional<Timestamp>& out) {
  const std::optional<JsonValue> value = line.find(key);
  if (!value || value->is(JsonKind::null)) return std::nullopt;
  out = time_of(*value);
  if (!out) return bad_time(key);
  return std::nullopt;
}

std::optional<ReplayError> read_labels(const JsonValue& line, std::vector<LabelView>& out) {
  const std::optional<JsonValue> labels = line.find("labels");
  if (!labels) return std::nullopt;
  for (const JsonMember label : labels->members()) {
    if (!label.value.is(JsonKind::text) || !is_id(label.key, most_id_bytes) ||
        !is_id_or_empty(label.value.text(), most_id_bytes)) {
      return ReplayError{Refusal::bad_id, "a label has unprintable characters"};
    }
    out.push_back({label.key, label.value.text()});
  }
  return std::nullopt;
}

ReplayLine to_reading(const JsonValue& line) {
  ReplayReading reading;
  reading.metric = "value";
  if (auto error = read_text(line, "sensor", true, reading.sensor)) return *error;
  if (auto error = read_text(line, "metric", false, reading.metric)) return *error;
  if (auto error = read_text(line, "source", false, reading.source)) return *error;
  if (read_time(line, "time", reading.time)) reading.time = unreadable_time;
  if (auto error = read_time(line, "arrival", reading.arrival)) return *error;
  if (auto error = read_labels(line, reading.labels)) return *error;
  const std::optional<JsonValue> value = line.find("value");
  const std::optional<double> number = value ? number_of(*value) : std::nullopt;
  if (!number) return ReplayError{Refusal::bad_number, "'value' is missing or no number"};
  reading.value = *number;
  return reading;
}

}  // namespace

ReplayLine ReplayParser::parse(std::string_view line) {
  const JsonParsed parsed = json_.parse(line);
  if (!parsed.root) return ReplayError{parsed.refusal, "not JSON"};
  const JsonValue& root = *parsed.root;
  if (root.is(JsonKind::text) && is_bare(root.text())) return ReplayError{Refusal::bad_syntax, "not JSON"};
  if (!root.is(JsonKind::object)) return ReplayError{Refusal::bad_syntax, "not a JSON object"};
  if (const auto tick = root.find("tick")) {
    const auto time = time_of(*tick);
    return time ? ReplayLine(ReplayTick{*time}) : bad_time("tick");
  }
  if (const auto watermark = root.find("watermark")) {
    const auto time = time_of(*watermark);
    return time ? ReplayLine(ReplayWatermark{*time}) : bad_time("watermark");
  }
  if (root.find("restart")) return ReplayRestart{};
  return to_reading(root);
}

}  // namespace edgetide
