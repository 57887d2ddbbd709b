#include "daemon/decoders/keyvalue_decoder.h"

#include <algorithm>
#include <memory>

#include "daemon/decoders/line_text.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/number_text.h"

namespace edgetide {

namespace {

constexpr std::string_view between_pairs = ",;& \t";
constexpr std::string_view name_ends = "=,;& \t";

// False: nothing is left.
bool skip_separators(std::string_view& line) noexcept {
  line.remove_prefix(std::min(line.find_first_not_of(between_pairs), line.size()));
  return !line.empty();
}

// "=" or " = "; false: something else stands there.
bool skip_equals(std::string_view& line) noexcept {
  const std::size_t blanks = std::min(line.find_first_not_of(" \t"), line.size());
  if (!line.substr(blanks).starts_with('=')) return false;
  line.remove_prefix(blanks + 1);
  if (blanks > 0) line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return true;
}

// As JSON; control characters are left to the repair of the parser.
void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// The text in quotes at the front, without them and without its escapes; false: the quote is not closed.
bool take_quoted(std::string_view& line, std::string& text) {
  text.clear();
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '"') {
      line.remove_prefix(i + 1);
      return true;
    }
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    text += line[i];
  }
  return false;
}

}  // namespace

void KeyvalueDecoder::decode(const Message& message, DecodedBatch& out) {
  records_.clear();
  MessageOutput output(message, out);
  for_each_line(message.payload, [&](std::string_view line, std::size_t offset) {
    if (records_.size() <= max_payload_bytes && !add_record(line)) output.refuse(Refusal::bad_syntax, offset);
  });
  if (records_.size() > max_payload_bytes) return output.refuse_message(Refusal::too_large);
  if (records_.empty()) return;
  Message records = message;
  records.payload = records_;
  records_decoder_.decode_documents(records, out);
}

// The pairs of a line, as a record; false: it has something else as well.
bool KeyvalueDecoder::add_record(std::string_view line) {
  const std::size_t before = records_.size();
  records_ += records_.empty() ? "{" : "\n{";
  const std::size_t empty = records_.size();
  bool ok = true;
  while (skip_separators(line)) {
    const std::string_view name = line.substr(0, std::min(line.find_first_of(name_ends), line.size()));
    line.remove_prefix(name.size());
    if (name.empty() || !skip_equals(line)) {
      ok = false;
      line.remove_prefix(std::min(line.find_first_of(between_pairs), line.size()));
      continue;
    }
    std::string_view value = line.substr(0, line.find_first_of(between_pairs));
    if (!line.starts_with('"')) {
      line.remove_prefix(value.size());
    } else if (take_quoted(line, quoted_)) {
      value = quoted_;
    } else {
      ok = false;
      break;
    }
    if (records_.size() > empty) records_ += ',';
    append_text(records_, name);
    records_ += ':';
    append_text(records_, value);
  }
  if (records_.size() == empty) {
    records_.resize(before);
    return false;
  }
  records_ += '}';
  return ok;
}

const Format keyvalue_format{
    .name = "keyvalue",
    .takes = {"sensor.path", "metric.path", "time.path", "time.time_of_day", "values", "labels", "ignore", "dedupe",
              "coerce_strings", "states", "timezone"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<KeyvalueDecoder>(options, captures);
    },
    .has_paths = true,
};

}  // namespace edgetide
