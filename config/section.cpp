#include "config/section.h"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>

#include "config/rate_text.h"
#include "config/size_text.h"
#include "config/spelling.h"
#include "daemon/service/regular_file.h"
#include "pipeline/characters.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::table:
      return "a table";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::text:
      return "a string";
    case Node::Kind::integer:
      return "a whole number";
    case Node::Kind::real:
      return "a number";
    case Node::Kind::boolean:
      return "true or false";
    case Node::Kind::date_time:
      return "a date or time";
  }
  return "a value";
}

bool is_number(std::string_view text) {
  const auto fits = [](char c) { return is_digit(c) || c == '.'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

std::string number_in(const Node& node) {
  if (node.kind == Node::Kind::integer) return std::to_string(node.integer);
  return node.kind == Node::Kind::text && is_number(node.written) ? node.written : std::string();
}

std::string one_of(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "\"" : ", \"") + std::string(word) + '"';
  return words.size() == 1 ? text : "one of " + text;
}

// What is meant by words that are not keys of the top level.
std::string_view what_is_meant(std::string_view key) {
  static constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"credential", "secrets have no table; write \"${credential:NAME}\" where one is used"},
      {"credentials", "secrets have no table; write \"${credential:NAME}\" where one is used"},
      {"secret", "secrets have no table; write \"${credential:NAME}\" where one is used"},
      {"secrets", "secrets have no table; write \"${credential:NAME}\" where one is used"},
      {"input", "did you mean 'sources'?"},
      {"inputs", "did you mean 'sources'?"},
      {"output", "did you mean 'sinks'?"},
      {"outputs", "did you mean 'sinks'?"},
      {"destination", "did you mean 'sinks'?"},
      {"destinations", "did you mean 'sinks'?"},
      {"query", "did you mean 'windows'?"},
      {"queries", "did you mean 'windows'?"},
      {"logging", "did you mean 'log'?"},
      {"monitor", "did you mean 'http'?"},
      {"prometheus", "did you mean 'metrics'?"},
      {"wal", "did you mean 'journal'?"}};
  for (const auto& [word, meant] : words) {
    if (key == word) return meant;
  }
  return {};
}

// A table that is written as an element of a list, or the other way round. Empty: neither.
std::string other_brackets(const Node& node, Node::Kind wanted, const std::string& section) {
  const bool is_list = node.kind == Node::Kind::list && !node.children.empty() &&
                       std::all_of(node.children.begin(), node.children.end(),
                                   [](const Node& child) { return child.kind == Node::Kind::table; });
  const std::string path = section.empty() ? node.key : section + '.' + node.key;
  const bool named = node.key == "sources" || node.key == "windows" || node.key == "sinks" || node.key == "tables";
  if (wanted == Node::Kind::table && is_list) {
    return "write [" + path + (section.empty() && named ? ".NAME" : "") + "], with one pair of brackets";
  }
  if (wanted == Node::Kind::list && node.kind == Node::Kind::table) {
    return "write [[" + path + "]], with two pairs of brackets";
  }
  return {};
}

// Where else a key exists: near `section` ("sinks.cloud") rather than elsewhere.
std::string where_it_belongs(std::string_view key, std::string_view section, const KeyTable& table) {
  const std::string family = '[' + std::string(section.substr(0, section.find('.')));
  const KeyGroup* best = nullptr;
  for (const KeyGroup* group : table.groups()) {
    if (group->find(key) == nullptr) continue;
    if (best == nullptr || (group->title.starts_with(family) && !best->title.starts_with(family))) best = group;
  }
  return best == nullptr ? std::string() : "it is a key of " + std::string(best->title);
}

}  // namespace

std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::text:
      return node.location.secret || is_secret_line(node.location) ? "a string that is not shown"
                                                                   : '"' + node.written + '"';
    case Node::Kind::integer:
      return std::to_string(node.integer);
    case Node::Kind::boolean:
      return node.boolean ? "true" : "false";
    default:
      return std::string(kind_name(node.kind));
  }
}

