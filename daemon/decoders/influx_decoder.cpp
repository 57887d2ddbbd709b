#include "daemon/decoders/influx_decoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/line_text.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/payload_text.h"

namespace edgetide {

namespace {

constexpr std::size_t max_tags = 32;

constexpr bool is_escapable(char c) noexcept {
  return c == ',' || c == '=' || c == ' ' || c == '\\';
}

using Stops = InfluxDecoder::Stops;

constexpr Stops stops_at(std::string_view characters) noexcept {
  Stops stops{};
  for (const char c : characters) stops[static_cast<unsigned char>(c)] = true;
  return stops;
}

using namespace std::string_view_literals;
constexpr Stops measurement_stops = stops_at(", \\\0\r\n"sv);
constexpr Stops name_stops = stops_at(",= \\\0\r\n"sv);
constexpr Stops value_stops = stops_at(", \r\n");
constexpr Stops time_stops = stops_at(" \r\n");

std::size_t skip_to(const Stops& stops, std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && !stops[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

bool any_of(std::string_view text, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::optional<double> boolean_of(std::string_view text) {
  constexpr std::array<std::string_view, 5> yes = {"t", "T", "true", "True", "TRUE"};
  constexpr std::array<std::string_view, 5> no = {"f", "F", "false", "False", "FALSE"};
  if (any_of(text, yes)) return 1;
  if (any_of(text, no)) return 0;
  return std::nullopt;
}

template <typename Integer>
std::optional<ValueOfText> integer_of(std::string_view text) {
  Integer number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return ValueOfText{static_cast<double>(number), is_inexact(number)};
}

std::optional<ValueOfText> field_value(std::string_view text) {
  if (text.back() == 'i') return integer_of<std::int64_t>(text.substr(0, text.size() - 1));
  if (text.back() == 'u') return integer_of<std::uint64_t>(text.substr(0, text.size() - 1));
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  if (const auto number = exact_number(text)) return ValueOfText{*number};
  if (const auto boolean = boolean_of(text)) return ValueOfText{*boolean};
  return std::nullopt;
}

}  // namespace

InfluxDecoder::InfluxDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(sensor_template(options, capture_names)),
      metric_(metric_of_route(options, capture_names)),
      reader_(options),
      time_(options) {}

void InfluxDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  const std::string_view text = text_of_payload(message.payload);
  at_ = static_cast<std::size_t>(text.data() - message.payload.data());
  text_ = message.payload.substr(0, at_ + text.size());
  while (at_ < text_.size() && !output.full()) {
    while (next() == ' ' || next() == '\t' || next() == '\0') ++at_;
    const std::size_t start = at_;
    if (at_line_end(text_, at_) || text_[at_] == '#') {
      at_ = next_line(text_, at_);
    } else if (const auto failure = decode_line(message, output)) {
      output.refuse(*failure);
      at_ = next_line(text_, start);
    }
  }
}

std::optional<Fault> InfluxDecoder::decode_line(const Message& message, MessageOutput& output) {
  DecodedBatch& out = output.batch();
  const std::size_t start = at_;
  const std::size_t first_label = out.labels.size();
  Line line;
  if (const auto failure = read_line(message, line, out)) {
    out.labels.resize(first_label);
    return failure;
  }
  line.tags = std::span<const LabelView>(out.labels).subspan(first_label);
  DecodedReading reading = line.time;
  reading.sensor = sensor_of(line, message, out);
  reading.first_label = static_cast<std::uint32_t>(first_label);
  reading.label_count = static_cast<std::uint8_t>(line.tags.size());
  if (!is_id(reading.sensor, out.max_id_bytes)) return Fault{Refusal::bad_id, start, "sensor"};
  output.begin_record();
  for (const Field& field : fields_) {
    if (!output.full()) take_field(field, line, message, reading, output);
  }
  return std::nullopt;
}

std::optional<Fault> InfluxDecoder::read_line(const Message& message, Line& line, DecodedBatch& out) {
  const std::size_t start = at_;
  line.measurement = take_name(measurement_stops, out);
  if (line.measurement.empty()) return Fault{Refusal::bad_syntax, start};
  if (!is_id(line.measurement, out.max_id_bytes)) return Fault{Refusal::bad_id, start, "measurement"};
  if (const auto failure = read_tags(out)) return failure;
  if (next() != ' ') return Fault{Refusal::bad_syntax, at_};
  while (next() == ' ') ++at_;
  if (const auto failure = read_fields(out)) return failure;
  if (const auto failure = read_time(message, line, out)) return failure;
  at_ = next_line(text_, at_);
  return std::nullopt;
}

std::optional<Fault> InfluxDecoder::read_tags(DecodedBatch& out) {
  const std::size_t first = out.labels.size();
  while (next() == ',') {
    const std::size_t start = ++at_;
    const std::string_view key = take_name(name_stops, out);
    if (key.empty() || next() != '=') return Fault{Refusal::bad_syntax, at_};
    const std::size_t value_start = ++at_;
    const std::string_view value = take_name(name_stops, out);
    if (value.empty() || next() == '=') return Fault{Refusal::bad_syntax, at_};
    if (!is_id(key, out.max_id_bytes)) return Fault{Refusal::bad_id, start, "tag key"};
    if (!is_id(value, out.max_id_bytes)) return Fault{Refusal::bad_id, value_start, "tag value"};
    const auto tags = std::span<const LabelView>(out.labels).subspan(first);
    if (tags.size() == max_tags) return Fault{Refusal::too_many_values, start};
    if (!tag_named(tags, key).empty()) return Fault{Refusal::bad_syntax, start};
    out.labels.push_back({key, value});
  }
  return std::nullopt;
}

std::optional<Fault> InfluxDecoder::read_fields(DecodedBatch& out) {
  fields_.clear();
  for (;;) {
    const std::size_t start = at_;
    const std::string_view key = take_name(name_stops, out);
    if (key.empty() || next() != '=') return Fault{Refusal::bad_syntax, at_};
    const std::size_t value = ++at_;
    if (!skip_field_value()) return Fault{Refusal::bad_syntax, value};
    if (fields_.size() == max_values_per_message) return Fault{Refusal::too_many_values, start};
    fields_.push_back({key, text_.substr(value, at_ - value), start});
    if (next() != ',') return std::nullopt;
    ++at_;
  }
}

// False for an empty value, and for a text without its closing quote.
bool InfluxDecoder::skip_field_value() {
  const std::size_t start = at_;
  if (next() != '"') {
    at_ = skip_to(value_stops, text_, at_);
    return at_ > start;
  }
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      return next() == ',' || next() == ' ' || at_line_end(text_, at_);
    }
    if (text_[at_] == '\\') ++at_;
  }
  at_ = text_.size();
  return false;
}

std::optional<Fault> InfluxDecoder::read_time(const Message& message, Line& line, DecodedBatch& out) {
  while (next() == ' ') ++at_;
  if (at_line_end(text_, at_)) return std::nullopt;
  const std::size_t start = at_;
  at_ = skip_to(time_stops, text_, at_);
  std::string_view time = text_.substr(start, at_ - start);
  if (time.ends_with('\0')) time.remove_suffix(1);
  time_.read(time, message, line.time, out);
  while (next() == ' ') ++at_;
  return at_line_end(text_, at_) ? std::nullopt : std::optional(Fault{Refusal::bad_syntax, at_});
}

void InfluxDecoder::take_field(const Field& field, const Line& line, const Message& message, DecodedReading reading,
                               MessageOutput& output) {
  const auto value = read_value(field.value);
  if (const auto* const refusal = std::get_if<Refusal>(&value)) {
    if (field.value.front() != '"' || *refusal == Refusal::not_finite) output.refuse(*refusal, field.offset);
    return;
  }
  const bool by_measurement = reading.sensor.data() == line.measurement.data();
  reading.metric = metric_of(field, line, message, by_measurement, output.batch());
  if (!is_id(reading.metric, output.batch().max_id_bytes)) return output.refuse(Refusal::bad_id, "field", field.offset);
  reading.value = std::get<ValueOfText>(value).number;
  output.add(reading, field.offset, std::get<ValueOfText>(value).inexact);
}

// Requires: the text is not empty; a string has its quotes.
std::variant<ValueOfText, Refusal> InfluxDecoder::read_value(std::string_view text) const {
  if (text.front() == '"') return reader_.read(text.substr(1, text.size() - 2), {});
  if (text.size() > 1 && text.ends_with('\0')) text.remove_suffix(1);
  if (const auto value = field_value(text)) return *value;
  return is_not_finite(text) ? Refusal::not_finite : Refusal::bad_number;
}

std::string_view InfluxDecoder::sensor_of(const Line& line, const Message& message, DecodedBatch& out) {
  if (sensor_) {
    return sensor_->expand(message, scratch_, out, [&line](std::string_view name) {
      return name == "measurement" ? line.measurement : tag_named(line.tags, name);
    });
  }
  for (const std::string_view key : {"sensor", "device", "host", "id"}) {
    if (const std::string_view value = tag_named(line.tags, key); !value.empty()) return value;
  }
  return line.measurement;
}

std::string_view InfluxDecoder::metric_of(const Field& field, const Line& line, const Message& message,
                                          bool by_measurement, DecodedBatch& out) {
  if (metric_) {
    return metric_->expand(message, scratch_, out, [&](std::string_view name) {
      if (name == "field") return field.key;
      return name == "measurement" ? line.measurement : tag_named(line.tags, name);
    });
  }
  return by_measurement ? field.key : metric_in_record(line.measurement, field.key, out);
}

// Takes a name up to a delimiter or the end of the line, without its escapes.
std::string_view InfluxDecoder::take_name(const Stops& stops, DecodedBatch& out) {
  const std::size_t start = at_;
  bool escaped = false;
  for (;; ++at_) {
    at_ = skip_to(stops, text_, at_);
    if (at_line_end(text_, at_)) break;
    if (text_[at_] == '\\') {
      if (at_ + 1 == text_.size() || !is_escapable(text_[at_ + 1])) continue;
      escaped = true;
      ++at_;
    } else if (text_[at_] >= ' ') {
      break;
    }
  }
  const std::string_view raw = text_.substr(start, at_ - start);
  if (!escaped) return raw;
  scratch_.clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size() && is_escapable(raw[i + 1])) ++i;
    scratch_ += raw[i];
  }
  return out.keep(scratch_);
}

const Format influx_format{
    .name = "influx",
    .takes = {"coerce_strings", "states", "timezone"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<InfluxDecoder>(options, captures);
    },
    .lines_have_names = true,
};

}  // namespace edgetide
