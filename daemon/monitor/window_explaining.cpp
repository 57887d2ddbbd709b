// The part of status_gathering.h that looks at one key of one window.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "daemon/monitor/status_gathering.h"

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
      if (view && is_named(pipeline_.series()[view->id], name) && !definition_.keys_of(view->id).empty()) {
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
    if (source.time.scope == WatermarkScope::sensor) return key;
    const bool global = source.time.scope == WatermarkScope::global;
    key.held_by = slowest([&](const SeriesView& other) { return global || other.source == view.source; });
    return key;
  }

  ExplainedKey group(KeyId group) const {
    ExplainedKey key = of(group);
    key.sensor = definition_.group(group).sensor;
    key.scope = "group";
    key.held_by = slowest([&](const SeriesView& other) {
      const auto keys = definition_.keys_of(other.id);
      return std::find(keys.begin(), keys.end(), group) != keys.end();
    });
    return key;
  }

  ExplainedKey of(KeyId key) const {
    ExplainedKey explained;
    explained.watermark = pipeline_.reached(window_, key);
    const Duration lateness = definition_.options().allowed_lateness;
    std::map<Timestamp, Timestamp> windows;
    definition_.view_windows([&](KeyId of, Timestamp start, Timestamp end) {
      if (of == key) windows.emplace(start, end);
      return true;
    });
    for (const auto& [start, end] : windows) {
      explained.windows.push_back({start, end, row_state(end, lateness, explained.watermark)});
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
  const std::vector<WindowOptions>& windows = parts.pipeline.windows;
  const auto found = std::find_if(windows.begin(), windows.end(),
                                  [&](const WindowOptions& candidate) { return candidate.name == window; });
  if (found == windows.end()) {
    explanation.error = "there is no window " + std::string(window);
    return explanation;
  }
  explanation.window = window;
  explanation.allowed_lateness = found->allowed_lateness;
  const WindowId id{static_cast<std::uint32_t>(found - windows.begin())};
  explanation.keys =
      parts.intake.inspect([&](const Pipeline& pipeline) { return Explaining(pipeline, id).keys_named(sensor); });
  if (!explanation.keys.empty()) return explanation;
  explanation.error = "no reading of " + std::string(sensor) + " was taken by window " + std::string(window);
  if (!found->group_by.empty()) explanation.error += "; give a group as in its rows, such as \"site=lyon\"";
  return explanation;
}

}  // namespace edgetide
