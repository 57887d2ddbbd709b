#include "config/sink_section.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/condition_parser.h"
#include "config/part_section.h"
#include "config/spelling.h"
#include "pipeline/mergeable.h"
#include "sinks/row_guard.h"

namespace edgetide {

namespace {

OutboxOptions read_outbox(const Section& section) {
  OutboxOptions options;
  const Node* node = section.table("outbox");
  if (node == nullptr) return options;
  const Section outbox(*node, section.name() + ".outbox", {&section.keys().outbox}, section.report());
  outbox.read("max_size", options.max_bytes);
  outbox.read_word("when_full", options.when_full, when_full_words);
  return options;
}

// An aggregate that each input has, or the rank.
void check_variable(const Section& section, const std::string& variable, const SinkOptions& sink,
                    const std::vector<WindowOptions>& windows) {
  for (const WindowId input : sink.inputs) {
    if (index_of(input) >= windows.size()) continue;  // it has an error
    const WindowOptions& window = windows[index_of(input)];
    std::vector<std::string> names;
    const bool has_all = sink.parts == RowParts::mergeable;
    for (const Aggregate& aggregate : has_all ? std::span(window.aggregates) : named_aggregates(window)) {
      if (aggregate != Aggregate::sketch) names.push_back(name_of(aggregate));
    }
    if (window.top) names.emplace_back(rank_column);
    if (std::find(names.begin(), names.end(), variable) != names.end()) continue;
    section.error("where", "window " + window.name + " has no aggregate '" + variable + "'",
                  did_you_mean(variable, std::vector<std::string_view>(names.begin(), names.end())));
  }
}

void read_mergeable(const Section& section, SinkOptions& sink, std::vector<WindowOptions>& windows) {
  bool is_mergeable = false;
  section.read("mergeable", is_mergeable);
  if (!is_mergeable) return;
  sink.parts = RowParts::mergeable;
  for (const WindowId input : sink.inputs) {
    if (index_of(input) >= windows.size()) continue;  // it has an error
    WindowOptions& window = windows[index_of(input)];
    if (window.top) {
      section.error("mergeable",
                    "window " + window.name + " has `top`: what is merged would lack the rows that it leaves out");
    } else {
      add_merge_aggregates(window);
    }
  }
}

FilterOptions read_filter(const Section& section, const SinkOptions& sink, const std::vector<WindowOptions>& windows) {
  FilterOptions filter;
  section.read_word("on", filter.on, filter_on_words);
  const Node* const where = section.find("where");
  if (where == nullptr) {
    if (filter.on == FilterOn::change)
      section.error("on", "on = \"change\" needs a `where` that begins and ends to hold");
    return filter;
  }
  std::string text;
  section.read("where", text);
  if (where->kind != Node::Kind::text) return filter;
  const auto parsed = parse_condition(text);
  if (const auto* const error = std::get_if<FormulaError>(&parsed)) {
    section.error("where", "where: " + error->reason + ", at character " + std::to_string(error->position + 1));
    return filter;
  }
  const auto& formula = std::get<ParsedFormula>(parsed);
  for (const std::string& variable : formula.variables) check_variable(section, variable, sink, windows);
  filter.where = formula.formula;
  filter.variables = formula.variables;
  return filter;
}

// Brokers would disconnect one for the other without end.
void refuse_session_of_source(const Section& section, const ConfiguredSink& sink, const GatewayOptions& options) {
  const std::vector<std::string> sessions = sink.sessions();
  for (const SourceInput& input : options.sources) {
    const std::vector<std::string> taken = input.source->sessions();
    if (std::find_first_of(taken.begin(), taken.end(), sessions.begin(), sessions.end()) == taken.end()) continue;
    section.error("client_id", "has the server and the client_id of sources." + input.name);
  }
}

void read_sink(const Section& section, const SinkPart& part, const PartContext& context, const Names& windows,
               GatewayOptions& options) {
  SinkOptions sink;
  sink.name = section.node().key;
  sink.type = part.name;
  for (const std::uint32_t window : windows.inputs_of(section)) sink.inputs.push_back(static_cast<WindowId>(window));
  if (windows.size() == 0 && !section.report().fragment()) {
    section.error_at(section.node().key_location, "there is no window whose rows it could take",
                     "add a [windows.NAME]");
  }
  section.read_word("mode", sink.mode, output_mode_words);
  read_mergeable(section, sink, options.pipeline.windows);
  sink.outbox = read_outbox(section);
  section.read_rate("max_rate", sink.outbox.max_rate);
  section.read("max_lag", sink.outbox.max_lag);
  section.read("redeliver", sink.outbox.redeliver);
  section.read("redeliver_max_size", sink.outbox.redeliver_max_bytes);
  PartContext own{sink.name, context.gateway_id, context.state_directory};
  for (const WindowId input : sink.inputs) {
    if (index_of(input) < options.pipeline.windows.size()) {
      own.inputs.push_back(&options.pipeline.windows[index_of(input)]);
    }
  }
  sink.store = part.read(section, own);
  sink.filter = read_filter(section, sink, options.pipeline.windows);
  if (sink.filter.on == FilterOn::change && sink.store != nullptr && sink.store->traits().kind == SinkKind::table) {
    section.error("on", "on = \"change\" is for sinks that are streams of rows; the rows of a " +
                            std::string(part.name) + " sink are replaced");
  }
  refuse_session_of_source(section, *sink.store, options);
  if (sink.mode == OutputMode::complete) {
    for (const WindowId input : sink.inputs) options.pipeline.windows[index_of(input)].complete = true;
  }
  options.sinks.push_back(std::move(sink));
}

}  // namespace

void settle_triggers(const Node& windows, const PartList<SinkPart>& parts, GatewayOptions& options) {
  for (std::size_t i = 0; i < options.pipeline.windows.size(); ++i) {
    WindowOptions& window = options.pipeline.windows[i];
    const Node* const node = windows.find(window.name);
    if (node == nullptr || node->find("trigger") != nullptr) continue;
    std::optional<Duration> shortest;
    for (const SinkOptions& sink : options.sinks) {
      const SinkPart* const part = parts.find(sink.type);
      const bool takes =
          std::any_of(sink.inputs.begin(), sink.inputs.end(), [&](WindowId input) { return index_of(input) == i; });
      if (takes && part != nullptr) shortest = std::min(shortest.value_or(part->usual_trigger), part->usual_trigger);
    }
    window.trigger = shortest.value_or(window.trigger);
  }
}

void read_sinks(const Node& sinks, const PartList<SinkPart>& parts, const PartContext& context, const Names& windows,
                GatewayOptions& options, Report& report) {
  std::vector<ReadPart<SinkPart>> read;
  for (const Node& node : sinks.children) {
    check_name(node, "sinks", false, report);
    const std::string name = "sinks." + node.key;
    const SinkPart* const part = part_of(node, name, report.keys().sink, parts, report);
    if (part == nullptr) continue;
    read_sink(Section(node, name, with_part({&report.keys().sink}, *part), report), *part, context, windows, options);
    read.push_back({&node, part, options.sinks.back().store.get()});
  }
  check_clashes("sinks", read, report);
}

}  // namespace edgetide
