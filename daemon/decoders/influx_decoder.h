// InfluxDB line protocol: measurement[,tag=value...] field=value[,field=value...] [time]
//
// Sensor.  The `sensor` template, which may use {measurement} and the line's tag names besides captures; otherwise
//          {device} or {sensor} of the topic; otherwise the first of the tags "sensor", "device", "host" and "id";
//          otherwise the measurement.
// Metric.  The `metric` template, which may use {measurement}, {field} and tag names; otherwise the field's name if the
//          sensor is the measurement, and "measurement.field" if not ("measurement" for a field named "value").
// Labels.  All tags. Units: none.
// Values.  Floats, integers (45i, 45u), booleans as 1 and 0; quoted strings as value_text.h reads them, others are
//          ignored; anything else is bad_number, or not_finite.
// Time.    In `time.format`; `auto` decides by magnitude. A line without a time gets the arrival time; one that cannot
//          be read leaves its readings with unreadable_time.
// Lines.   A bad line is one refusal, and decoding continues with the next. Empty lines and lines that begin with '#'
//          are skipped.
//
// See: InfluxDB line protocol reference: "\" escapes ',', '=', ' ' and itself, elsewhere it is literal;
//         quoted strings may hold newlines.
// Limit:  32 tags a line.
// Thread, Fails: see decoder.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/text_template.h"
#include "daemon/decoders/time_field.h"
#include "daemon/decoders/value_text.h"

namespace edgetide {

class InfluxDecoder final : public Decoder {
 public:
  // By byte: a scan of a name or a value has to look closer there.
  using Stops = std::array<bool, 256>;

  InfluxDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;

 private:
  struct Field {
    std::string_view key;
    std::string_view value;  // as written; a quoted text with its quotes
    std::size_t offset;
  };
  struct Line {
    std::string_view measurement;
    DecodedReading time;  // of its readings
    std::span<const LabelView> tags;
  };
  std::optional<Fault> decode_line(const Message& message, MessageOutput& output);
  std::optional<Fault> read_line(const Message& message, Line& line, DecodedBatch& out);
  std::optional<Fault> read_tags(DecodedBatch& out);
  std::optional<Fault> read_fields(DecodedBatch& out);
  std::optional<Fault> read_time(const Message& message, Line& line, DecodedBatch& out);
  std::variant<ValueOfText, Refusal> read_value(std::string_view text) const;
  bool skip_field_value();
  void take_field(const Field& field, const Line& line, const Message& message, DecodedReading reading,
                  MessageOutput& output);
  std::string_view sensor_of(const Line& line, const Message& message, DecodedBatch& out);
  std::string_view metric_of(const Field& field, const Line& line, const Message& message, bool by_measurement,
                             DecodedBatch& out);
  std::string_view take_name(const Stops& stops, DecodedBatch& out);
  char next() const noexcept { return at_ < text_.size() ? text_[at_] : '\n'; }

  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  ValueReader reader_;
  TimeReader time_;

  // Of the line that is being decoded; reused.
  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Field> fields_;
  std::string scratch_;
};

extern const Format influx_format;

}  // namespace edgetide
