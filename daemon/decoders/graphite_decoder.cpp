#include "daemon/decoders/graphite_decoder.h"

#include <memory>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/line_text.h"
#include "daemon/decoders/number_text.h"

namespace edgetide {

namespace {

// The word at the front, without the blanks behind it.
std::string_view take_word(std::string_view& line) noexcept {
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return word;
}

// The tags of "path;tag=value" as labels of the batch; takes them off the path.
std::optional<Fault> take_tags(std::string_view& path, std::size_t offset, DecodedBatch& out) {
  const char* const begin = path.data();
  const auto bad_id = [&](std::string_view text, std::string_view part) {
    return Fault{Refusal::bad_id, offset + static_cast<std::size_t>(text.data() - begin), part};
  };
  const std::size_t first = out.labels.size();
  std::size_t at = path.find(';');
  std::string_view rest = at == std::string_view::npos ? std::string_view() : path.substr(at);
  path = path.substr(0, at);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    at = std::min(rest.find(';'), rest.size());
    const std::string_view tag = rest.substr(0, at);
    rest.remove_prefix(at);
    const std::size_t equals = tag.find('=');
    if (equals == std::string_view::npos) return Fault{Refusal::bad_syntax, offset};
    if (out.labels.size() - first == DottedNames::max_tags) return Fault{Refusal::too_many_values, offset};
    const std::string_view key = tag.substr(0, equals), value = tag.substr(equals + 1);
    if (!is_id(key, out.max_id_bytes)) return bad_id(key, "tag key");
    if (!is_id(value, out.max_id_bytes)) return bad_id(value, "tag value");
    out.labels.push_back({key, value});
  }
  return std::nullopt;
}

}  // namespace

void GraphiteDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  for_each_line(message.payload, [&](std::string_view line, std::size_t offset) {
    if (output.full()) return;
    const std::size_t first_label = out.labels.size();
    const auto fault = decode_line(line, message, offset, output);
    if (!fault) return;
    out.labels.resize(first_label);
    output.refuse(*fault);
  });
}

std::optional<Fault> GraphiteDecoder::decode_line(std::string_view line, const Message& message, std::size_t offset,
                                                  MessageOutput& output) {
  DecodedBatch& out = output.batch();
  const std::size_t first_label = out.labels.size();
  std::string_view path = take_word(line);
  const std::string_view value = take_word(line), time = take_word(line);
  if (value.empty() || !line.empty()) return Fault{Refusal::bad_syntax, offset};
  if (const auto fault = take_tags(path, offset, out)) return fault;
  DecodedReading reading;
  const std::string_view bad = names_.name(path, first_label, message, reading, out);
  if (!bad.empty()) return Fault{Refusal::bad_id, offset, bad};
  const auto number = exact_number(value);
  if (!number) return Fault{is_not_finite(value) ? Refusal::not_finite : Refusal::bad_number, offset};
  reading.value = *number;
  if (!time.empty() && time != "-1" && time != "N") time_.read(time, message, reading, out);
  const auto integer = exact_integer(value);
  output.begin_record();
  output.add(reading, offset, integer && is_inexact(*integer));
  return std::nullopt;
}

const Format graphite_format{
    .name = "graphite",
    .takes = {"timezone"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<GraphiteDecoder>(options, captures);
    },
    .lines_have_names = true,
};

}  // namespace edgetide
