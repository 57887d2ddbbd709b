#include "config/window_query.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "config/formula_parser.h"
#include "config/glob_check.h"
#include "config/spelling.h"

namespace edgetide {

namespace {

// A string, or a list of strings.
std::vector<std::string> globs_of(const Section& section, const Node& node) {
  std::vector<std::string> globs;
  const auto add = [&](const Node& text) {
    if (text.kind != Node::Kind::text) {
      section.error_at(text.location, node.key + " is neither a string nor a list of strings");
    } else if (text.text.empty() && text.known) {
      section.error_at(text.location, node.key + " holds an empty glob, which matches nothing");
    } else {
      globs.push_back(text.text);
      warn_of_expression(section, &text);
    }
  };
  if (node.kind != Node::Kind::list) {
    add(node);
    return globs;
  }
  for (const Node& child : node.children) add(child);
  if (node.children.empty()) section.error_at(node.location, node.key + " is empty; leave it out to take everything");
  return globs;
}

void read_match(const Section& section, MatchOptions& match) {
  const Node* const node = section.table("match");
  if (node == nullptr) return;
  const Section keys(*node, section.name() + ".match", {&section.keys().match}, section.report());
  const std::pair<const char*, std::vector<std::string>*> lists[] = {
      {"source", &match.source}, {"sensor", &match.sensor}, {"metric", &match.metric}};
  for (const auto& [key, globs] : lists) {
    if (const Node* given = keys.find(key)) *globs = globs_of(keys, *given);
  }
  if (const Node* labels = keys.table("labels")) {
    for (const Node& label : labels->children) match.labels.push_back({label.key, globs_of(keys, label)});
  }
  keys.read("min", match.min);
  keys.read("max", match.max);
  if (match.min > match.max) keys.error("max", "max is less than min: no value is taken");
}

void read_groups(const Section& section, WindowOptions& window) {
  section.read("group_by", window.group_by);
  section.read("cube", window.cube);
  std::vector<std::string> named;
  for (const Node* node : section.texts("group_by")) {
    if (std::find(named.begin(), named.end(), node->text) != named.end()) {
      section.error_at(node->location, "column '" + node->text + "' is named twice");
    }
    if (node->text.empty()) section.error_at(node->location, "a column needs a name: sensor, metric or a label");
    named.push_back(node->text);
  }
  window.one_group = section.find("group_by") != nullptr && window.group_by.empty();
  if (!window.cube) return;
  if (window.group_by.empty()) section.error("cube", "cube needs group_by: the columns whose subsets are grouped by");
  if (window.group_by.size() > max_cube_columns) {
    section.error("cube", "cube takes at most " + std::to_string(max_cube_columns) + " columns: each doubles the rows");
  }
}

bool is_computed(const WindowOptions& window, const Aggregate& aggregate) {
  return std::find(window.aggregates.begin(), window.aggregates.end(), aggregate) != window.aggregates.end();
}

void read_top(const Section& section, WindowOptions& window) {
  const Node* const node = section.table("top");
  if (node == nullptr) return;
  const Section keys(*node, section.name() + ".top", {&section.keys().top_rows}, section.report());
  TopOptions top;
  std::string by;
  keys.read("n", top.n);
  keys.read("by", by);
  const std::optional<Aggregate> aggregate = aggregate_named(by);
  if (!aggregate || !is_computed(window, *aggregate)) {
    if (!by.empty()) keys.error("by", "by is \"" + by + "\", which is not among the aggregates of the window");
  } else if (top.n > 0) {
    top.by = *aggregate;
    window.top = top;
  }
  if (window.emit_empty) section.error("top", "top and emit_empty exclude each other");
}

// "voltage" is its average, "voltage.max" its maximum.
std::optional<DerivedMetric::Input> input_of(const std::string& variable) {
  const std::size_t dot = variable.rfind('.');
  if (dot == std::string::npos) return DerivedMetric::Input{variable, Aggregate::avg};
  const std::optional<Aggregate> aggregate = aggregate_named(variable.substr(dot + 1));
  if (!aggregate) return std::nullopt;
  return DerivedMetric::Input{variable.substr(0, dot), *aggregate};
}

void add_inputs(const Section& section, const Node& node, const WindowOptions& window, const ParsedFormula& parsed,
                DerivedMetric& derived) {
  for (const std::string& variable : parsed.variables) {
    const std::optional<DerivedMetric::Input> input = input_of(variable);
    if (!input) {
      section.error_at(node.location,
                       "'" + variable + "' does not end in an aggregate; write metric or metric.aggregate");
      continue;
    }
    if (!is_computed(window, input->aggregate)) {
      section.error_at(node.location,
                       "'" + variable + "' needs \"" + name_of(input->aggregate) + "\" among the aggregates");
    }
    if (input->metric == derived.metric) section.error_at(node.location, "'" + node.key + "' is computed from itself");
    derived.inputs.push_back(*input);
  }
}

void read_derived(const Section& section, WindowOptions& window) {
  const Node* const table = section.table("derived");
  if (table == nullptr) return;
  for (const Node& node : table->children) {
    if (node.kind != Node::Kind::text) {
      section.error_at(node.location, "derived." + node.key + " is not a formula in quotes");
      continue;
    }
    const auto parsed = parse_formula(node.text);
    if (const auto* error = std::get_if<FormulaError>(&parsed)) {
      section.error_at(node.location, "derived." + node.key + ": " + error->reason + ", at character " +
                                          std::to_string(error->position + 1));
      continue;
    }
    DerivedMetric derived{node.key, {}, std::get<ParsedFormula>(parsed).formula};
    add_inputs(section, node, window, std::get<ParsedFormula>(parsed), derived);
    window.derived.push_back(std::move(derived));
  }
  if (!window.group_by.empty() || window.one_group)
    section.error("derived", "derived metrics need rows by sensor and metric; leave group_by out");
  const WindowTraits& kind = traits_of(window.kind);
  if (kind.grows) {
    section.error("derived", std::string(kind.name) + "s of two metrics do not match; derived needs another type");
  }
  if (!is_computed(window, Aggregate::count) || !is_computed(window, Aggregate::avg)) {
    section.error("derived", "derived metrics stand in avg, with a count: name both among the aggregates");
  }
}

// Which sensors a group will have is not known before they report.
void warn_of_lateness(const Section& section, const WindowOptions& window) {
  const bool by_series = !window.cube && window.group_by.size() == 2 &&
                         std::find(window.group_by.begin(), window.group_by.end(), "sensor") != window.group_by.end() &&
                         std::find(window.group_by.begin(), window.group_by.end(), "metric") != window.group_by.end();
  const bool grouped = window.one_group || (!window.group_by.empty() && !by_series);
  if (!grouped || traits_of(window.kind).endless) return;
  if (window.allowed_lateness > Duration()) return;
  section.warning(
      "group_by",
      "the windows of a group close when the sensors that have reported are past them: a sensor that is new, "
      "or was idle, and is behind the others is late at once; allowed_lateness gives it time");
}

void read_deduplicate(const Section& section, WindowOptions& window) {
  section.read_word("deduplicate", window.deduplicate, deduplicate_words);
  const WindowTraits& kind = traits_of(window.kind);
  if (window.deduplicate && kind.endless) {
    section.error("deduplicate",
                  "a " + std::string(kind.name) + " window never ends, so duplicates could never be forgotten");
  }
}

}  // namespace

void read_window_query(const Section& section, WindowOptions& window) {
  read_match(section, window.match);
  read_groups(section, window);
  read_deduplicate(section, window);
  if (window.emit_empty && (!window.group_by.empty() || window.one_group)) {
    section.error("emit_empty", "emit_empty needs rows by sensor and metric; leave group_by out");
  }
  read_top(section, window);
  read_derived(section, window);
  warn_of_lateness(section, window);
}

}  // namespace edgetide
