#include "daemon/decoders/influx_decoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/line_text.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/time_field.h"

namespace edgetide {

namespace {

constexpr std::size_t max_tags = 32;

constexpr bool is_escapable(char c) noexcept {
  return c == ',' || c == '=' || c == ' ' || c == '\\';
}

constexpr bool is_one_of(char c, std::string_view characters) noexcept {
  for (const char candidate : characters) {
    if (c == candidate) return true;
  }
  return false;
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
std::optional<double> integer_of(std::string_view text) {
  Integer number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(number);
}

std::optional<double> field_value(std::string_view text) {
  if (text.back() == 'i') return integer_of<std::int64_t>(text.substr(0, text.size() - 1));
  if (text.back() == 'u') return integer_of<std::uint64_t>(text.substr(0, text.size() - 1));
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  if (const auto number = exact_number(text)) return number;
  return boolean_of(text);
}

std::string_view tag_named(std::span<const LabelView> tags, std::string_view key) {
  const auto tag = std::find_if(tags.begin(), tags.end(), [&](const LabelView& label) { return label.key == key; });
  return tag == tags.end() ? std::string_view() : tag->value;
}

}  // namespace

InfluxDecoder::InfluxDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(sensor_template(options, capture_names)),
      metric_(options.metric.empty() ? std::nullopt : metric_template(options, capture_names)),
      time_format_(options.time.format) {}

void InfluxDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  text_ = message.payload;
  at_ = 0;
  while (at_ < text_.size() && !output.full()) {
    while (next() == ' ') ++at_;
    const std::size_t start = at_;
    if (at_line_end(text_, at_) || text_[at_] == '#') {
      at_ = next_line(text_, at_);
    } else if (const auto failure = decode_line(message, output)) {
      output.refuse(failure->reason, failure->offset);
      at_ = next_line(text_, start);
    }
  }
}

std::optional<InfluxDecoder::Failure> InfluxDecoder::decode_line(const Message& message, MessageOutput& output) {
  DecodedBatch& out = output.batch();
  const std::size_t start = at_;
  const std::size_t first_label = out.labels.size();
  Line line;
  if (const auto failure = read_line(line, out)) {
    out.labels.resize(first_label);
    return failure;
  }
  line.tags = std::span<const LabelView>(out.labels).subspan(first_label);
  DecodedReading reading;
  reading.sensor = sensor_of(line, message, out);
  reading.event_time = line.time;
  reading.first_label = static_cast<std::uint32_t>(first_label);
  reading.label_count = static_cast<std::uint32_t>(line.tags.size());
  if (!is_id(reading.sensor)) return Failure{Refusal::bad_id, start};
  for (const Field& field : fields_) {
    if (!output.full()) take_field(field, line, message, reading, output);
  }
  return std::nullopt;
}

std::optional<InfluxDecoder::Failure> InfluxDecoder::read_line(Line& line, DecodedBatch& out) {
  const std::size_t start = at_;
  line.measurement = take_name(", ", out);
  if (line.measurement.empty()) return Failure{Refusal::bad_syntax, start};
  if (!is_id(line.measurement)) return Failure{Refusal::bad_id, start};
  if (const auto failure = read_tags(out)) return failure;
  if (next() != ' ') return Failure{Refusal::bad_syntax, at_};
  while (next() == ' ') ++at_;
  if (const auto failure = read_fields(out)) return failure;
  if (const auto failure = read_time(line)) return failure;
  at_ = next_line(text_, at_);
  return std::nullopt;
}

std::optional<InfluxDecoder::Failure> InfluxDecoder::read_tags(DecodedBatch& out) {
  const std::size_t first = out.labels.size();
  while (next() == ',') {
    const std::size_t start = ++at_;
    const std::string_view key = take_name(",= ", out);
    if (key.empty() || next() != '=') return Failure{Refusal::bad_syntax, at_};
    ++at_;
    const std::string_view value = take_name(",= ", out);
    if (value.empty() || next() == '=') return Failure{Refusal::bad_syntax, at_};
    if (!is_id(key) || !is_id(value)) return Failure{Refusal::bad_id, start};
    const auto tags = std::span<const LabelView>(out.labels).subspan(first);
    if (tags.size() == max_tags) return Failure{Refusal::too_many_values, start};
    if (!tag_named(tags, key).empty()) return Failure{Refusal::bad_syntax, start};
    out.labels.push_back({key, value});
  }
  return std::nullopt;
}

std::optional<InfluxDecoder::Failure> InfluxDecoder::read_fields(DecodedBatch& out) {
  fields_.clear();
  for (;;) {
    const std::size_t start = at_;
    const std::string_view key = take_name(",= ", out);
    if (key.empty() || next() != '=') return Failure{Refusal::bad_syntax, at_};
    const std::size_t value = ++at_;
    if (!skip_field_value()) return Failure{Refusal::bad_syntax, value};
    if (fields_.size() == max_values_per_message) return Failure{Refusal::too_many_values, start};
    fields_.push_back({key, text_.substr(value, at_ - value), start});
    if (next() != ',') return std::nullopt;
    ++at_;
  }
}

void InfluxDecoder::skip_to(std::string_view delimiters) {
  while (at_ < text_.size() && !is_one_of(text_[at_], delimiters)) ++at_;
}

// False for an empty value, and for a text without its closing quote.
bool InfluxDecoder::skip_field_value() {
  const std::size_t start = at_;
  if (next() != '"') {
    skip_to(", \r\n");
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

std::optional<InfluxDecoder::Failure> InfluxDecoder::read_time(Line& line) {
  while (next() == ' ') ++at_;
  if (at_line_end(text_, at_)) return std::nullopt;
  const std::size_t start = at_;
  skip_to(" \r\n");
  line.time = time_of_text(text_.substr(start, at_ - start), time_format_);
  if (!line.time) return Failure{Refusal::bad_time, start};
  while (next() == ' ') ++at_;
  return at_line_end(text_, at_) ? std::nullopt : std::optional(Failure{Refusal::bad_syntax, at_});
}

void InfluxDecoder::take_field(const Field& field, const Line& line, const Message& message, DecodedReading reading,
                               MessageOutput& output) {
  if (field.value.front() == '"') return;
  const auto value = field_value(field.value);
  if (!value) return output.refuse(Refusal::bad_number, field.offset);
  const bool by_measurement = reading.sensor.data() == line.measurement.data();
  reading.metric = metric_of(field, line, message, by_measurement, output.batch());
  if (!is_id(reading.metric)) return output.refuse(Refusal::bad_id, field.offset);
  reading.value = *value;
  output.add(reading, field.offset);
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
  return by_measurement ? field.key : metric_in_record(line.measurement, field.key, scratch_, out);
}

// Takes a name up to a delimiter or the end of the line, without its escapes.
std::string_view InfluxDecoder::take_name(std::string_view delimiters, DecodedBatch& out) {
  const std::size_t start = at_;
  bool escaped = false;
  for (; !at_line_end(text_, at_) && !is_one_of(text_[at_], delimiters); ++at_) {
    if (text_[at_] == '\\' && at_ + 1 < text_.size() && is_escapable(text_[at_ + 1])) {
      escaped = true;
      ++at_;
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
    .takes = {},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<InfluxDecoder>(options, captures);
    },
    .lines_have_names = true,
};

}  // namespace edgetide
