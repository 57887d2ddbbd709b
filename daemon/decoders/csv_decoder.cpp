#include "daemon/decoders/csv_decoder.h"

#include <algorithm>
#include <stdexcept>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/time_field.h"

namespace edgetide {

CsvDecoder::CsvDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : options_(options),
      rows_(options.delimiter),
      sensor_(sensor_template(options, capture_names)),
      metric_(metric_template(options, capture_names)) {
  if (!sensor_ && options_.sensor_path.empty()) {
    throw std::invalid_argument(
        "sensor: nothing names the sensor; name its column, capture {device} in the topic, or set 'sensor'");
  }
  const std::string_view unusable = "\"\r\n .+-";
  if (options_.delimiter == '\0' || unusable.find(options_.delimiter) != std::string_view::npos) {
    throw std::invalid_argument("delimiter: this character cannot separate fields; use ',', ';' or a tab");
  }
  if (options_.columns.empty()) return;
  columns_.assign(options_.columns.begin(), options_.columns.end());
  require_columns();
  bind_columns();
}

std::size_t CsvDecoder::column_named(std::string_view name) const noexcept {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  return name.empty() || found == columns_.end() ? none : static_cast<std::size_t>(found - columns_.begin());
}

void CsvDecoder::require_columns() const {
  const auto require = [this](const std::string& option, const std::string& name) {
    if (name.empty() || column_named(name) != none) return;
    throw std::invalid_argument(option + ": '" + name + "' is not one of 'columns'");
  };
  require("time", options_.time.path);
  require("sensor", options_.sensor_path);
  require("metric", options_.metric_path);
  for (const LabelField& label : options_.labels) require("labels." + label.key, label.path);
  for (const ValueField& value : options_.values) require("values", value.path);
}

void CsvDecoder::bind_columns() {
  time_column_ = column_named(options_.time.path);
  sensor_column_ = column_named(options_.sensor_path);
  metric_column_ = column_named(options_.metric_path);
  label_columns_.clear();
  for (const LabelField& label : options_.labels) label_columns_.push_back(column_named(label.path));
  value_columns_.clear();
  for (const ValueField& value : options_.values) {
    if (const std::size_t index = column_named(value.path); index != none) {
      value_columns_.push_back({index, value.metric.empty() ? value.path : value.metric, &value});
    }
  }
  if (!options_.values.empty()) return;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (is_value_column(i)) value_columns_.push_back({i, columns_[i], nullptr});
  }
}

bool CsvDecoder::is_value_column(std::size_t index) const noexcept {
  return !columns_[index].empty() && index != time_column_ && index != sensor_column_ && index != metric_column_ &&
         std::find(label_columns_.begin(), label_columns_.end(), index) == label_columns_.end();
}

void CsvDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  rows_.begin(message.payload);
  bool header = options_.columns.empty();
  while (!output.full()) {
    const CsvReader::Answer answer = rows_.read(out);
    if (answer == CsvReader::Answer::end) return;
    if (answer == CsvReader::Answer::fault) {
      output.refuse(Refusal::bad_syntax, rows_.at());
      if (header) return;
    } else if (header) {
      columns_.clear();
      for (const CsvReader::Field& one : rows_.fields()) columns_.push_back(one.text);
      bind_columns();
      header = false;
    } else if (rows_.fields().size() != columns_.size()) {
      output.refuse(Refusal::bad_syntax, rows_.row_offset());
    } else if (options_.columns.empty() || !is_header()) {
      decode_row(message, output);
    }
  }
}

bool CsvDecoder::is_header() const noexcept {
  return std::equal(rows_.fields().begin(), rows_.fields().end(), columns_.begin(), columns_.end(),
                    [](const CsvReader::Field& field, std::string_view column) { return field.text == column; });
}

void CsvDecoder::decode_row(const Message& message, MessageOutput& output) {
  DecodedReading reading;
  if (const auto refusal = read_record(message, reading, output.batch())) {
    return output.refuse(*refusal, rows_.fields().front().offset);
  }
  for (const ValueColumn& column : value_columns_) take_value(column, reading, output);
}

std::optional<Refusal> CsvDecoder::read_record(const Message& message, DecodedReading& reading, DecodedBatch& out) {
  if (const std::string_view time = field(time_column_); !time.empty()) {
    reading.event_time = time_of_text(time, options_.time.format);
    if (!reading.event_time) return Refusal::bad_time;
  }
  reading.sensor = field(sensor_column_);
  if (reading.sensor.empty() && sensor_) reading.sensor = sensor_->expand(message, scratch_, out);
  if (!is_id(reading.sensor)) return Refusal::bad_id;
  reading.metric = field(metric_column_);
  if (reading.metric.empty() && metric_) reading.metric = metric_->expand(message, scratch_, out);
  const bool named = metric_ || !options_.metric_path.empty();
  if (named && !is_id(reading.metric)) return Refusal::bad_id;
  return read_labels(reading, out) ? std::nullopt : std::optional(Refusal::bad_id);
}

bool CsvDecoder::read_labels(DecodedReading& reading, DecodedBatch& out) const {
  const std::size_t first = out.labels.size();
  for (std::size_t i = 0; i < label_columns_.size(); ++i) {
    const std::string_view text = field(label_columns_[i]);
    if (!is_id_or_empty(text)) {
      out.labels.resize(first);
      return false;
    }
    if (!text.empty()) out.labels.push_back({options_.labels[i].key, text});
  }
  reading.first_label = static_cast<std::uint32_t>(first);
  reading.label_count = static_cast<std::uint32_t>(out.labels.size() - first);
  return true;
}

void CsvDecoder::take_value(const ValueColumn& column, DecodedReading reading, MessageOutput& output) {
  const CsvReader::Field& cell = rows_.fields()[column.index];
  if (cell.text.empty()) return;
  const auto number = options_.coerce_strings ? number_of_text(cell.text) : exact_number(cell.text);
  if (!number) {
    if (column.listed) output.refuse(Refusal::bad_number, column.listed->path, cell.offset);
    return;
  }
  const bool own_metric = column.listed && !column.listed->metric.empty();
  const bool only = column.listed && options_.values.size() == 1;
  if (own_metric || (only && reading.metric.empty())) {
    reading.metric = column.name;
  } else if (!only) {
    reading.metric = metric_in_record(reading.metric, column.name, scratch_, output.batch());
  }
  if (!is_id(reading.metric)) return output.refuse(Refusal::bad_id, cell.offset);
  reading.value = *number;
  if (column.listed) {
    reading.unit = column.listed->unit;
    reading.value = *number * column.listed->scale + column.listed->offset;
  }
  output.add(reading, cell.offset);
}

const Format csv_format{
    .name = "csv",
    .takes = {"sensor.path", "metric.path", "time.path", "values", "labels", "columns", "delimiter"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<CsvDecoder>(options, captures);
    },
};

}  // namespace edgetide