std::string bound_text(std::int64_t bound, ValueType type) {
  if (type == ValueType::duration || type == ValueType::duration_or_none) return to_text(Duration::microseconds(bound));
  if (type == ValueType::rate_or_none) return rate_text(bound);
  return type == ValueType::size ? size_text(bound) : std::to_string(bound);
}

std::optional<std::string_view> type_word(const Node& table, const std::string& name, const KeyGroup& group,
                                          Report& report) {
  Node only_type;
  only_type.key_location = table.key_location;
  if (const Node* type = table.find("type")) only_type.children.push_back(*type);
  return Section(only_type, name, {&group}, report).word("type");
}

Section::Section(const Node& table, std::string name, std::vector<const KeyGroup*> groups, Report& report)
    : table_(table), name_(std::move(name)), groups_(std::move(groups)), report_(report) {
  for (const Node& node : table_.children) report_unknown(node);
  report_missing();
}

void Section::report_unknown(const Node& node) const {
  std::vector<std::string_view> known;
  for (const KeyGroup* group : groups_) {
    if (group->find(node.key) != nullptr) return;
    for (const KeySpec& key : group->keys) known.push_back(key.name);
  }
  const std::string where = name_.empty() ? " at the top level" : " in [" + name_ + ']';
  std::string hint(name_.empty() ? what_is_meant(node.key) : "");
  if (hint.empty()) hint = did_you_mean(node.key, known);
  if (hint.empty()) hint = where_it_belongs(node.key, name_, keys());
  Location location = node.key_location;
  location.secret = hint.find("'password'") != std::string::npos || hint.find("'token'") != std::string::npos;
  report_.error(location, "unknown key '" + node.key + '\'' + where, hint);
}

void Section::report_missing() const {
  for (const KeyGroup* group : groups_) {
    for (const KeySpec& key : group->keys) {
      if (key.required && find(key.name) == nullptr) {
        const std::string hint = key.words.empty() ? "" : std::string(key.name) + " = " + one_of(key.words);
        report_.error(table_.key_location, name_ + ": " + std::string(key.name) + " is missing", hint);
      }
    }
  }
}

const Location& Section::location(std::string_view key) const noexcept {
  const Node* node = find(key);
  return node == nullptr ? table_.key_location : node->location;
}

bool Section::takes(std::string_view key) const noexcept {
  return std::any_of(groups_.begin(), groups_.end(),
                     [&](const KeyGroup* group) { return group->find(key) != nullptr; });
}

const KeySpec& Section::spec(std::string_view key) const {
  for (const KeyGroup* group : groups_) {
    if (const KeySpec* spec = group->find(key)) return *spec;
  }
  assert(false && "a key that is read must be in the key table");
  static const KeySpec none{};
  return none;
}

void Section::error_at(const Location& location, std::string_view text, std::string hint) const {
  report_.error(location, name_.empty() ? std::string(text) : name_ + ": " + std::string(text), std::move(hint));
}

void Section::error(std::string_view key, std::string_view text, std::string hint) const {
  error_at(location(key), text, std::move(hint));
}

void Section::refuse_unfit_file(std::string_view key, const std::string& path) const {
  if (const std::string reason = unfit_for_reading(path); !reason.empty()) error(key, std::string(key) + ' ' + reason);
}

void Section::warn_of_missing_file(std::string_view key, const std::string& path) const {
  const Node* const node = find(key);
  if (node == nullptr || node->kind != Node::Kind::text || !node->known || path.empty()) return;
  const bool is_written = node->text == node->written;  // what comes from a reference is not repeated
  const std::string subject = std::string(key) + (is_written ? ": " + path : "");
  std::error_code error;
  if (!path.starts_with('/')) {
    warning(key, subject + " is looked for where the daemon is started", "write an absolute path");
  } else if (!std::filesystem::exists(path, error) && error != std::errc::permission_denied) {
    warning(key, subject + " does not exist");
  }
}

