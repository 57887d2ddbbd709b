#include "sinks/row_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "pipeline/time_text.h"
#include "sinks/base64.h"

namespace edgetide {

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json_number(std::string& out, double value, bool integer) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 320> text{};  // the largest double has 309 digits before its point
  char* const end = text.data() + text.size();
  const auto result = integer ? std::to_chars(text.data(), end, value, std::chars_format::fixed)
                              : std::to_chars(text.data(), end, value);
  out.append(text.data(), result.ptr);
}

void append_json_bytes(std::string& out, const std::string* bytes) {
  if (bytes == nullptr) {
    out += "null";
    return;
  }
  out += '"';
  append_base64(out, *bytes);
  out += '"';
}

void append_json_time(std::string& out, Timestamp time, TimeText form) {
  if (form == TimeText::microseconds) {
    out += std::to_string(time.count());
    return;
  }
  out += '"';
  append_rfc3339(out, time);
  out += '"';
}

std::string json_of(const std::vector<Label>& labels) {
  std::string json;
  append_json_labels(json, labels);
  return json;
}

void append_json_labels(std::string& out, const std::vector<Label>& labels) {
  out += '{';
  for (const Label& label : labels) {
    if (out.back() != '{') out += ',';
    append_json_text(out, label.key);
    out += ':';
    append_json_text(out, label.value);
  }
  out += '}';
}

void append_row_json(std::string& out, const WindowSchema& window, const SinkRow& row, std::span<const double> values,
                     std::uint64_t epoch, TimeText times) {
  out += "{\"window\":";
  append_json_text(out, window.name);
  if (!row.series->grouped) {
    out += ",\"sensor\":";
    append_json_text(out, row.series->sensor);
    out += ",\"metric\":";
    append_json_text(out, row.series->metric);
  }
  if (row.series->grouped || !row.series->labels.empty()) {
    out += ",\"labels\":";
    append_json_labels(out, row.series->labels);
  }
  out += ",\"start\":";
  append_json_time(out, row.start, times);
  out += ",\"end\":";
  if (row.end == Timestamp::latest()) {
    out += "null";  // a running window has none
  } else {
    append_json_time(out, row.end, times);
  }
  for (std::size_t i = 0; i < window.columns.size(); ++i) {
    out += ',';
    append_json_text(out, window.columns[i].name);
    out += ':';
    if (window.columns[i].bytes) {
      append_json_bytes(out, row.sketch.get());
    } else {
      append_json_number(out, values[i], window.columns[i].integer);
    }
  }
  out += ",\"state\":\"";
  out += name_of(row.state);
  out += "\",\"revision\":";
  out += std::to_string(row.revision);
  out += ",\"epoch\":";
  out += std::to_string(epoch);
  out += "}\n";
}

// `{"window":...}` as it is, behind the gateway.
void append_gateway_row_json(std::string& out, std::string_view gateway, const WindowSchema& window, const SinkRow& row,
                             std::span<const double> values, std::uint64_t epoch) {
  out += "{\"gateway\":";
  append_json_text(out, gateway);
  const std::size_t opening_brace = out.size();
  append_row_json(out, window, row, values, epoch, TimeText::rfc3339);
  out[opening_brace] = ',';
  out.pop_back();  // its newline
}

}  // namespace edgetide
