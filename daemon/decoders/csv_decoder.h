// Comma-separated values: one record per line, columns named by `columns`, by the header that comes with a message, or
// by the first line of each message.
//
// Values.  Numbers and text as value_text.h reads them. Listed columns (`values`): an empty field is absent, a field
//          that is not a value is refused. Without a list, every column that is not time, sensor, metric or label is a
//          value where it holds one; other text and columns without a name are ignored.
// Metric.  A listed value's own `metric`, otherwise the column's name. If the record has a metric (`metric_path`,
//          `metric`, or {metric} in the topic): that metric for the only listed value and for a column "value",
//          "metric.column" for others.
// Sensor.  The `sensor_path` column; if it is empty or missing, the `sensor` template.
// Lines.   As csv_reader.h reads them. A line with more or fewer fields than columns is bad_syntax, and decoding
//          continues with the next line. Lines that repeat `columns` are skipped. An invalid sensor, metric or label
//          refuses its line; a time that cannot be read leaves its readings with unreadable_time. Two listed values of
//          one metric and two `columns` of one name are an error; a header that has the name of a value twice gives
//          repeated_name.
//
// Thread, Fails: see decoder.h.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/csv_reader.h"
#include "daemon/decoders/decoder.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/text_template.h"
#include "daemon/decoders/time_field.h"
#include "daemon/decoders/value_text.h"

namespace edgetide {

class CsvDecoder final : public Decoder {
 public:
  CsvDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  struct ValueColumn {
    std::size_t index;
    std::string_view name;      // of a listed one; that of others is the column's
    const ListedValue* listed;  // of `listed_`; null if it is not
  };
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  std::size_t column_named(std::string_view name) const noexcept;
  void require_columns() const;
  void check_names() const;
  void bind_columns();
  bool is_value_column(std::size_t index) const noexcept;
  bool is_header() const noexcept;
  bool take_header(std::string_view header, DecodedBatch& out);
  void take_header_row(std::string_view text);
  bool skip_known_header(std::string_view text);
  void decode_row(const Message& message, MessageOutput& output);
  std::optional<Fault> read_record(const Message& message, DecodedReading& reading, DecodedBatch& out);
  std::optional<Fault> read_labels(DecodedReading& reading, DecodedBatch& out) const;
  Fault bad_id(std::size_t column, std::string_view part) const noexcept;
  void take_value(const ValueColumn& column, DecodedReading reading, MessageOutput& output);
  std::string_view field(std::size_t column) const noexcept {
    return column == none ? std::string_view() : rows_.fields()[column].text;
  }

  MappingOptions options_;
  CsvReader rows_;
  ValueReader reader_;
  TimeReader time_;
  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  std::vector<ListedValue> listed_;  // those of the options

  // Columns, and where in a row things are; bound once, or per message by its header.
  std::vector<std::string_view> columns_;
  std::string header_;                     // that came with a message
  std::vector<std::string> header_names_;  // and its columns
  struct Part {
    std::size_t offset, size;
  };
  std::string known_header_;         // the first line of a message, if others may begin with the same
  std::vector<Part> known_columns_;  // what their names are of it
  std::size_t time_column_ = none;
  std::size_t time_of_day_column_ = none;
  std::size_t sensor_column_ = none;
  std::size_t metric_column_ = none;
  std::vector<std::size_t> label_columns_;
  std::vector<ValueColumn> value_columns_;

  std::string scratch_;
};

extern const Format csv_format;

}  // namespace edgetide
