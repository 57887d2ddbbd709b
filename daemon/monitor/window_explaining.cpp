// The part of status_gathering.h that looks at one key of one window.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "daemon/monitor/status_gathering.h"
#include "pipeline/window_named.h"

namespace edgetide {

namespace {

bool is_named(const Series& series, std::string_view name) {
  if (name == series.sensor) return true;
  return name.size() == series.sensor.size() + 1 + series.metric.size() && name.starts_with(series.sensor) &&
         name[series.sensor.size()] == '/' && name.ends_with(series.metric);
}

std::string name_of(const Series& series) {
  return series.sensor + '/' + series.metric;
}

class Explaining {
 public:
  Explaining(const Pipeline& pipeline, WindowId window)
      : pipeline_(pipeline), window_(window), definition_(pipeline.window(window)) {}

  std::vector<ExplainedKey> keys_named(std::string_view name) const {
    std::vector<ExplainedKey> keys;
    if (definition_.grouped()) {
      for (std::uint32_t i = 0; i < definition_.key_count(); ++i) {
        if (definition_.group(KeyId{i}).sensor == name) keys.push_back(group(KeyId{i}));
      }
      return keys;
    }
    for (std::uint32_t i = 0; i < definition_.key_count(); ++i) {
      const auto view = pipeline_.view(SeriesId{i});
      if (view && is_named(pipeline_.series()[view->id], name) && definition_.takes(view->id, pipeline_.series())) {
        keys.push_back(series(*view));
      }
    }
    return keys;
  }

 private:
  ExplainedKey series(const SeriesView& view) const {
    const SourceOptions& source = pipeline_.options().sources[index_of(view.source)];
    ExplainedKey key = of(key_of(view.id));
    key.sensor = pipeline_.series()[view.id].sensor;
    key.metric = pipeline_.series()[view.id].metric;
    key.source = source.name;
    key.scope = word_of(watermark_scope_words, source.time.scope);
    key.connected = pipeline_.listening(view.source);
    key.idle = view.idle;
    if (view.newest != Timestamp::earliest()) key.newest = view.newest;
    key.max_out_of_orderness = source.time.max_out_of_orderness;
    key.idle_timeout = source.time.idle_timeout;
    key.silence = view.silence;
    if (source.time.scope == WatermarkScope::sensor || source.time.scope == WatermarkScope::stream) return key;
    const bool global = source.time.scope == WatermarkScope::global;
    if (global) key.awaits = awaited([](SourceId) { return true; });
    key.held_by = slowest([&](const SeriesView& other) { return global || other.source == view.source; });
    return key;
  }

  ExplainedKey group(KeyId group) const {
    ExplainedKey key = of(group);
    key.sensor = definition_.group(group).sensor;
    key.scope = "group";
    const std::vector<SourceId>& inputs = definition_.options().inputs;
    key.awaits =
        awaited([&](SourceId source) { return std::find(inputs.begin(), inputs.end(), source) != inputs.end(); });
    key.held_by = slowest([&](const SeriesView& other) {
      bool found = false;
      pipeline_.series().for_each_variant(other.id, [&](SeriesId variant) {
        const auto keys = definition_.keys_of(variant);
        found = found || std::find(keys.begin(), keys.end(), group) != keys.end();
      });
      return found;
    });
    return key;
  }

  template <typename Concerns>
  std::string awaited(Concerns&& concerns) const {
    const auto sources = static_cast<std::uint32_t>(pipeline_.options().sources.size());
    for (std::uint32_t i = 0; i < sources; ++i) {
      if (concerns(SourceId{i}) && pipeline_.is_awaited(SourceId{i})) return pipeline_.options().sources[i].name;
    }
    return {};
  }

  ExplainedKey of(KeyId key) const {
    ExplainedKey explained;
    const Timestamp reached = pipeline_.reached(window_, key);
    if (reached != Timestamp::earliest()) explained.watermark = reached;
    const Duration lateness = definition_.options().allowed_lateness;
    std::map<Timestamp, Timestamp> windows;
    definition_.view_windows([&](KeyId of, Timestamp start, Timestamp end) {
      if (of == key) windows.emplace(start, end);
      return true;
    });
    for (const auto& [start, end] : windows) {
      explained.windows.push_back({start, end, row_state(end, lateness, reached)});
    }
    return explained;
  }

  // The name of the active series that is furthest behind, of those that are asked for.
  template <typename Wanted>
  std::string slowest(Wanted&& wanted) const {
    std::optional<SeriesView> found;
    for (std::uint32_t i = 0; i < pipeline_.series().size(); ++i) {
      const auto view = pipeline_.view(SeriesId{i});
      if (!view || view->idle || view->newest == Timestamp::earliest() || !wanted(*view)) continue;
      if (!found || view->newest < found->newest) found = view;
    }
    return found ? name_of(pipeline_.series()[found->id]) : std::string();
  }

  const Pipeline& pipeline_;
  const WindowId window_;
  const WindowDefinition& definition_;
};

}  // namespace

WindowExplanation explain_window(const StatusParts& parts, std::string_view window, std::string_view sensor) {
  WindowExplanation explanation;
  const std::optional<WindowId> id = window_named(parts.pipeline.windows, window);
  if (!id) {
    explanation.error = "there is no window " + std::string(window);
    return explanation;
  }
  explanation.window = window;
  const WindowOptions& options = parts.pipeline.windows[index_of(*id)];
  explanation.allowed_lateness = options.allowed_lateness;
  explanation.keys =
      parts.intake.inspect([&](const Pipeline& pipeline) { return Explaining(pipeline, *id).keys_named(sensor); });
  if (!explanation.keys.empty()) return explanation;
  explanation.error = "no reading of " + std::string(sensor) + " was taken by window " + std::string(window);
  if (options.one_group) explanation.error += "; the group of everything is called \"*\"";
  if (!options.group_by.empty()) explanation.error += "; give a group as in its rows, such as \"site=lyon\"";
  return explanation;
}

}  // namespace edgetide
