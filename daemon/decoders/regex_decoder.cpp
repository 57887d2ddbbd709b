#include "daemon/decoders/regex_decoder.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/line_text.h"

namespace edgetide {

namespace {

RegexOptions regex_options(const MappingOptions& options) {
  const auto* const own = dynamic_cast<const RegexOptions*>(options.own.get());
  return own == nullptr ? RegexOptions() : *own;
}

// With the first of these groups as the template where there is none.
MappingOptions with_default(MappingOptions options, std::string MappingOptions::*text, const LinePattern& pattern,
                            std::initializer_list<std::string_view> groups) {
  for (const std::string_view group : groups) {
    if ((options.*text).empty() && pattern.group_named(group) != LinePattern::no_group) {
      options.*text = '{' + std::string(group) + '}';
    }
  }
  return options;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Expressions match characters, and logs have bytes that are none: each is read as Latin-1.
std::string_view as_utf8(std::string_view line, std::string& scratch, DecodedBatch& out) {
  if (is_utf8(line)) return line;
  scratch.clear();
  while (!line.empty()) {
    const std::size_t length = utf8_length(line);
    const auto byte = static_cast<unsigned char>(line.front());
    if (length > 0) {
      scratch += line.substr(0, length);
    } else {
      scratch += {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
    }
    line.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out.keep(scratch);
}

// Names that are looked up must be groups.
void require_groups(const std::string& option, const std::optional<TextTemplate>& text, const LinePattern& pattern) {
  if (!text) return;
  for (const std::string_view name : text->others()) {
    if (pattern.group_named(name) != LinePattern::no_group) continue;
    throw std::invalid_argument(option + ": '{" + std::string(name) +
                                "}' is neither a group of the pattern nor captured by the topic");
  }
}

}  // namespace

RegexDecoder::RegexDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : pattern_(regex_options(options).pattern),
      all_(regex_options(options).all),
      sensor_(sensor_template(with_default(options, &MappingOptions::sensor, pattern_, {"sensor", "device"}),
                              capture_names)),
      metric_(metric_template(with_default(options, &MappingOptions::metric, pattern_, {"metric"}), capture_names)),
      value_(pattern_.group_named("value")),
      time_group_(options.time.path.empty() ? pattern_.group_named("time") : required_group("time", options.time.path)),
      unit_(options.unit),
      reader_(options),
      time_(options) {
  if (!sensor_) {
    throw std::invalid_argument(
        "sensor: nothing names the sensor; set 'sensor', name a group (?P<sensor>...), or capture {device} in the "
        "topic");
  }
  require_groups("sensor", sensor_, pattern_);
  require_groups("metric", metric_, pattern_);
  for (const LabelField& label : options.labels) {
    labels_.push_back({label.key, required_group("labels." + label.key, label.path)});
  }
}

std::size_t RegexDecoder::required_group(const std::string& option, const std::string& name) const {
  const std::size_t group = pattern_.group_named(name);
  if (group == LinePattern::no_group) {
    throw std::invalid_argument(option + ": the pattern has no group (?P<" + name + ">...)");
  }
  return group;
}

void RegexDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  for_each_line(message.payload, [&](std::string_view line, std::size_t offset) {
    if (!output.full()) decode_line(as_utf8(line, scratch_, out), message, offset, output);
  });
}

void RegexDecoder::decode_line(std::string_view line, const Message& message, std::size_t offset,
                               MessageOutput& output) {
  if (!pattern_.find(line, 0)) return output.refuse(Refusal::no_match, offset);
  do {
    const std::size_t first_label = output.batch().labels.size();
    if (const auto fault = add_match(message, offset, output)) {
      output.batch().labels.resize(first_label);
      output.refuse(*fault);
    }
  } while (all_ && !output.full() && pattern_.find(line, pattern_.match_end()));
}

std::optional<Fault> RegexDecoder::add_match(const Message& message, std::size_t offset, MessageOutput& output) {
  DecodedBatch& out = output.batch();
  DecodedReading reading{.sensor = expand(*sensor_, message, out),
                         .metric = metric_ ? expand(*metric_, message, out) : std::string_view("value"),
                         .unit = unit_,
                         .event_time = {},
                         .value = 1,
                         .first_label = static_cast<std::uint32_t>(out.labels.size())};
  if (!is_id(reading.sensor, out.max_id_bytes)) return Fault{Refusal::bad_id, offset, "sensor"};
  if (!is_id(reading.metric, out.max_id_bytes)) return Fault{Refusal::bad_id, offset, "metric"};
  for (const LabelGroup& label : labels_) {
    const std::string_view text = pattern_.text_of(label.group);
    if (!is_id_or_empty(text, out.max_id_bytes)) return Fault{Refusal::bad_id, offset, label.key};
    if (text.empty()) continue;
    out.labels.push_back({label.key, text});
    ++reading.label_count;
  }
  bool inexact = false;
  if (value_ != LinePattern::no_group) {
    const auto read = reader_.read(pattern_.text_of(value_), unit_);
    if (const auto* const refusal = std::get_if<Refusal>(&read)) return Fault{*refusal, offset};
    reading.value = std::get<ValueOfText>(read).number;
    inexact = std::get<ValueOfText>(read).inexact;
  }
  const std::string_view time = pattern_.text_of(time_group_);
  if (time_group_ != LinePattern::no_group && !time.empty()) time_.read(time, message, reading, out);
  output.begin_record();
  output.add(reading, offset, inexact);
  return std::nullopt;
}

std::string_view RegexDecoder::expand(const TextTemplate& text, const Message& message, DecodedBatch& out) {
  return text.expand(message, scratch_, out, [&](std::string_view name) {
    const std::size_t group = pattern_.group_named(name);
    return group == LinePattern::no_group ? std::string_view() : pattern_.text_of(group);
  });
}

const Format regex_format{
    .name = "regex",
    .takes = {"time.path", "labels", "unit", "coerce_strings", "states", "timezone"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<RegexDecoder>(options, captures);
    },
    .lines_have_names = true,
};

}  // namespace edgetide
