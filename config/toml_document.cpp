#include "config/toml_document.h"

#include <algorithm>
#include <string>
#include <toml++/toml.h>
#include <tuple>
#include <utility>

#include "config/toml_depth.h"
#include "config/toml_hint.h"

#if TOML_HEADER_ONLY
#error "toml++ must be linked as a library"
#endif

namespace edgetide {

namespace {

Location location_of(const SourceFile& file, const toml::source_region& region) {
  Location location{&file, region.begin.line, region.begin.column, 1};
  if (region.end.line == region.begin.line && region.end.column > region.begin.column) {
    location.length = region.end.column - region.begin.column;
  }
  return location;
}

void sort_as_written(std::vector<Node>& nodes) {
  std::stable_sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) {
    return std::tie(a.key_location.line, a.key_location.column) < std::tie(b.key_location.line, b.key_location.column);
  });
}

Node convert(const SourceFile& file, const toml::node& from, Report& report);

std::vector<Node> convert_members(const SourceFile& file, const toml::table& table, Report& report) {
  std::vector<Node> members;
  if (table.size() > max_table_keys) {
    report.error(location_of(file, table.source()),
                 "a table has more than " + std::to_string(max_table_keys) + " keys");
    return members;
  }
  for (const auto& [key, value] : table) {
    Node member = convert(file, value, report);
    member.key = std::string(key.str());
    member.key_location = location_of(file, key.source());
    members.push_back(std::move(member));
  }
  sort_as_written(members);
  return members;
}

Node convert(const SourceFile& file, const toml::node& from, Report& report) {
  Node node;
  node.location = node.key_location = location_of(file, from.source());
  if (const toml::table* table = from.as_table()) {
    node.kind = Node::Kind::table;
    node.children = convert_members(file, *table, report);
  } else if (const toml::array* list = from.as_array()) {
    node.kind = Node::Kind::list;
    for (const toml::node& element : *list) node.children.push_back(convert(file, element, report));
  } else if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::text;
    node.text = node.written = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::integer;
    node.integer = integer->get();
  } else if (const auto* real = from.as_floating_point()) {
    node.kind = Node::Kind::real;
    node.real = real->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.boolean = boolean->get();
  } else {
    node.kind = Node::Kind::date_time;
  }
  return node;
}

// toml++ says "Error while parsing key: ..."; shorter in our form.
std::string reason_of(const toml::parse_error& error) {
  constexpr std::string_view prefix = "Error while parsing ";
  const std::string_view text = error.description();
  return text.starts_with(prefix) ? "in a TOML " + std::string(text.substr(prefix.size())) : std::string(text);
}

void report_syntax(const SourceFile& file, const toml::parse_error& error, Report& report) {
  const Location location = location_of(file, error.source());
  const bool is_secret = is_secret_line(location);
  const bool has_line = location.line > 0 && location.line <= file.lines.size();
  report.error(location, is_secret ? "this is not TOML (text in quotes?)" : reason_of(error),
               has_line ? toml_hint(file.lines[location.line - 1], !is_secret) : std::string());
}

}  // namespace

std::optional<Node> parse_toml(const SourceFile& file, Report& report) {
  // The parser's own UTF-8 reader is undefined on some broken files with a NUL (ef bb bb 00).
  if (file.text.find('\0') != std::string::npos) {
    report.error({&file, 0, 0, 0}, "this is not a text file: it has a NUL byte");
    return std::nullopt;
  }
  if (const std::optional<TextPosition> deep = find_too_deep(file.text)) {
    report.error({&file, deep->line, deep->column, 1},
                 "nested deeper than " + std::to_string(max_toml_depth) + " levels");
    return std::nullopt;
  }
  try {
    const toml::table table = toml::parse(std::string_view(file.text), std::string_view(file.path));
    return convert(file, table, report);
  } catch (const toml::parse_error& error) {
    report_syntax(file, error, report);
    return std::nullopt;
  }
}

}  // namespace edgetide