void Section::warning_at(const Location& location, std::string_view text, std::string hint) const {
  report_.warning(location, name_ + ": " + std::string(text), std::move(hint));
}

bool Section::is(const Node& node, Node::Kind kind, std::string_view wanted) const {
  if (node.kind == kind) return true;
  const std::string subject = node.key.empty() ? "an element" : node.key;
  error_at(node.location, subject + " is " + std::string(kind_name(node.kind)) + ", not " + std::string(wanted),
           other_brackets(node, kind, name_));
  return false;
}

bool Section::fits(const Node& node, std::int64_t value, const KeySpec& spec) const {
  if (value >= spec.min && value <= spec.max) return true;
  const bool low = value < spec.min;
  const bool any_positive = low && spec.min == 1 && spec.type != ValueType::integer;
  const std::string bound = low ? bound_text(spec.min, spec.type) : bound_text(spec.max, spec.type);
  const std::string rule = any_positive ? "more than 0" : (low ? "at least " : "at most ") + bound;
  error_at(node.location, node.key + " is " + shown(node) + ", it must be " + rule);
  return false;
}

void Section::read(std::string_view key, std::string& target) const {
  const Node* node = find(key);
  if (node != nullptr && is(*node, Node::Kind::text, "a string in quotes") && node->known) target = node->text;
}

void Section::read(std::string_view key, bool& target) const {
  const Node* node = find(key);
  if (node != nullptr && is(*node, Node::Kind::boolean, "true or false")) target = node->boolean;
}

std::optional<std::int64_t> Section::integer(const Node& node, const KeySpec& spec) const {
  if (!is(node, Node::Kind::integer, "a whole number") || !fits(node, node.integer, spec)) return std::nullopt;
  return node.integer;
}

std::optional<std::int64_t> Section::size(const Node& node, const KeySpec& spec) const {
  if (!number_in(node).empty()) {
    error_at(node.location, node.key + " is " + shown(node) + ", a size needs a unit, such as \"64MiB\" or \"10MB\"");
    return std::nullopt;
  }
  if (!is(node, Node::Kind::text, "a size, such as \"64MiB\"") || !node.known) return std::nullopt;
  const std::optional<std::int64_t> bytes = parse_size(node.text);
  if (!bytes) {
    error_at(node.location, node.key + " is " + shown(node) +
                                ", not a size; write a whole number and a unit (B, KiB, MiB, GiB, kB, MB, GB)");
    return std::nullopt;
  }
  return fits(node, *bytes, spec) ? bytes : std::nullopt;
}

void Section::read(std::string_view key, int& target) const {
  const Node* node = find(key);
  if (node == nullptr) return;
  if (const auto value = integer(*node, spec(key))) target = static_cast<int>(*value);
}

void Section::read(std::string_view key, std::size_t& target) const {
  const Node* node = find(key);
  if (node == nullptr) return;
  const KeySpec& rule = spec(key);
  const auto value = rule.type == ValueType::size ? size(*node, rule) : integer(*node, rule);
  if (value) target = static_cast<std::size_t>(*value);
}

void Section::read(std::string_view key, double& target) const {
  const Node* node = find(key);
  if (node == nullptr) return;
  if (node->kind == Node::Kind::integer) {
    target = static_cast<double>(node->integer);
  } else if (is(*node, Node::Kind::real, "a number")) {
    target = node->real;
  }
}

