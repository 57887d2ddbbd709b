#include "config/report.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace edgetide {

void Report::error(const Place& place, std::string text, std::string hint) {
  errors_.push_back(entry(place, std::move(text), std::move(hint)));
}

void Report::warning(const Place& place, std::string text, std::string hint) {
  warnings_.push_back(entry(place, std::move(text), std::move(hint)));
}

std::vector<ConfigMessage> Report::take_errors() {
  return take(errors_);
}
std::vector<ConfigMessage> Report::take_warnings() {
  return take(warnings_);
}

Report::Entry Report::entry(const Place& place, std::string text, std::string hint) {
  ConfigMessage message;
  message.line = place.line;
  message.column = place.column;
  message.length = place.length;
  message.text = std::move(text);
  message.hint = std::move(hint);
  if (place.file == nullptr) return {0, std::move(message)};
  const SourceFile& file = *place.file;
  message.file = file.path;
  const bool has_line = place.line > 0 && place.line <= file.lines.size();
  if (has_line && !place.secret && !file.secret_lines[place.line - 1]) message.source_line = file.lines[place.line - 1];
  return {file.order, std::move(message)};
}

std::vector<ConfigMessage> Report::take(std::vector<Entry>& entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.file_order, a.message.line, a.message.column) <
           std::tie(b.file_order, b.message.line, b.message.column);
  });
  std::vector<ConfigMessage> messages;
  for (Entry& entry : entries) messages.push_back(std::move(entry.message));
  entries.clear();
  return messages;
}

std::string short_text(const Place& place) {
  if (place.file == nullptr) return {};
  const std::string& path = place.file->path;
  return path.substr(path.rfind('/') + 1) + ':' + std::to_string(place.line);
}

}  // namespace edgetide
