#include "daemon/decoders/statsd_decoder.h"

#include <algorithm>
#include <memory>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/line_text.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/time_field.h"

namespace edgetide {

namespace {

// What stands before the first of these, which is taken off too; all if there is none.
std::string_view take_until(std::string_view& text, std::string_view delimiters) noexcept {
  const std::size_t end = std::min(text.find_first_of(delimiters), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::optional<Fault> take_tag_list(std::string_view tags, std::size_t offset, std::size_t first_label,
                                   DecodedBatch& out) {
  const char* const begin = tags.data();
  const auto fault = [&](Refusal reason, std::string_view text, std::string_view part) {
    return Fault{reason, offset + static_cast<std::size_t>(text.data() - begin), part};
  };
  while (!tags.empty()) {
    std::string_view value = take_until(tags, ",");
    const std::string_view key = take_until(value, ":");
    if (key.empty() && value.empty()) continue;
    if (out.labels.size() - first_label == DottedNames::max_tags) return fault(Refusal::too_many_values, key, {});
    if (!is_id(key, out.max_id_bytes)) return fault(Refusal::bad_id, key, "tag key");
    if (!is_id_or_empty(value, out.max_id_bytes)) return fault(Refusal::bad_id, value, "tag value");
    out.labels.push_back({key, value});
  }
  return std::nullopt;
}

bool is_timer(std::string_view type) noexcept {
  return type == "ms" || type == "h" || type == "d";
}

}  // namespace

void StatsdDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  for_each_line(message.payload, [&](std::string_view line, std::size_t offset) {
    if (!output.full()) decode_line(line, message, offset, output);
  });
}

void StatsdDecoder::decode_line(std::string_view line, const Message& message, std::size_t offset,
                                MessageOutput& output) {
  if (line.starts_with("_e{") || line.starts_with("_sc|")) return output.refuse(Refusal::unsupported, offset);
  const std::string_view path = take_until(line, ":");
  if (line.empty()) return output.refuse(Refusal::bad_syntax, offset);
  if (!is_id(path, output.batch().max_id_bytes)) return output.refuse(Refusal::bad_id, "name", offset);
  output.begin_record();
  while (!line.empty() && !output.full()) {
    Values values{.numbers = {}, .type = {}, .time = {}, .first_label = output.batch().labels.size()};
    const std::size_t at = offset + static_cast<std::size_t>(line.data() - path.data());
    if (const auto fault = take_values(line, at, values, output.batch())) {
      output.batch().labels.resize(values.first_label);
      return output.refuse(*fault);
    }
    add(path, values, message, offset, output);
  }
}

// "1:2|ms|@0.1|#a:b|T5", or up to the next value in "1|g:2|g".
std::optional<Fault> StatsdDecoder::take_values(std::string_view& line, std::size_t offset, Values& values,
                                                DecodedBatch& out) const {
  const char* const begin = line.data();
  values.numbers = take_until(line, "|");
  std::string_view section = take_until(line, "|");
  values.type = take_until(section, ":");
  if (!section.empty()) {  // a value follows, and its sections
    line = std::string_view(section.data(), static_cast<std::size_t>(line.data() + line.size() - section.data()));
    return std::nullopt;
  }
  while (!line.empty()) {
    section = take_until(line, "|");
    if (section.starts_with('#')) {
      section.remove_prefix(1);
      const std::size_t at = offset + static_cast<std::size_t>(section.data() - begin);
      if (const auto fault = take_tag_list(section, at, values.first_label, out)) return fault;
    } else if (section.starts_with('T')) {
      values.time = time_of_text(section.substr(1), TimeFormat::unix_s).value_or(unreadable_time);
    }
  }
  return std::nullopt;
}

void StatsdDecoder::add(std::string_view path, const Values& values, const Message& message, std::size_t offset,
                        MessageOutput& output) {
  const bool timer = is_timer(values.type);
  if (values.type.empty()) return output.refuse(Refusal::bad_syntax, offset);
  if (!timer && values.type != "g") return output.refuse(Refusal::unsupported, offset);
  DecodedReading reading;
  const std::string_view bad = names_.name(path, values.first_label, message, reading, output.batch());
  if (!bad.empty()) return output.refuse(Refusal::bad_id, bad, offset);
  reading.event_time = values.time;
  if (values.type == "ms") reading.unit = "ms";
  for (std::string_view rest = values.numbers; !rest.empty();) {
    const std::string_view text = take_until(rest, ":");
    const auto number = exact_number(text.starts_with('+') ? text.substr(1) : text);
    const bool is_step = !timer && (text.starts_with('+') || text.starts_with('-'));
    if (!number) {
      output.refuse(is_not_finite(text) ? Refusal::not_finite : Refusal::bad_number, offset);
    } else if (is_step) {
      output.refuse(Refusal::unsupported, offset);
    } else {
      reading.value = *number;
      output.begin_record();  // values of one name follow each other in time
      output.add(reading, offset);
    }
  }
}

const Format statsd_format{
    .name = "statsd",
    .takes = {},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<StatsdDecoder>(options, captures);
    },
    .lines_have_names = true,
};

}  // namespace edgetide