void Section::read(std::string_view key, Duration& target) const {
  const Node* node = find(key);
  if (node == nullptr) return;
  const KeySpec& rule = spec(key);
  if (const std::string number = number_in(*node); !number.empty()) {
    error_at(node->location,
             node->key + " is " + shown(*node) + ", a duration needs a unit; write \"" + number + "s\"");
    return;
  }
  if (!is(*node, Node::Kind::text, "a duration, such as \"10s\"") || !node->known) return;
  if (rule.type == ValueType::duration_or_none && node->text == "none") {
    target = Duration::unlimited();
    return;
  }
  const std::optional<Duration> duration = parse_duration(node->text);
  if (!duration) {
    error_at(node->location, node->key + " is " + shown(*node) +
                                 ", not a duration; write a number and a unit (us, ms, s, m, h, d, w, y)");
  } else if (fits(*node, duration->count(), rule)) {
    target = *duration;
  }
}

void Section::read_rate(std::string_view key, double& per_second) const {
  const Node* node = find(key);
  if (node == nullptr) return;
  if (const std::string number = number_in(*node); !number.empty()) {
    error_at(node->location, node->key + " is " + shown(*node) + ", a rate needs a unit; write \"" + number + "/s\"");
    return;
  }
  if (!is(*node, Node::Kind::text, "a rate, such as \"50/s\"") || !node->known) return;
  if (node->text == "none") {
    per_second = 0;
    return;
  }
  const KeySpec& rule = spec(key);
  const std::optional<double> per_hour = parse_rate(node->text);
  if (!per_hour) {
    error_at(node->location,
             node->key + " is " + shown(*node) + ", not a rate; write a number and a unit (/s, /m, /h)");
  } else if (*per_hour < static_cast<double>(rule.min) || *per_hour > static_cast<double>(rule.max)) {
    const bool low = *per_hour < static_cast<double>(rule.min);
    error_at(node->location, node->key + " is " + shown(*node) + ", it must be " +
                                 (low ? "at least " + rate_text(rule.min) : "at most " + rate_text(rule.max)));
  } else {
    per_second = *per_hour / 3600;
  }
}

void Section::read(std::string_view key, std::vector<std::string>& target) const {
  if (find(key) == nullptr) return;
  target.clear();
  for (const Node* node : texts(key)) target.push_back(node->text);
}

std::vector<const Node*> Section::texts(std::string_view key) const {
  std::vector<const Node*> nodes;
  const Node* list = find(key);
  if (list == nullptr || !is(*list, Node::Kind::list, "a list of strings, [\"...\"]")) return nodes;
  for (const Node& element : list->children) {
    if (element.kind != Node::Kind::text) {
      error_at(element.location,
               std::string(key) + " holds " + std::string(kind_name(element.kind)) + ", not a string in quotes");
    } else if (element.known) {
      nodes.push_back(&element);
    }
  }
  return nodes;
}

std::vector<const Node*> Section::tables(std::string_view key) const {
  std::vector<const Node*> nodes;
  const Node* list = find(key);
  if (list == nullptr || !is(*list, Node::Kind::list, "a list of tables")) return nodes;
  for (const Node& element : list->children) {
    if (element.kind == Node::Kind::table) {
      nodes.push_back(&element);
    } else {
      error_at(element.location, std::string(key) + " holds " + std::string(kind_name(element.kind)) + ", not a table");
    }
  }
  return nodes;
}

const Node* Section::table(std::string_view key) const {
  const Node* node = find(key);
  return node != nullptr && is(*node, Node::Kind::table, "a table") ? node : nullptr;
}

std::optional<std::string_view> Section::word(std::string_view key) const {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const std::vector<std::string_view>& words = spec(key).words;
  if (!is(*node, Node::Kind::text, one_of(words)) || !node->known) return std::nullopt;
  const auto word = std::find(words.begin(), words.end(), node->text);
  if (word != words.end()) return *word;
  const std::string subject = node->key + " " + shown(*node);
  for (const auto& [left_out, option] : spec(key).left_out) {
    if (node->text != left_out) continue;
    error_at(node->location,
             std::string(left_out) + " is not in this build; -D" + std::string(option) + "=ON brings it");
    return std::nullopt;
  }
  error_at(node->location, subject + " is not " + one_of(words), did_you_mean(node->text, words));
  return std::nullopt;
}

}  // namespace edgetide
