#include "daemon/decoders/csv_decoder.h"

#include <algorithm>
#include <stdexcept>

#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

constexpr std::size_t max_known_header_bytes = 4096;

}  // namespace

CsvDecoder::CsvDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : options_(options),
      rows_(options.delimiter),
      reader_(options),
      time_(options),
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
  check_names();
  for (const ValueField& value : options_.values) listed_.emplace_back(value);
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
  require("time", options_.time.time_of_day);
  require("sensor", options_.sensor_path);
  require("metric", options_.metric_path);
  for (const LabelField& label : options_.labels) require("labels." + label.key, label.path);
  for (const ValueField& value : options_.values) require("values", value.path);
}

// What would mix several values in one series.
void CsvDecoder::check_names() const {
  const auto metric = [this](const ValueField& value) { return metric_of_listed(options_, value, value.path); };
  const auto& values = options_.values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (metric(values[i]) != metric(values[j])) continue;
      throw std::invalid_argument("values: '" + values[i].path + "' and '" + values[j].path +
                                  "' would both be the metric '" + metric(values[i]) +
                                  "'; give one of them another 'metric'");
    }
  }
  for (auto column = options_.columns.begin(); column != options_.columns.end(); ++column) {
    if (column->empty() || std::find(options_.columns.begin(), column, *column) == column) continue;
    throw std::invalid_argument("columns: '" + *column + "' stands there twice");
  }
}

void CsvDecoder::bind_columns() {
  time_column_ = column_named(options_.time.path);
  time_of_day_column_ = column_named(options_.time.time_of_day);
  sensor_column_ = column_named(options_.sensor_path);
  metric_column_ = column_named(options_.metric_path);
  label_columns_.clear();
  for (const LabelField& label : options_.labels) label_columns_.push_back(column_named(label.path));
  value_columns_.clear();
  for (std::size_t i = 0; i < options_.values.size(); ++i) {
    const ValueField& value = options_.values[i];
    const std::string_view metric = value.metric.empty() ? value.path : value.metric;
    for (std::size_t index = 0; index < columns_.size(); ++index) {
      if (columns_[index] == value.path && !value.path.empty()) value_columns_.push_back({index, metric, &listed_[i]});
    }
  }
  if (!options_.values.empty()) return;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (is_value_column(i)) value_columns_.push_back({i, {}, nullptr});
  }
}

bool CsvDecoder::is_value_column(std::size_t index) const noexcept {
  return !columns_[index].empty() && index != time_column_ && index != time_of_day_column_ && index != sensor_column_ &&
         index != metric_column_ &&
         std::find(label_columns_.begin(), label_columns_.end(), index) == label_columns_.end();
}

void CsvDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  std::string_view text = message.payload;
  while (text.ends_with('\0')) text.remove_suffix(1);
  bool header = options_.columns.empty();
  if (header && !message.header.empty()) {
    if (!take_header(message.header, out)) return output.refuse(Refusal::bad_syntax, 0);
    header = false;
  }
  rows_.begin(text);
  if (header && skip_known_header(text)) header = false;
  while (!output.full()) {
    const CsvReader::Answer answer = rows_.read(out);
    if (answer == CsvReader::Answer::end) return;
    if (answer == CsvReader::Answer::fault) {
      output.refuse(Refusal::bad_syntax, rows_.at());
      if (header) return;
    } else if (header) {
      take_header_row(text);
      header = false;
    } else if (rows_.fields().size() != columns_.size()) {
      output.refuse(Refusal::bad_syntax, rows_.row_offset());
    } else if (options_.columns.empty() || !is_header()) {
      decode_row(message, output);
    }
  }
}

// The row that was just read.
void CsvDecoder::take_header_row(std::string_view text) {
  const std::string_view row = text.substr(rows_.row_offset(), rows_.next() - rows_.row_offset());
  header_.clear();
  columns_.clear();
  known_columns_.clear();
  for (const CsvReader::Field& one : rows_.fields()) {
    columns_.push_back(one.text);
    known_columns_.push_back({static_cast<std::size_t>(one.text.data() - row.data()), one.text.size()});
  }
  bind_columns();
  const bool is_plain = row.size() <= max_known_header_bytes && row.ends_with('\n') && row.find('"') == row.npos;
  known_header_ = is_plain ? row : std::string_view();
}

// True: it is that of the message before, byte for byte, and its columns are bound. Their names are in this message.
bool CsvDecoder::skip_known_header(std::string_view text) {
  text.remove_prefix(rows_.next());
  if (known_header_.empty() || !text.starts_with(known_header_)) return false;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i] = text.substr(known_columns_[i].offset, known_columns_[i].size);
  }
  rows_.skip_to(rows_.next() + known_header_.size());
  return true;
}

