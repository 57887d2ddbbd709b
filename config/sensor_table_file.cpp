#include "config/sensor_table_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/file_text.h"
#include "config/report.h"
#include "config/toml_document.h"
#include "daemon/decoders/csv_reader.h"
#include "daemon/decoders/decoder.h"
#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

constexpr std::size_t max_table_bytes = 16 * 1024 * 1024;
const std::string not_an_id = "not at most " + std::to_string(most_id_bytes) + " bytes of printable UTF-8";

[[noreturn]] void fail(const std::string& path, std::size_t line, const std::string& reason) {
  throw std::runtime_error(path + ':' + std::to_string(line) + ": " + escaped(reason));
}

double number_from(const std::string& path, std::size_t line, const std::string& column, const std::string& text) {
  double number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || !std::isfinite(number)) {
    fail(path, line, column + " is \"" + text + "\", not a number");
  }
  return number;
}

void set(const std::string& path, std::size_t line, SensorTable::Row& row, const std::string& column,
         const std::string& text) {
  if (text.empty()) return;
  if (column == "scale") {
    row.calibration.scale = number_from(path, line, column, text);
  } else if (column == "offset") {
    row.calibration.offset = number_from(path, line, column, text);
  } else {
    // As strictly as those of peers: they reach terminals, JSON and the stores.
    if (!is_id(column, most_id_bytes)) fail(path, line, "label '" + column + "': " + not_an_id);
    if (!is_id_or_empty(text, most_id_bytes))
      fail(path, line, "label " + column + " is \"" + text + "\": " + not_an_id);
    row.labels.push_back({column, text});
  }
}

void add(const std::string& path, std::size_t line, SensorTable& table, const std::string& sensor,
         SensorTable::Row row) {
  if (sensor.empty()) fail(path, line, "no sensor is named");
  if (!is_id(sensor, most_id_bytes)) fail(path, line, "sensor '" + sensor + "': " + not_an_id);
  if (!table.add(sensor, std::move(row))) fail(path, line, "sensor '" + sensor + "' has a row already");
}

// Without lines that begin with '#'; they stay as empty lines, so that the others keep their numbers.
std::string without_comments(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!text.starts_with('#')) kept += text.substr(0, end);
    kept += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return kept;
}

SensorTable from_csv(const std::string& path, std::string_view file_text, const std::string& key_column) {
  const std::string text = without_comments(file_text);
  SensorTable table;
  std::vector<std::string> header;
  std::size_t key = 0;
  CsvReader rows;
  DecodedBatch kept;
  rows.begin(text);
  std::size_t line = 1, counted = 0;  // line feeds up to this byte
  for (auto answer = rows.read(kept); answer != CsvReader::Answer::end; answer = rows.read(kept)) {
    for (; counted < rows.row_offset(); ++counted) line += text[counted] == '\n' ? 1 : 0;
    if (answer == CsvReader::Answer::fault) fail(path, line, "a quote is not closed, or stands inside a field");
    const std::vector<CsvReader::Field>& fields = rows.fields();
    if (header.empty()) {
      for (const CsvReader::Field& field : fields) {
        if (std::find(header.begin(), header.end(), field.text) != header.end()) {
          fail(path, line, "there are two columns '" + std::string(field.text) + "'");
        }
        header.emplace_back(field.text);
      }
      key = static_cast<std::size_t>(std::find(header.begin(), header.end(), key_column) - header.begin());
      if (key == header.size()) fail(path, line, "there is no column '" + key_column + "' for the sensor");
      continue;
    }
    if (fields.size() != header.size()) {
      fail(path, line, std::to_string(fields.size()) + " fields, the header has " + std::to_string(header.size()));
    }
    SensorTable::Row row;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i != key) set(path, line, row, header[i], std::string(fields[i].text));
    }
    add(path, line, table, std::string(fields[key].text), std::move(row));
  }
  if (header.empty()) fail(path, 1, "the file is empty; it needs a header");
  return table;
}

SensorTable from_toml(const std::string& path, std::string text) {
  SourceFile file;
  file.path = path;
  file.text = std::move(text);
  Report report;
  const std::optional<Node> root = parse_toml(file, report);
  if (!root) {
    const ConfigMessage error = report.take_errors().at(0);
    throw std::runtime_error(path + ':' + std::to_string(error.line) + ':' + std::to_string(error.column) + ": " +
                             error.text);
  }
  SensorTable table;
  for (const Node& sensor : root->children) {
    if (sensor.kind != Node::Kind::table)
      fail(path, sensor.key_location.line, sensor.key + " is not a table of a sensor");
    SensorTable::Row row;
    for (const Node& column : sensor.children) {
      const bool is_number = column.kind == Node::Kind::integer || column.kind == Node::Kind::real;
      if (!is_number && column.kind != Node::Kind::text) {
        fail(path, column.location.line, column.key + " is neither a string nor a number");
      }
      const double number = column.kind == Node::Kind::real ? column.real : static_cast<double>(column.integer);
      if (is_number && column.key == "scale") {
        row.calibration.scale = number;
      } else if (is_number && column.key == "offset") {
        row.calibration.offset = number;
      } else if (is_number) {
        fail(path, column.location.line, column.key + " is a label; write it in quotes");
      } else {
        set(path, column.location.line, row, column.key, column.text);
      }
    }
    add(path, sensor.key_location.line, table, sensor.key, std::move(row));
  }
  return table;
}

}  // namespace

std::shared_ptr<const SensorTable> load_sensor_table(const std::string& path, const std::string& key_column) {
  FileText file = read_file_text(path, max_table_bytes);
  if (!file.error.empty()) throw std::runtime_error(path + ": " + file.error);
  return std::make_shared<const SensorTable>(path.ends_with(".toml") ? from_toml(path, std::move(file.text))
                                                                     : from_csv(path, file.text, key_column));
}

}  // namespace edgetide
