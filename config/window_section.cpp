#include "config/window_section.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "config/part_section.h"
#include "config/spelling.h"
#include "config/window_query.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

// What other systems call an aggregate.
std::string_view known_as(const std::string& word) {
  static constexpr std::pair<std::string_view, std::string_view> words[] = {{"average", "avg"},
                                                                            {"maximum", "max"},
                                                                            {"minimum", "min"},
                                                                            {"total", "sum"},
                                                                            {"number", "count"},
                                                                            {"std", "stddev"},
                                                                            {"stdev", "stddev"},
                                                                            {"standard_deviation", "stddev"},
                                                                            {"var", "variance"},
                                                                            {"unique", "distinct"},
                                                                            {"count_distinct", "distinct"},
                                                                            {"cardinality", "distinct"},
                                                                            {"percentile", "p95"},
                                                                            {"quantile", "p95"},
                                                                            {"newest", "last"},
                                                                            {"latest", "last"},
                                                                            {"oldest", "first"},
                                                                            {"twa", "time_weighted_avg"}};
  const std::string small = in_lower_case(word);
  for (const auto& [other, ours] : words) {
    if (small == other) return ours;
  }
  return {};
}

std::string hint_for_aggregate(const std::string& word) {
  if (const std::string_view ours = known_as(word); !ours.empty()) return "write \"" + std::string(ours) + '"';
  if (std::string near = did_you_mean(word, aggregate_names()); !near.empty()) return near;
  std::string all;
  for (const std::string_view name : aggregate_names()) all += (all.empty() ? "one of " : ", ") + std::string(name);
  return all + ", percentiles such as p95, duration_above0.5 and its like: REFERENCE.md";
}

void report_unknown_aggregate(const Section& section, const Node& node) {
  section.error_at(node.location, "unknown aggregate '" + node.written + '\'', hint_for_aggregate(node.text));
}

// p0.99 is nearly the minimum.
void warn_of_share(const Section& section, const Node& node, const Aggregate& aggregate) {
  if (aggregate.kind != Aggregate::Kind::percentile || aggregate.argument <= 0 || aggregate.argument >= 1) return;
  const std::string likely = name_of(Aggregate::percentile(std::round(aggregate.argument * 1e8) / 1e6));
  section.warning_at(
      node.location,
      '\'' + node.written + "' is less than one percent of the way up from the minimum; is '" + likely + "' meant?");
}

void read_aggregates(const Section& section, std::vector<Aggregate>& aggregates) {
  const Node* list = section.find("aggregates");
  if (list == nullptr) return;
  aggregates.clear();
  for (const Node* node : section.texts("aggregates")) {
    const std::optional<Aggregate> aggregate = aggregate_named(node->text);
    if (!aggregate) {
      report_unknown_aggregate(section, *node);
    } else if (kind_of(*aggregate).merges) {
      section.error_at(node->location, "aggregate '" + node->written + "' comes with `mergeable = true` of a sink");
    } else if (std::find(aggregates.begin(), aggregates.end(), *aggregate) != aggregates.end()) {
      section.error_at(node->location, "aggregate '" + node->written + "' is named twice");
    } else {
      warn_of_share(section, *node, *aggregate);
      aggregates.push_back(*aggregate);
    }
  }
  if (list->kind == Node::Kind::list && list->children.empty()) {
    section.error("aggregates", "aggregates is empty; a row needs at least one");
  }
}

WindowOptions read_window(const Section& section, const WindowPart& part, const Names& sources) {
  WindowOptions window;
  window.name = section.node().key;
  window.kind = part.kind;
  for (const std::uint32_t source : sources.inputs_of(section)) window.inputs.push_back(static_cast<SourceId>(source));
  read_aggregates(section, window.aggregates);
  section.read("allowed_lateness", window.allowed_lateness);
  section.read("trigger", window.trigger);
  section.read("hold", window.hold);
  section.read("reset_below", window.reset_below);
  if (!(window.reset_below >= 0 && window.reset_below <= 1))
    section.error("reset_below", "reset_below is not from 0 to 1");
  part.read(section, window);
  read_window_query(section, window);
  return window;
}

// A window's name is its view; the stores keep tables and views of these names beside it.
void check_not_reserved(const Node& node, Report& report) {
  const std::string& name = node.key;
  if (name != "series" && name != "sink_state" && !name.ends_with("_data") && !name.ends_with("_latest")) return;
  report.error(node.key_location, "windows: the name '" + name + "' is taken by a table of the stores",
               "not series, sink_state, ..._data or ..._latest");
}

// Windows are tumbling where `type` does not say otherwise.
const WindowPart* window_part_of(const Node& node, const std::string& name, const PartList<WindowPart>& parts,
                                 Report& report) {
  if (node.kind == Node::Kind::table && node.find("type") == nullptr) return parts.find("tumbling");
  return part_of(node, name, report.keys().window, parts, report);
}

}  // namespace

void read_windows(const Node& windows, const PartList<WindowPart>& parts, const Names& sources,
                  PipelineOptions& options, Names& names, Report& report) {
  for (const Node& node : windows.children) {
    check_name(node, "windows", false, report);
    check_not_reserved(node, report);
    names.add(node);
    const std::string name = "windows." + node.key;
    const WindowPart* const part = window_part_of(node, name, parts, report);
    if (part == nullptr) continue;
    const Section section(node, name, with_part({&report.keys().window}, *part), report);
    options.windows.push_back(read_window(section, *part, sources));
  }
  if (names.size() > max_windows) {
    report.error(windows.children[max_windows].key_location, "windows: there are " + std::to_string(names.size()) +
                                                                 ", at most " + std::to_string(max_windows) +
                                                                 " are possible");
  }
}

}  // namespace edgetide
