#include "sinks/csv_encoder.h"

#include <algorithm>
#include <cmath>

#include "pipeline/time_text.h"
#include "sinks/base64.h"
#include "sinks/row_json.h"

namespace edgetide {

namespace {

void append_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::vector<std::string> columns_of(const std::vector<WindowSchema>& inputs) {
  std::vector<std::string> names;
  for (const WindowSchema& window : inputs) {
    for (const Column& column : window.columns) {
      if (std::find(names.begin(), names.end(), column.name) == names.end()) names.push_back(column.name);
    }
  }
  return names;
}

class CsvEncoder final : public RowEncoder {
 public:
  explicit CsvEncoder(std::vector<WindowSchema> inputs)
      : RowEncoder(std::move(inputs)), columns_(columns_of(this->inputs())) {}

  std::string header() const override {
    std::string line = "window,sensor,metric,unit,labels,start,end";
    for (const std::string& name : columns_) {
      line += ',';
      append_field(line, name);
    }
    return line + ",state,revision,epoch\n";
  }

 private:
  void append_row(std::string& out, const WindowSchema& window, const SinkRow& row, std::span<const double> values,
                  EpochId id) const override {
    append_field(out, window.name);
    append_series(out, *row.series);
    out += ',';
    append_rfc3339(out, row.start);
    out += ',';
    if (row.end != Timestamp::latest()) append_rfc3339(out, row.end);
    for (const std::string& name : columns_) append_value(out, window, row, values, name);
    out += ',';
    out += name_of(row.state);
    out += ',' + std::to_string(row.revision) + ',' + std::to_string(id.epoch) + '\n';
  }

  static void append_series(std::string& out, const Series& series) {
    out += ',';
    if (!series.grouped) append_field(out, series.sensor);
    out += ',';
    if (!series.grouped) append_field(out, series.metric);
    out += ',';
    append_field(out, series.unit);
    out += ',';
    if (!series.labels.empty()) append_field(out, json_of(series.labels));
  }

  static void append_value(std::string& out, const WindowSchema& window, const SinkRow& row,
                           std::span<const double> values, const std::string& name) {
    out += ',';
    for (std::size_t i = 0; i < window.columns.size(); ++i) {
      if (window.columns[i].name != name) continue;
      if (window.columns[i].bytes && row.sketch) append_base64(out, *row.sketch);
      if (std::isfinite(values[i])) append_json_number(out, values[i], window.columns[i].integer);
    }
  }

  const std::vector<std::string> columns_;
};

}  // namespace

std::unique_ptr<RowEncoder> make_csv_encoder(std::vector<WindowSchema> inputs) {
  return std::make_unique<CsvEncoder>(std::move(inputs));
}

}  // namespace edgetide
