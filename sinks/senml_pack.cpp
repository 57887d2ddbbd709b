#include "sinks/senml_pack.h"

#include <cmath>

#include "pipeline/characters.h"
#include "sinks/row_json.h"

namespace edgetide {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t first_absolute_us = (std::int64_t{1} << 28) * second_us;  // RFC 8428, 4.5.3

void append_senml_name(std::string& out, std::string_view name) {
  for (const char c : name) {
    const bool fits = is_letter(c) || is_digit(c) || std::string_view("-:./_").find(c) != std::string_view::npos;
    out += fits ? c : '_';
  }
}

// Seconds as a decimal, exactly.
void append_seconds(std::string& out, Timestamp time) {
  const std::int64_t us = time.count();
  out += std::to_string(us / second_us);
  if (us % second_us == 0) return;
  const std::string digits = std::to_string(second_us + us % second_us);  // "1", and six of them
  out += '.';
  out += std::string_view(digits).substr(1, digits.find_last_not_of('0'));
}

void append_text_record(std::string& out, std::string_view prefix, std::string_view name, std::string_view value) {
  out += ",{\"n\":\"";
  out += prefix;
  append_senml_name(out, name);
  out += "\",\"vs\":";
  append_json_text(out, value);
  out += '}';
}

void begin_number_record(std::string& out, std::string_view name) {
  out += ",{\"n\":\"";
  append_senml_name(out, name);
  out += "\",\"v\":";
}

void append_base_name(std::string& out, const WindowSchema& window, const Series& series) {
  append_senml_name(out, window.name);
  out += ':';
  if (!series.grouped) {
    append_senml_name(out, series.sensor);
    out += ':';
    append_senml_name(out, series.metric);
    out += ':';
    return;
  }
  for (const Label& label : series.labels) {
    append_senml_name(out, label.value);
    out += ':';
  }
}

void append_series(std::string& out, const Series& series) {
  if (!series.grouped) {
    append_text_record(out, {}, "sensor", series.sensor);
    append_text_record(out, {}, "metric", series.metric);
    if (!series.unit.empty()) append_text_record(out, {}, "unit", series.unit);
  }
  for (const Label& label : series.labels) append_text_record(out, "label:", label.key, label.value);
}

}  // namespace

std::string append_senml_pack(std::string& out, std::string_view gateway, const WindowSchema& window,
                              const SinkRow& row, std::span<const double> values, EpochId id) {
  if (row.start.count() < first_absolute_us) return "SenML cannot write a start before 1978-07-04";
  out += "[{\"bn\":\"";
  append_base_name(out, window, *row.series);
  out += "\",\"bt\":";
  append_seconds(out, row.start);
  out += ",\"n\":\"state\",\"vs\":\"";
  out += name_of(row.state);
  out += "\"}";
  for (std::size_t i = 0; i < window.columns.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    begin_number_record(out, window.columns[i].name);
    append_json_number(out, values[i], window.columns[i].integer);
    out += '}';
  }
  if (row.end != Timestamp::latest()) {
    begin_number_record(out, "end");
    append_seconds(out, row.end);
    out += '}';
  }
  begin_number_record(out, "revision");
  out += std::to_string(row.revision) + '}';
  begin_number_record(out, "epoch");
  out += std::to_string(id.epoch) + '}';
  append_text_record(out, {}, "gateway", gateway);
  append_series(out, *row.series);
  out += ']';
  return {};
}

}  // namespace edgetide
