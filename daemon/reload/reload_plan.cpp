#include "daemon/reload/reload_plan.h"

#include <algorithm>
#include <utility>

#include "daemon/outbox/row_selection.h"
#include "pipeline/options_bytes.h"
#include "pipeline/window_definition.h"

namespace edgetide {

namespace {

// One source, window or sink, and everything whose change makes it a changed one.
template <typename Content>
struct Named {
  std::string name;
  Content content;
};

template <typename Content>
NameChanges compare(const std::vector<Named<Content>>& now, const std::vector<Named<Content>>& next) {
  const auto find = [](const std::vector<Named<Content>>& all, const std::string& name) {
    return std::find_if(all.begin(), all.end(), [&](const Named<Content>& one) { return one.name == name; });
  };
  NameChanges changes;
  for (const Named<Content>& one : next) {
    const auto before = find(now, one.name);
    if (before == now.end()) {
      changes.added.push_back(one.name);
    } else if (!(before->content == one.content)) {
      changes.changed.push_back(one.name);
    }
  }
  for (const Named<Content>& one : now) {
    if (find(next, one.name) == next.end()) changes.removed.push_back(one.name);
  }
  return changes;
}

struct SourceContent {
  std::string type;
  const ConfiguredSource* source;
  bool operator==(const SourceContent& other) const { return type == other.type && source->equals(*other.source); }
};

std::vector<Named<SourceContent>> sources_of(const GatewayOptions& options) {
  std::vector<Named<SourceContent>> sources;
  for (const SourceInput& input : options.sources) {
    sources.push_back({input.name, {input.type, input.source.get()}});
  }
  return sources;
}

std::vector<Named<std::string>> windows_of(const GatewayOptions& options) {
  std::vector<Named<std::string>> windows;
  for (const WindowOptions& window : options.pipeline.windows) {
    windows.push_back({window.name, WindowDefinition(window, options.pipeline.sources.size()).fingerprint()});
  }
  return windows;
}

// A sink changes with the windows that are its inputs and with their columns, but not with the output mode.
struct SinkContent {
  OutboxOptions outbox;
  const ConfiguredSink* store;
  std::vector<WindowSchema> inputs;
  bool operator==(const SinkContent& other) const {
    return outbox == other.outbox && store->equals(*other.store) && inputs == other.inputs;
  }
};

std::vector<Named<SinkContent>> sinks_of(const GatewayOptions& options) {
  std::vector<Named<SinkContent>> sinks;
  for (const SinkOptions& sink : options.sinks) {
    sinks.push_back({sink.name, {sink.outbox, sink.store.get(), schemas_of(options.pipeline.windows, sink)}});
  }
  return sinks;
}

bool has_other_modes(const GatewayOptions& now, const GatewayOptions& next) {
  return std::any_of(next.sinks.begin(), next.sinks.end(), [&](const SinkOptions& sink) {
    const auto before = std::find_if(now.sinks.begin(), now.sinks.end(),
                                     [&](const SinkOptions& known) { return known.name == sink.name; });
    return before != now.sinks.end() && before->mode != sink.mode;
  });
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string listed(const char* what, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? std::string(" ") + what + ' ' : ", ") + name;
  return text;
}

std::string listed(const char* what, const NameChanges& changes) {
  std::string text;
  for (const std::string& part :
       {listed("new", changes.added), listed("changed", changes.changed), listed("gone", changes.removed)}) {
    if (!part.empty()) text += (text.empty() ? std::string(what) + ':' : ",") + part;
  }
  return text;
}

std::vector<std::string> relabelled_tables(const EnrichmentOptions& now, const EnrichmentOptions& next) {
  std::vector<std::string> relabelled;
  for (const SensorTableInput& input : next.tables) {
    const auto before = std::find_if(now.tables.begin(), now.tables.end(),
                                     [&](const SensorTableInput& known) { return known.name == input.name; });
    if (before == now.tables.end()) continue;
    const std::size_t sensors = input.table->labels_changed(*before->table);
    if (sensors == 0) continue;
    relabelled.push_back(input.name + " (" + std::to_string(sensors) + (sensors == 1 ? " sensor)" : " sensors)"));
  }
  return relabelled;
}

// What a reload leaves as it is until the next start.
struct FixedKey {
  const char* name;
  bool (*is_same)(const GatewayOptions&, const GatewayOptions&);
  void (*keep)(const GatewayOptions&, GatewayOptions&);
};

// `of(options)` is the option.
template <auto of>
constexpr FixedKey fixed(const char* name) {
  return {name, [](const GatewayOptions& now, const GatewayOptions& next) { return of(now) == of(next); },
          [](const GatewayOptions& now, GatewayOptions& next) { of(next) = of(now); }};
}

constexpr FixedKey fixed_keys[] = {fixed < [](auto& options) -> auto& {return options.id;
}  // namespace
> ("gateway.id"), fixed < [](auto& options) -> auto& {
  return options.state_directory;
}
> ("gateway.state_directory"), fixed < [](auto& options) -> auto& {
  return options.log.target;
}
> ("log.target"), fixed < [](auto& options) -> auto& {
  return options.clock;
}
> ("[clock]"), fixed < [](auto& options) -> auto& {
  return options.monitor.http;
}
> ("[http]"), fixed < [](auto& options) -> auto& {
  return options.monitor.metrics;
}
> ("[metrics]"), fixed < [](auto& options) -> auto& {
  return options.journal;
}
> ("[journal]"), fixed < [](auto& options) -> auto& {
  return options.checkpoint;
}
> ("[checkpoint]"), fixed < [](auto& options) -> auto& {
  return options.quarantine;
}
> ("[quarantine]"),
};  // namespace edgetide

}  // namespace

bool NameChanges::has_added(const std::string& name) const {
  return contains(added, name);
}
bool NameChanges::has_changed(const std::string& name) const {
  return contains(changed, name);
}
bool NameChanges::has_removed(const std::string& name) const {
  return contains(removed, name);
}

ReloadPlan plan_reload(const GatewayOptions& now, const GatewayOptions& next) {
  ReloadPlan plan;
  plan.sources = compare(sources_of(now), sources_of(next));
  plan.windows = compare(windows_of(now), windows_of(next));
  plan.sinks = compare(sinks_of(now), sinks_of(next));
  plan.relabelled = relabelled_tables(now.enrichment, next.enrichment);
  plan.settings = options_bytes(now.pipeline) != options_bytes(next.pipeline) || has_other_modes(now, next);
  for (const FixedKey& key : fixed_keys) {
    if (!key.is_same(now, next)) plan.needs_restart.emplace_back(key.name);
  }
  return plan;
}

std::string to_text(const ReloadPlan& plan) {
  std::string text;
  for (const std::string& part : {listed("sources", plan.sources), listed("windows", plan.windows),
                                  listed("sinks", plan.sinks), listed("new labels: table", plan.relabelled)}) {
    if (!part.empty()) text += (text.empty() ? "" : "; ") + part.substr(part.find_first_not_of(' '));
  }
  if (!text.empty()) return text;
  return plan.settings ? "other settings; no source, window or sink is made again"
                       : "no source, window or sink has changed";
}

void keep_until_restart(const GatewayOptions& now, GatewayOptions& next) {
  for (const FixedKey& key : fixed_keys) key.keep(now, next);
  next.monitor.control_path = now.monitor.control_path;  // below the state directory
}

}  // namespace edgetide
