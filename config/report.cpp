#include "config/report.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

constexpr std::size_t longest_shown_line = 4096;  // a message of a longer one has no excerpt
constexpr std::size_t shortest_hidden = 4;        // shorter ones would hide letters everywhere

// The values in quotes on a line that is not shown: a message may quote a part of it. Names before a '=' are none.
void add_values(std::string_view line, std::vector<std::string>& values) {
  constexpr std::string_view between = " \t=,;&?/[]{}";
  for (std::size_t at = line.find_first_of("\"'"); at < line.size(); at = line.find_first_of("\"'", at + 1)) {
    const std::size_t end = std::min(line.find(line[at], at + 1), line.size());
    const std::string_view quoted = line.substr(at + 1, end - std::min(end, at + 1));
    for (std::size_t from = 0; from < quoted.size();) {
      const std::size_t to = std::min(quoted.find_first_of(between, from), quoted.size());
      const std::string_view word = quoted.substr(from, to - from);
      const bool is_value = (from > 0 && quoted[from - 1] == '=') || word.find('@') != std::string_view::npos ||
                            word.size() == quoted.size();
      if (is_value && word.size() >= shortest_hidden) values.emplace_back(word);
      from = to + 1;
    }
    at = end;
  }
}

std::string without(std::string text, const std::vector<std::string>& hidden) {
  for (const std::string& secret : hidden) {
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "***");
      at += 3;
    }
  }
  return text;
}

}  // namespace

void Report::error(const Location& location, const std::string& text, const std::string& hint) {
  Entry said = entry(location, text, hint);
  const auto is_same = [&](const Entry& one) {
    return one.message.text == said.message.text && one.message.file == said.message.file &&
           one.message.line == said.message.line && one.message.column == said.message.column;
  };
  if (std::any_of(errors_.begin(), errors_.end(), is_same)) return;
  if (errors_.size() == max_errors) throw TooManyErrors();
  errors_.push_back(std::move(said));
}

void Report::warning(const Location& location, const std::string& text, const std::string& hint) {
  warnings_.push_back(entry(location, text, hint));
}

std::vector<ConfigMessage> Report::take_errors() {
  return take(errors_);
}
std::vector<ConfigMessage> Report::take_warnings() {
  return take(warnings_);
}

void Report::hide(std::string secret) {
  if (secret.size() >= shortest_hidden) hidden_.push_back(std::move(secret));
}

Report::Entry Report::entry(const Location& location, const std::string& text, const std::string& hint) const {
  std::vector<std::string> hidden = hidden_;
  if (is_secret_line(location)) add_values(location.file->lines[location.line - 1], hidden);
  ConfigMessage message;
  message.line = location.line;
  message.column = location.column;
  message.length = location.length;
  message.text = escaped(without(text, hidden));  // it may quote a file
  message.hint = escaped(without(hint, hidden));
  if (location.file == nullptr) return {0, std::move(message)};
  const SourceFile& file = *location.file;
  message.file = escaped(file.path);
  const bool has_line = location.line > 0 && location.line <= file.lines.size();
  const bool may_show = has_line && !location.secret && !is_secret_line(location);
  if (may_show && file.lines[location.line - 1].size() <= longest_shown_line) {
    message.source_line = file.lines[location.line - 1];
  }
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
