#include "config/window_section.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "config/spelling.h"

namespace edgetide {

namespace {

void report_unknown_aggregate(const Section& section, const Node& node) {
  if (is_planned(node.text)) {
    return section.error_at(node.place, "aggregate '" + node.written + "' is not in this version");
  }
  section.error_at(node.place, "unknown aggregate '" + node.written + '\'', did_you_mean(node.text, aggregate_names));
}

void read_aggregates(const Section& section, std::vector<Aggregate>& aggregates) {
  const Node* list = section.find("aggregates");
  if (list == nullptr) return;
  aggregates.clear();
  for (const Node* node : section.texts("aggregates")) {
    const std::optional<Aggregate> aggregate = aggregate_named(node->text);
    if (!aggregate || is_planned(node->text)) {
      report_unknown_aggregate(section, *node);
    } else if (std::find(aggregates.begin(), aggregates.end(), *aggregate) != aggregates.end()) {
      section.error_at(node->place, "aggregate '" + node->written + "' is named twice");
    } else {
      aggregates.push_back(*aggregate);
    }
  }
  if (list->kind == Node::Kind::list && list->children.empty()) {
    section.error("aggregates", "aggregates is empty; a row needs at least one");
  }
}

void check_times(const Section& section, const WindowOptions& window) {
  const Duration offset = window.offset < Duration() ? Duration() - window.offset : window.offset;
  if (section.find("offset") != nullptr && offset >= window.size) {
    section.error("offset", "offset must be shorter than size");
  }
  const Duration ten_sizes = Duration::microseconds(detail::saturating_mul(window.size.count(), 10));
  if (window.allowed_lateness > ten_sizes) {
    section.warning("allowed_lateness",
                    "allowed_lateness is more than 10 times size: every sensor keeps that many windows in memory");
  }
}

WindowOptions read_window(const Section& section, const std::string& name, const Names& sources) {
  WindowOptions window;
  window.name = name;
  enum class Type { tumbling } type = Type::tumbling;
  section.read_word("type", type);
  section.read("size", window.size);
  section.read("offset", window.offset);
  for (const std::uint32_t source : sources.inputs_of(section)) window.inputs.push_back(static_cast<SourceId>(source));
  read_aggregates(section, window.aggregates);
  section.read("allowed_lateness", window.allowed_lateness);
  section.read("trigger", window.trigger);
  check_times(section, window);
  return window;
}

// A window's name is its view; the stores keep tables and views of these names beside it.
void check_not_reserved(const Node& node, Report& report) {
  const std::string& name = node.key;
  if (name != "series" && name != "sink_state" && !name.ends_with("_data") && !name.ends_with("_latest")) return;
  report.error(node.key_place, "windows: the name '" + name + "' is taken by a table of the stores",
               "not series, sink_state, ..._data or ..._latest");
}

}  // namespace

void read_windows(const Node& windows, const Names& sources, PipelineOptions& options, Names& names, Report& report) {
  for (const Node& node : windows.children) {
    check_name(node, "windows", false, report);
    check_not_reserved(node, report);
    names.add(node);
    const std::string name = "windows." + node.key;
    if (node.kind != Node::Kind::table) {
      report.error(node.place, name + " is not a table");
      continue;
    }
    const Section section(node, name, {&key_table().window}, report);
    options.windows.push_back(read_window(section, node.key, sources));
  }
  if (names.size() > windows_max) {
    report.error(windows.children[windows_max].key_place, "windows: there are " + std::to_string(names.size()) +
                                                              ", at most " + std::to_string(windows_max) +
                                                              " are possible");
  }
}

}  // namespace edgetide
