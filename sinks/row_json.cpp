#include "sinks/row_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "pipeline/time_text.h"

namespace edgetide {

namespace {

constexpr std::array<std::string_view, 3> state_names = {"open", "closed", "final"};

void append_text(std::string& out, std::string_view text) {
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

void append_time(std::string& out, Timestamp time, TimeText form) {
  if (form == TimeText::microseconds) {
    out += std::to_string(time.count());
    return;
  }
  out += '"';
  append_rfc3339(out, time);
  out += '"';
}

void append_value(std::string& out, double value, bool integer) {
  if (!std::isfinite(value)) {
    out += "null";
  } else if (integer) {
    out += std::to_string(static_cast<std::int64_t>(value));
  } else {
    std::array<char, 32> text{};
    const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), result.ptr);
  }
}

}  // namespace

void append_row_json(std::string& out, const WindowSchema& window, const SinkRow& row, std::span<const double> values,
                     std::uint64_t epoch, TimeText times) {
  out += "{\"window\":";
  append_text(out, window.name);
  out += ",\"sensor\":";
  append_text(out, row.series->sensor);
  out += ",\"metric\":";
  append_text(out, row.series->metric);
  out += ",\"start\":";
  append_time(out, row.start, times);
  out += ",\"end\":";
  append_time(out, row.end, times);
  for (std::size_t i = 0; i < window.columns.size(); ++i) {
    out += ',';
    append_text(out, window.columns[i].name);
    out += ':';
    append_value(out, values[i], window.columns[i].integer);
  }
  out += ",\"state\":\"";
  out += state_names[static_cast<std::size_t>(row.state)];
  out += "\",\"revision\":";
  out += std::to_string(row.revision);
  out += ",\"epoch\":";
  out += std::to_string(epoch);
  out += "}\n";
}

}  // namespace edgetide
