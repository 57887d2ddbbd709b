#include "pipeline/late_rows.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "pipeline/definition_bytes.h"
#include "pipeline/mergeable.h"
#include "pipeline/pipeline.h"
#include "pipeline/window_definition.h"

namespace edgetide {

namespace {

using Kind = Aggregate::Kind;

// What only some tables have does not help the others.
bool has(const WindowOptions& window, const Aggregate& aggregate) {
  const auto named = named_aggregates(window);
  return std::find(named.begin(), named.end(), aggregate) != named.end();
}

// Empty: it is exact.
std::string refusal_of(const WindowOptions& window, const Aggregate& aggregate) {
  switch (aggregate.kind) {
    case Kind::count:
    case Kind::sum:
    case Kind::min:
    case Kind::max:
    case Kind::avg:
    case Kind::mean:
    case Kind::first_time:
    case Kind::last_time:
      return {};
    case Kind::first:
      return has(window, Aggregate::first_time) ? "" : "first needs the aggregate first_time";
    case Kind::last:
      return has(window, Aggregate::last_time) ? "" : "last needs the aggregate last_time";
    case Kind::range:
      return has(window, Aggregate::min) && has(window, Aggregate::max) ? "" : "range needs min and max";
    case Kind::stddev:
    case Kind::variance:
    case Kind::m2:
      if (has(window, Aggregate::avg) || has(window, Aggregate::mean) || has(window, Aggregate::sum)) return {};
      return name_of(aggregate) + " needs avg or sum";
    default:
      return name_of(aggregate) + " of a row and of further readings does not give that of all";
  }
}

}  // namespace

std::optional<std::string> late_refusal(const WindowOptions& window) {
  const WindowTraits& kind = traits_of(window.kind);
  if (!kind.aligned) return std::string(kind.name) + " windows do not add late readings";
  if (window.deduplicate) return "with deduplicate it is not known which readings the row has";
  if (window.top) return "with top the row may have been left out";
  if (!window.derived.empty()) return "metrics that are computed from its rows would not follow";
  if (window.fill == Fill::last) return "with fill = \"last\" later rows would not follow";
  for (const Aggregate& aggregate : named_aggregates(window)) {
    if (std::string reason = refusal_of(window, aggregate); !reason.empty()) return reason;
  }
  return std::nullopt;
}

std::string late_shape(const WindowOptions& window) {
  WindowOptions shape;
  shape.kind = window.kind;
  shape.size = window.size;
  shape.slide = window.slide;
  shape.offset = window.offset;
  shape.time_zone = window.time_zone;
  shape.match = window.match;
  shape.group_by = window.group_by;
  shape.one_group = window.one_group;
  shape.cube = window.cube;
  std::string bytes;
  ByteWriter out(bytes);
  save_definition(out, shape);
  return bytes;
}

std::size_t late_rows_of_reading(const WindowOptions& window) {
  const std::size_t keys = window.cube ? std::size_t{1} << window.group_by.size() : 1;
  return keys * traits_of(window.kind).windows_of_reading(window);
}

LateOutcome WindowDefinition::late_outcome(const Reading& reading,
                                           const std::function<Timestamp(KeyId)>& reached) const {
  const std::span<const KeyId> keys = keys_.keys_of(reading.series);
  if (keys.empty() || !takes_value(reading.value)) return LateOutcome::unmatched;
  const auto of_key = [&](KeyId key, const auto& windows) {
    const Timestamp time = reading.event_time;
    if (waits_ || (since_ && windows.first_start(time) < since_->at(key))) return LateOutcome::changed;
    if (windows.last_end(time) + options_.allowed_lateness > reached(key)) return LateOutcome::not_final;
    if constexpr (requires { windows.owes_row(key, time); }) {
      if (windows.owes_row(key, time)) return LateOutcome::row_waits;
    }
    return LateOutcome::adds;
  };
  for (const KeyId key : keys) {
    const LateOutcome outcome = std::visit([&](const auto& windows) { return of_key(key, windows); }, windows_);
    if (outcome != LateOutcome::adds) return outcome;
  }
  return LateOutcome::adds;
}

AddedRows WindowDefinition::late_rows(WindowId id, std::span<const Reading> late, const SeriesTable& table) const {
  struct Window {
    std::vector<AggregateLayout::Word> state;
    Timestamp end;
    SeriesId labels;  // of the newest reading
  };
  std::map<std::pair<Timestamp, KeyId>, Window> windows_by_start;
  const auto add = [&](const Reading& reading, KeyId key, const auto& windows) {
    const Timestamp last = windows.last_start(reading.event_time);
    Timestamp start = windows.first_start(reading.event_time);
    for (Timestamp before = Timestamp::earliest(); start <= last && start >= before;
         before = start + Duration::microseconds(1), start = windows.start_from(before)) {
      Window& window = windows_by_start[{start, key}];
      if (window.state.empty()) {
        window.state.resize(layout_.words());
        layout_.clear(window.state.data());
        window.end = windows.window_end(start);
      }
      layout_.add(window.state.data(), reading.event_time, reading.value);
      window.labels = reading.series;
    }
  };
  for (const Reading& reading : late) {
    if (!takes_value(reading.value)) continue;
    for (const KeyId key : keys_.keys_of(reading.series)) {
      std::visit(
          [&](const auto& windows) {
            if constexpr (requires { windows.window_end(Timestamp()); }) add(reading, key, windows);
          },
          windows_);
    }
  }
  AddedRows added{id, {}, {}};
  for (const auto& [place, window] : windows_by_start) {
    const auto& [start, key] = place;
    const double readings = static_cast<double>(AggregateLayout::count(window.state.data()));
    added.rows.push_back({grouped() ? keys_.group(key) : table.shared(window.labels), start, window.end, readings});
    for (const Aggregate& aggregate : options_.aggregates) {
      added.values.push_back(layout_.value(window.state.data(), aggregate, {start, window.end}));
    }
  }
  return added;
}

LateOutcome Pipeline::late_outcome(WindowId window, SourceId source, const Reading& reading) const {
  const WindowDefinition& definition = *windows_[index_of(window)];
  const auto& taken = sources_[index_of(source)].windows;
  if (std::find(taken.begin(), taken.end(), &definition) == taken.end()) return LateOutcome::unmatched;
  return definition.late_outcome(reading, [&](KeyId key) { return reached(window, key); });
}

AddedRows Pipeline::late_rows(WindowId window, std::span<const Reading> late) const {
  const WindowDefinition& definition = *windows_[index_of(window)];
  if (late_refusal(definition.options())) return {};
  std::vector<Reading> in_order(late.begin(), late.end());
  std::stable_sort(in_order.begin(), in_order.end(),
                   [](const Reading& a, const Reading& b) { return a.event_time < b.event_time; });
  return definition.late_rows(window, in_order, series_);
}

}  // namespace edgetide
