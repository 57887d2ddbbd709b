#include "sinks/file_position.h"

#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

constexpr std::string_view magic = "edgetide-position 1 ";

// Cuts off the word before the next blank, or the end.
std::string_view next_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find_first_of(" \n"));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

template <typename Number>
bool read(std::string_view& text, Number& number, int base = 10) {
  const auto read = whole_number<Number>(next_word(text), base);
  if (read) number = *read;
  return read.has_value();
}

std::string hex(std::uint64_t number) {
  char text[16];
  const auto end = std::to_chars(text, text + sizeof text, number, 16);
  return {text, end.ptr};
}

}  // namespace

std::string to_text(const FilePosition& position) {
  return std::string(magic) + hex(position.state_id) + ' ' + std::to_string(position.epoch.run) + ' ' +
         std::to_string(position.epoch.epoch) + ' ' + std::to_string(position.created) + ' ' +
         std::to_string(position.length) + ' ' + (position.part.empty() ? "-" : position.part) + '\n';
}

std::optional<FilePosition> parse_file_position(std::string_view text) {
  if (!text.starts_with(magic) || !text.ends_with('\n')) return std::nullopt;
  text.remove_prefix(magic.size());
  FilePosition position;
  const bool whole = read(text, position.state_id, 16) && read(text, position.epoch.run) &&
                     read(text, position.epoch.epoch) && read(text, position.created) && read(text, position.length);
  const std::string_view part = next_word(text);
  if (!whole || part.empty() || !text.empty()) return std::nullopt;
  if (part != "-") position.part = part;
  return position;
}

}  // namespace edgetide
