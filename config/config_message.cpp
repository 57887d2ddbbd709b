#include <utility>

#include "config/config.h"

namespace edgetide {

std::string to_text(const ConfigMessage& message, const char* severity) {
  std::string text = message.file;
  if (message.line > 0) text += ':' + std::to_string(message.line) + ':' + std::to_string(message.column);
  text += std::string(": ") + severity + ": " + message.text + '\n';
  if (!message.source_line.empty()) {
    const std::string number = std::to_string(message.line);
    text += "  " + number + " | " + message.source_line + '\n';
    text += "  " + std::string(number.size(), ' ') + " | ";
    text += std::string(message.column > 0 ? message.column - 1 : 0, ' ') + "^ " + message.hint + '\n';
  } else if (!message.hint.empty()) {
    text += "  " + message.hint + '\n';
  }
  return text;
}

ConfigErrors::ConfigErrors(std::vector<ConfigMessage> messages) : messages_(std::move(messages)) {
  for (const ConfigMessage& message : messages_) text_ += to_text(message, "error");
  text_ += std::to_string(messages_.size()) + (messages_.size() == 1 ? " error." : " errors.") +
           " The configuration was not applied.\n";
}

}  // namespace edgetide
