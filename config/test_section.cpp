#include "config/test_section.h"

#include <charconv>
#include <utility>

#include "config/section.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

std::string number_text(double number) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}

// Nothing: it is of no kind that a row has.
std::optional<ConfiguredTest::Expectation> expectation_of(const Node& node, std::string& text) {
  switch (node.kind) {
    case Node::Kind::text:
      text += node.text;
      return ConfiguredTest::Expectation{node.key, node.text};
    case Node::Kind::integer:
      text += std::to_string(node.integer);
      return ConfiguredTest::Expectation{node.key, static_cast<double>(node.integer)};
    case Node::Kind::real:
      text += number_text(node.real);
      return ConfiguredTest::Expectation{node.key, node.real};
    default:
      return std::nullopt;
  }
}

std::vector<ConfiguredTest::Expectation> expectations_of(const Section& section, const Node& table, std::string& text) {
  std::vector<ConfiguredTest::Expectation> columns;
  for (const Node& child : table.children) {
    if (!text.empty() && text.back() != '{') text += ", ";
    text += child.key + " = ";
    if (child.kind == Node::Kind::table) {
      text += '{';
      columns.push_back({child.key, expectations_of(section, child, text)});
      text += '}';
    } else if (auto known = expectation_of(child, text)) {
      columns.push_back(std::move(*known));
    } else {
      section.error_at(child.location, child.key + " is " + shown(child) + ", which no row has");
    }
  }
  return columns;
}

ConfiguredTest::Message read_message(const Section& section) {
  ConfiguredTest::Message message;
  std::string at;
  section.read("at", at);
  section.read("source", message.source);
  section.read("topic", message.topic);
  section.read("payload", message.payload);
  if (const auto time = parse_rfc3339(at)) {
    message.at = *time;
  } else if (!at.empty()) {
    section.error("at", "at is \"" + at + "\", not a time such as \"2026-01-31T12:00:00Z\"");
  }
  return message;
}

ConfiguredTest read_test(const Section& section) {
  ConfiguredTest test;
  section.read("name", test.name);
  for (const Node* const node : section.tables("messages")) {
    const Section message(*node, "tests.messages", {&section.keys().test_message}, section.report());
    test.messages.push_back(read_message(message));
    test.messages.back().place = short_text(node->location);
  }
  for (const Node* const node : section.tables("rows")) {
    ConfiguredTest::Row row;
    row.columns = expectations_of(section, *node, row.text);
    row.place = short_text(node->location);
    test.rows.push_back(std::move(row));
  }
  section.read("only", test.only);
  int refused = -1;
  section.read("refused", refused);
  if (refused >= 0) test.refused = refused;
  return test;
}

}  // namespace

std::vector<ConfiguredTest> read_tests(const Section& top) {
  std::vector<ConfiguredTest> tests;
  for (const Node* const node : top.tables("tests")) {
    tests.push_back(read_test(Section(*node, "tests", {&top.keys().test}, top.report())));
  }
  return tests;
}

}  // namespace edgetide
