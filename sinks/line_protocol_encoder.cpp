#include "sinks/line_protocol_encoder.h"

#include <cmath>

#include "sinks/row_json.h"

namespace edgetide {

namespace {

constexpr std::string_view measurement_special = ", ";
constexpr std::string_view tag_special = ",= ";

void append_name(std::string& out, std::string_view text, std::string_view special) {
  text = text.substr(0, text.find_last_not_of('\\') + 1);
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
}

void append_tag(std::string& out, std::string_view key, std::string_view value) {
  if (value.find_last_not_of('\\') == std::string_view::npos) return;  // empty
  out += ',';
  append_name(out, key, tag_special);
  out += '=';
  append_name(out, value, tag_special);
}

void append_tags(std::string& out, const Series& series) {
  if (!series.grouped) {
    append_tag(out, "sensor", series.sensor);
    append_tag(out, "metric", series.metric);
    append_tag(out, "unit", series.unit);
  }
  for (const Label& label : series.labels) append_tag(out, label.key, label.value);
}

void append_fields(std::string& out, const WindowSchema& window, std::span<const double> values) {
  for (std::size_t i = 0; i < window.columns.size(); ++i) {
    const Column& column = window.columns[i];
    if (!std::isfinite(values[i])) continue;
    append_name(out, column.name, tag_special);
    out += '=';
    append_json_number(out, values[i], column.integer);
    out += column.integer ? "i," : ",";
  }
}

// Digits, so that no time overflows; a store refuses what it cannot keep.
std::string nanoseconds(Timestamp time) {
  return time.count() == 0 ? "0" : std::to_string(time.count()) + "000";
}

class LineProtocolEncoder final : public RowEncoder {
 public:
  using RowEncoder::RowEncoder;

 private:
  void append_row(std::string& out, const WindowSchema& window, const SinkRow& row, std::span<const double> values,
                  EpochId id) const override {
    append_name(out, window.name, measurement_special);
    append_tags(out, *row.series);
    out += ' ';
    append_fields(out, window, values);
    if (row.end != Timestamp::latest()) out += "end=" + std::to_string(row.end.count()) + "i,";
    out += "state=\"";
    out += name_of(row.state);
    out += "\",revision=" + std::to_string(row.revision) + "i,epoch=" + std::to_string(id.epoch) + "i ";
    out += nanoseconds(row.start) + '\n';
  }
};

}  // namespace

std::unique_ptr<RowEncoder> make_line_protocol_encoder(std::vector<WindowSchema> inputs) {
  return std::make_unique<LineProtocolEncoder>(std::move(inputs));
}

}  // namespace edgetide
