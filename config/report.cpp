#include "config/report.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "daemon/decoders/id_text.h"

namespace edgetide {

void Report::error(const Location& location, std::string text, std::string hint) {
  errors_.push_back(entry(location, std::move(text), std::move(hint)));
}

void Report::warning(const Location& location, std::string text, std::string hint) {
  warnings_.push_back(entry(location, std::move(text), std::move(hint)));
}

std::vector<ConfigMessage> Report::take_errors() {
  return take(errors_);
}
std::vector<ConfigMessage> Report::take_warnings() {
  return take(warnings_);
}

Report::Entry Report::entry(const Location& location, std::string text, std::string hint) {
  ConfigMessage message;
  message.line = location.line;
  message.column = location.column;
  message.length = location.length;
  message.text = escaped(text);  // it may quote a file
  message.hint = escaped(hint);
  if (location.file == nullptr) return {0, std::move(message)};
  const SourceFile& file = *location.file;
  message.file = escaped(file.path);
  const bool has_line = location.line > 0 && location.line <= file.lines.size();
  if (has_line && !location.secret && !is_secret_line(location)) message.source_line = file.lines[location.line - 1];
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

std::string short_text(const Location& location) {
  if (location.file == nullptr) return {};
  const std::string& path = location.file->path;
  return path.substr(path.rfind('/') + 1) + ':' + std::to_string(location.line);
}

}  // namespace edgetide
