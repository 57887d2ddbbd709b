#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "config/config.h"
#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

constexpr std::size_t excerpt_width = 120;

// One element per code point, printable: a tab takes one column, what an id must not have becomes '?'.
std::vector<std::string> characters_of(std::string_view line) {
  std::vector<std::string> characters;
  for (const char c : line) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (continues && !characters.empty()) {
      characters.back() += c;
    } else {
      characters.emplace_back(1, c == '\t' ? ' ' : c);
    }
  }
  for (std::string& character : characters) {
    if (!is_id(character)) character = "?";
  }
  return characters;
}

std::string joined(const std::vector<std::string>& characters, std::size_t first) {
  std::string text;
  const std::size_t last = std::min(characters.size(), first + excerpt_width);
  for (std::size_t i = first; i < last; ++i) text += characters[i];
  return text;
}

// The line and a caret line below it; of a long line the part around the column.
std::string excerpt(const ConfigMessage& message) {
  const std::vector<std::string> characters = characters_of(message.source_line);
  const std::size_t column = message.column > 0 ? message.column - 1 : 0;
  const std::size_t first = column > excerpt_width / 2 && characters.size() > excerpt_width ? column - 20 : 0;
  const std::size_t room = std::max<std::size_t>(1, first + excerpt_width - std::min(column, first + excerpt_width));
  const std::size_t length = std::clamp<std::size_t>(message.length, 1, room);

  char number[32];
  std::snprintf(number, sizeof number, "%5zu", message.line);
  std::string text = std::string(number) + " | " + joined(characters, first) + '\n';
  text += std::string(std::string_view(number).size(), ' ') + " | ";
  text += std::string(column - first, ' ') + std::string(length, '^');
  if (!message.hint.empty()) text += ' ' + message.hint;
  return text + '\n';
}

}  // namespace

std::string to_text(const ConfigMessage& message, const char* severity) {
  std::string text = message.file;
  if (message.line > 0) text += ':' + std::to_string(message.line) + ':' + std::to_string(message.column);
  text += std::string(": ") + severity + ": " + message.text + '\n';
  if (!message.source_line.empty()) return text + excerpt(message);
  return message.hint.empty() ? text : text + "      " + message.hint + '\n';
}

ConfigErrors::ConfigErrors(std::vector<ConfigMessage> messages, bool has_more) : messages_(std::move(messages)) {
  for (const ConfigMessage& message : messages_) text_ += to_text(message, "error");
  text_ += std::to_string(messages_.size()) + (messages_.size() == 1 ? " error" : " errors") +
           (has_more ? ", and there are more." : ".") + " The configuration was not applied.\n";
}

}  // namespace edgetide
