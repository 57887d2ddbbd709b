#include "config/sink_section.h"

#include <algorithm>
#include <string>
#include <vector>

#include "config/part_section.h"

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
  if (windows.size() == 0) section.error_at(section.node().key_location, "there is no window whose rows it could take");
  section.read_word("mode", sink.mode, output_mode_words);
  sink.outbox = read_outbox(section);
  section.read_rate("max_rate", sink.outbox.max_rate);
  sink.store = part.read(section, {sink.name, context.gateway_id, context.state_directory});
  refuse_session_of_source(section, *sink.store, options);
  if (sink.mode == OutputMode::complete) {
    for (const WindowId input : sink.inputs) options.pipeline.windows[index_of(input)].complete = true;
  }
  options.sinks.push_back(std::move(sink));
}

}  // namespace

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