// The lines of a file come one by one, and its header is read once. False: it is none.
bool CsvDecoder::take_header(std::string_view header, DecodedBatch& out) {
  if (header == header_) return true;
  rows_.begin(header);
  if (rows_.read(out) != CsvReader::Answer::row) return false;
  header_ = header;
  known_header_.clear();
  header_names_.clear();
  for (const CsvReader::Field& one : rows_.fields()) header_names_.emplace_back(one.text);
  columns_.assign(header_names_.begin(), header_names_.end());
  bind_columns();
  return true;
}

bool CsvDecoder::is_header() const noexcept {
  return std::equal(rows_.fields().begin(), rows_.fields().end(), columns_.begin(), columns_.end(),
                    [](const CsvReader::Field& field, std::string_view column) { return field.text == column; });
}

void CsvDecoder::decode_row(const Message& message, MessageOutput& output) {
  DecodedReading reading;
  output.begin_record();
  if (const auto fault = read_record(message, reading, output.batch())) return output.refuse(*fault);
  for (const ValueColumn& column : value_columns_) take_value(column, reading, output);
}

std::optional<Fault> CsvDecoder::read_record(const Message& message, DecodedReading& reading, DecodedBatch& out) {
  const std::string_view time = field(time_column_), time_of_day = field(time_of_day_column_);
  if (!time.empty() && !time_of_day.empty()) {
    time_.read_parts(time, time_of_day, message, reading, out);
  } else if (!time.empty()) {
    time_.read(time, message, reading, out);
  }
  reading.sensor = field(sensor_column_);
  if (reading.sensor.empty() && sensor_) reading.sensor = sensor_->expand(message, scratch_, out);
  if (!is_id(reading.sensor, out.max_id_bytes)) return bad_id(sensor_column_, "sensor");
  reading.metric = field(metric_column_);
  if (reading.metric.empty() && metric_) reading.metric = metric_->expand(message, scratch_, out);
  const bool named = metric_ || !options_.metric_path.empty();
  if (named && !is_id(reading.metric, out.max_id_bytes)) return bad_id(metric_column_, "metric");
  return label_columns_.empty() ? std::nullopt : read_labels(reading, out);
}

// In that column; in none of them: the template gave it.
Fault CsvDecoder::bad_id(std::size_t column, std::string_view part) const noexcept {
  if (column == none) return {Refusal::bad_id, rows_.fields().front().offset, part};
  return {Refusal::bad_id, rows_.fields()[column].offset, columns_[column]};
}

std::optional<Fault> CsvDecoder::read_labels(DecodedReading& reading, DecodedBatch& out) const {
  const std::size_t first = out.labels.size();
  for (std::size_t i = 0; i < label_columns_.size(); ++i) {
    const std::string_view text = field(label_columns_[i]);
    if (!is_id_or_empty(text, out.max_id_bytes)) {
      out.labels.resize(first);
      return bad_id(label_columns_[i], options_.labels[i].key);
    }
    if (!text.empty()) out.labels.push_back({options_.labels[i].key, text});
  }
  reading.first_label = static_cast<std::uint32_t>(first);
  reading.label_count = static_cast<std::uint8_t>(out.labels.size() - first);
  return std::nullopt;
}

void CsvDecoder::take_value(const ValueColumn& column, DecodedReading reading, MessageOutput& output) {
  const CsvReader::Field& cell = rows_.fields()[column.index];
  if (cell.text.empty()) return;
  const auto read = reader_.read(cell.text, column.listed ? column.listed->compared_unit() : std::string_view());
  if (const auto* const refusal = std::get_if<Refusal>(&read)) {
    if (column.listed) output.refuse(*refusal, column.listed->field().path, cell.offset);
    if (!column.listed && *refusal == Refusal::not_finite) output.refuse(*refusal, cell.offset);
    return;
  }
  const auto& [number, inexact] = std::get<ValueOfText>(read);
  const bool own_metric = column.listed && !column.listed->field().metric.empty();
  const bool only = column.listed && options_.values.size() == 1;
  if (own_metric || (only && reading.metric.empty())) {
    reading.metric = column.name;
  } else if (!only) {
    const std::string_view name = column.listed ? column.name : columns_[column.index];
    reading.metric = metric_in_record(reading.metric, name, output.batch());
  }
  if (!is_id(reading.metric, output.batch().max_id_bytes)) return output.refuse(bad_id(column.index, {}));
  reading.value = number;
  if (column.listed) {
    reading.unit = column.listed->unit();
    reading.value = column.listed->taken(number);
  }
  output.add(reading, cell.offset, inexact);
}

const Format csv_format{
    .name = "csv",
    .takes = {"sensor.path", "metric.path", "time.path", "time.time_of_day", "values", "labels", "coerce_strings",
              "states", "timezone", "columns", "delimiter"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<CsvDecoder>(options, captures);
    },
    .has_header = true,
};

}  // namespace edgetide
