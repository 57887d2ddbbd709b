#include "config/window_section.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "config/spelling.h"
#include "config/time_zone_table.h"
#include "config/window_query.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

void report_unknown_aggregate(const Section& section, const Node& node) {
  section.error_at(node.location, "unknown aggregate '" + node.written + '\'',
                   did_you_mean(node.text, aggregate_names()));
}

void read_aggregates(const Section& section, std::vector<Aggregate>& aggregates) {
  const Node* list = section.find("aggregates");
  if (list == nullptr) return;
  aggregates.clear();
  for (const Node* node : section.texts("aggregates")) {
    const std::optional<Aggregate> aggregate = aggregate_named(node->text);
    if (!aggregate) {
      report_unknown_aggregate(section, *node);
    } else if (std::find(aggregates.begin(), aggregates.end(), *aggregate) != aggregates.end()) {
      section.error_at(node->location, "aggregate '" + node->written + "' is named twice");
    } else {
      aggregates.push_back(*aggregate);
    }
  }
  if (list->kind == Node::Kind::list && list->children.empty()) {
    section.error("aggregates", "aggregates is empty; a row needs at least one");
  }
}

std::vector<const KeyGroup*> groups_of(WindowKind kind) {
  const KeyTable& keys = key_table();
  switch (kind) {
    case WindowKind::tumbling:
      return {&keys.window, &keys.tumbling, &keys.aligned};
    case WindowKind::sliding:
      return {&keys.window, &keys.sliding, &keys.aligned};
    case WindowKind::session:
      return {&keys.window, &keys.session};
    case WindowKind::running:
      return {&keys.window};
  }
  return {};
}

void check_slide(const Section& section, const WindowOptions& window) {
  if (window.kind != WindowKind::sliding) return;
  if (window.slide > window.size) {
    return section.error("slide", "slide is longer than size: readings between windows would be lost");
  }
  const std::int64_t pane = std::gcd(window.size.count(), window.slide.count());
  if (window.size.count() / pane <= max_panes) return;
  section.error("slide", "size and slide have a greatest common divisor of " + to_text(Duration::microseconds(pane)) +
                             ": a window would be kept in more than " + std::to_string(max_panes) + " parts");
}

void check_times(const Section& section, const WindowOptions& window) {
  const Duration offset = window.offset < Duration() ? Duration() - window.offset : window.offset;
  if (section.find("offset") != nullptr && offset >= window.size) {
    section.error("offset", "offset must be shorter than size");
  }
  if (window.kind == WindowKind::session && window.max_length < window.gap) {
    section.error("max_length", "max_length is shorter than gap");
  }
  check_slide(section, window);
  const Duration ten_sizes = Duration::microseconds(detail::saturating_mul(window.size.count(), 10));
  const bool has_size = window.kind == WindowKind::tumbling || window.kind == WindowKind::sliding;
  if (has_size && window.allowed_lateness > ten_sizes) {
    section.warning("allowed_lateness",
                    "allowed_lateness is more than 10 times size: every sensor keeps that many windows in memory");
  }
}

void read_time_zone(const Section& section, WindowOptions& window) {
  const Node* const node = section.find("timezone");
  std::string name;
  section.read("timezone", name);
  if (node == nullptr || !node->known || name == "UTC") return;
  window.time_zone = time_zone_named(name);
  if (!window.time_zone) {
    const std::vector<std::string> names = time_zone_names();
    const std::vector<std::string_view> views(names.begin(), names.end());
    return section.error("timezone", "the system knows no time zone \"" + name + "\"", did_you_mean(name, views));
  }
  const std::int64_t day = Duration::days(1).count();
  const bool whole_days =
      window.size.count() % day == 0 && (window.kind != WindowKind::sliding || window.slide.count() % day == 0);
  if (!whole_days) section.error("timezone", "with a timezone, size and slide have to be whole days");
}

WindowOptions read_window(const Section& section, WindowKind kind, const Names& sources) {
  WindowOptions window;
  window.name = section.node().key;
  window.kind = kind;
  for (const std::uint32_t source : sources.inputs_of(section)) window.inputs.push_back(static_cast<SourceId>(source));
  read_aggregates(section, window.aggregates);
  section.read("allowed_lateness", window.allowed_lateness);
  section.read("trigger", window.trigger);
  const std::pair<const char*, Duration*> durations[] = {{"size", &window.size},
                                                         {"slide", &window.slide},
                                                         {"gap", &window.gap},
                                                         {"max_length", &window.max_length},
                                                         {"offset", &window.offset}};
  for (const auto& [key, target] : durations) {
    if (section.find(key) != nullptr && section.takes(key)) section.read(key, *target);
  }
  if (section.takes("offset")) {
    read_time_zone(section, window);
    section.read("emit_empty", window.emit_empty);
  }
  check_times(section, window);
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

}  // namespace

void read_windows(const Node& windows, const Names& sources, PipelineOptions& options, Names& names, Report& report) {
  for (const Node& node : windows.children) {
    check_name(node, "windows", false, report);
    check_not_reserved(node, report);
    names.add(node);
    const std::string name = "windows." + node.key;
    if (node.kind != Node::Kind::table) {
      report.error(node.location, name + " is not a table");
      continue;
    }
    std::optional<WindowKind> kind = read_type<WindowKind>(node, name, key_table().window, report);
    if (node.find("type") == nullptr) kind = WindowKind::tumbling;
    if (!kind) continue;
    const Section section(node, name, groups_of(*kind), report);
    options.windows.push_back(read_window(section, *kind, sources));
  }
  if (names.size() > max_windows) {
    report.error(windows.children[max_windows].key_location, "windows: there are " + std::to_string(names.size()) +
                                                                 ", at most " + std::to_string(max_windows) +
                                                                 " are possible");
  }
}

}  // namespace edgetide
