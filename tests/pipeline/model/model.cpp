#include "tests/pipeline/model/model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/pipeline/model/model_aggregates.h"

namespace edgetide::test {

namespace {

constexpr Timestamp never = Timestamp::earliest();

bool is_glob_of(const std::string& glob, const std::string& text, std::size_t g = 0, std::size_t t = 0) {
  if (g == glob.size()) return t == text.size();
  if (glob[g] == '*') return is_glob_of(glob, text, g + 1, t) || (t < text.size() && is_glob_of(glob, text, g, t + 1));
  return t < text.size() && (glob[g] == '?' || glob[g] == text[t]) && is_glob_of(glob, text, g + 1, t + 1);
}

bool any_of(const std::vector<std::string>& globs, const std::string& text) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const auto& g) { return is_glob_of(g, text); });
}

struct SeriesState {
  Series names;
  bool heard = false;
  bool active = false;
  Timestamp own = never;   // W_s
  Timestamp lead = never;  // the newest event time less max_out_of_orderness
  Duration heard_at;       // on the listening clock of `source`
  std::uint32_t source = 0;
};

struct SourceState {
  bool listening = false;
  Duration since, before;
  Counters counters;
  Timestamp value = never;  // the minimum so far
};

// Everything that has been heard of a key of a minimum.
struct Memory {
  Timestamp value = never;
  Timestamp lead = never;
  std::uint32_t source = 0;
  Duration heard_at;
};

using SeriesName = std::pair<std::string, std::string>;  // sensor, metric

struct Window {
  Timestamp start, end;
  std::vector<std::pair<std::uint64_t, Kept>> readings;  // by arrival
  std::uint32_t revision = 0;
  RowState state = RowState::open;
  bool changed = false;
  bool left_as_empty = false;
  bool is_final = false;  // has left as final
};

// A key and, for ordering, its columns; nothing for a column that was left out.
using Columns = std::vector<std::optional<std::string>>;

struct Key {
  std::string sensor, metric;
  std::vector<Window> windows;
  Timestamp idle = never;
  Memory group;  // grouped definitions
  std::set<SeriesName> members;
  std::optional<Timestamp> first;  // start of the window of the first reading, for empty ones
};

struct DerivedWindow {
  Timestamp end;
  std::map<std::string, std::pair<RowState, std::vector<double>>> inputs;  // by metric: avg, count
  std::uint32_t revision = 0;
  bool touched = false;
};

struct Definition {
  WindowOptions options;
  std::uint32_t number = 0;
  std::map<Columns, Key> keys;
  std::map<std::uint32_t, Timestamp> source_idle;
  Timestamp all_idle = never;
  std::set<std::tuple<std::string, std::string, Timestamp>> seen;
  std::vector<ModelRow> retracted;
  std::optional<Duration> fired_at;
  std::map<std::pair<std::string, Timestamp>, DerivedWindow> derived;  // by sensor and start
  std::map<std::string, Timestamp> over;  // by sensor: windows that were final then have no derived row
  bool grouped() const {
    const auto& g = options.group_by;
    return !g.empty() && !(g.size() == 2 && g[0] == "sensor" && g[1] == "metric" && !options.cube);
  }
  bool aligned() const { return options.kind == WindowKind::tumbling || options.kind == WindowKind::sliding; }
};

class Model {
 public:
  explicit Model(const PipelineOptions& options) : options_(options), sources_(options.sources.size()) {
    for (const WindowOptions& window : options.windows) {
      definitions_.emplace_back();
      definitions_.back().options = window;
      definitions_.back().number = static_cast<std::uint32_t>(definitions_.size()) - 1;
    }
  }

  void take(const Input& input) {
    if (input.moment && input.kind != Input::Kind::raise && input.kind != Input::Kind::restart) {
      running_ = std::max(running_, input.moment->running);
    }
    switch (input.kind) {
      case Input::Kind::reading:
        return reading(input);
      case Input::Kind::tick:
        return tick(false);
      case Input::Kind::tick_all:
        return tick(true);
      case Input::Kind::connect:
        return connect(input.source, true);
      case Input::Kind::disconnect:
        return connect(input.source, false);
      case Input::Kind::raise:
        floor_ = std::max(floor_, input.time);
        return;
      case Input::Kind::restart:
        for (std::uint32_t i = 0; i < sources_.size(); ++i) connect(i, false);
    }
  }

  Outcome outcome() {
    Outcome outcome{std::move(rows_), {}};
    for (const SourceState& source : sources_) outcome.counters.push_back(source.counters);
    return outcome;
  }

 private:
  // --- listening time and idleness

  Duration listened(std::uint32_t source) const {
    const SourceState& s = sources_[source];
    return s.listening ? s.before + (running_ - s.since) : s.before;
  }
  void connect(std::uint32_t source, bool up) {
    SourceState& s = sources_[source];
    if (s.listening == up) return;
    s.before = listened(source);
    s.listening = up;
    s.since = running_;
  }
  bool idle(const SeriesState& series) const {
    const Duration timeout = options_.sources[series.source].time.idle_timeout;
    return series.heard && timeout != Duration::unlimited() && listened(series.source) - series.heard_at >= timeout;
  }
  WatermarkScope scope_of(std::uint32_t source) const { return options_.sources[source].time.scope; }

  // --- watermarks

  bool source_active(std::uint32_t source) const {
    return std::any_of(series_.begin(), series_.end(),
                       [&](const auto& entry) { return entry.second.active && entry.second.source == source; });
  }

  void settle_minimums() {
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
      Timestamp least = Timestamp::latest();
      for (const auto& [name, series] : series_) {
        if (series.active && series.source == i) least = std::min(least, series.own);
      }
      if (source_active(i)) sources_[i].value = std::max(sources_[i].value, least);
    }
    Timestamp least = Timestamp::latest();
    bool any = false;
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
      if (!source_active(i)) continue;
      any = true;
      least = std::min(least, sources_[i].value);
    }
    if (any) all_.value = std::max(all_.value, least);
  }

  void settle_group(Key& key) {
    Timestamp least = Timestamp::latest();
    for (const SeriesName& member : key.members) {
      if (series_.at(member).active) least = std::min(least, series_.at(member).own);
    }
    if (least != Timestamp::latest()) key.group.value = std::max(key.group.value, least);
  }

  Timestamp reached(const Definition& d, const Key& key, std::uint32_t source, const SeriesState* series) const {
    if (d.grouped()) return std::max({floor_, key.group.value, key.idle});
    const auto idle_of_source = d.source_idle.find(source);
    switch (scope_of(source)) {
      case WatermarkScope::source:
        return std::max({floor_, sources_[source].value, key.idle,
                         idle_of_source == d.source_idle.end() ? never : idle_of_source->second});
      case WatermarkScope::global:
        return std::max({floor_, all_.value, d.all_idle, key.idle});
      case WatermarkScope::sensor:
        break;
    }
    return std::max({floor_, series == nullptr ? never : series->own, key.idle});
  }
  Timestamp reached_now(const Definition& d, const Key& key) const {
    if (d.grouped()) return reached(d, key, 0, nullptr);
    const SeriesState& series = series_.at({key.sensor, key.metric});
    return reached(d, key, series.source, &series);
  }

  // --- readings

  void refuse(std::uint32_t source, Refusal reason) {
    ++sources_[source].counters.refused[static_cast<std::size_t>(reason)];
  }

  void reading(const Input& input) {
    Counters& counters = sources_[input.source].counters;
    ++counters.received;
    const SeriesName name{input.sensor, input.metric};
    series_[name].names = test::series_of(input.sensor, input.metric);
    if (!std::isfinite(input.value)) return refuse(input.source, Refusal::not_finite);
    Timestamp time = input.time;
    if (!judge_time(input, time)) return;
    SeriesState& series = series_.at(name);
    if (series.heard && series.source != input.source) keep_reached(series);
    std::optional<ReadingOutcome> best;
    for (Definition& d : definitions_) {
      if (const auto outcome = enter(d, input, time, series)) best = std::min(best.value_or(*outcome), *outcome);
    }
    ++arrivals_;
    if (!best) return refuse(input.source, Refusal::unmatched);
    ++counters.outcomes[static_cast<std::size_t>(*best)];
    if (!series.heard) join_others(series.names);
    hear(input, time, series);
  }

  // The inputs of a derived metric that were heard before this one, by what the least of them has reached.
  std::optional<Timestamp> reached_by_others(Definition& d, const std::string& sensor, const std::string& metric) {
    std::optional<Timestamp> least;
    for (const auto& input : d.options.derived.front().inputs) {
      const auto other = series_.find({sensor, input.metric});
      if (input.metric == metric || other == series_.end() || !other->second.heard) continue;
      const Timestamp w = reached_now(d, *keys_of(d, other->second.names).front());
      least = std::min(least.value_or(w), w);
    }
    return least;
  }
  static Timestamp over_of(const Definition& d, const std::string& sensor) {
    const auto known = d.over.find(sensor);
    return known == d.over.end() ? never : known->second;
  }
  // The first reading of an input.
  void join_others(const Series& names) {
    for (Definition& d : definitions_) {
      if (d.options.derived.empty()) continue;
      const auto& inputs = d.options.derived.front().inputs;
      if (std::none_of(inputs.begin(), inputs.end(), [&](const auto& i) { return i.metric == names.metric; })) continue;
      Timestamp& over = d.over.try_emplace(names.sensor, never).first->second;
      over = std::max(over, reached_by_others(d, names.sensor, names.metric).value_or(never));
    }
  }

  // What a series has reached with one source does not go back with another.
  void keep_reached(const SeriesState& series) {
    for (Definition& d : definitions_) {
      if (d.grouped() || !takes(d, series.source, series.names)) continue;
      Key& key = *keys_of(d, series.names).front();
      key.idle = std::max(key.idle, reached(d, key, series.source, &series));
    }
  }

  bool judge_time(const Input& input, Timestamp& time) {
    if (!input.moment) return true;
    const TimeOptions& options = options_.sources[input.source].time;
    const Timestamp arrival = input.moment->wall;
    const bool early = options.max_future != Duration::unlimited() && time > arrival + options.max_future;
    const bool old = options.oldest != Duration::unlimited() && time < arrival - options.oldest;
    if (!early && !old) return true;
    if (options.on_bad_time == BadTimePolicy::use_arrival) {
      ++sources_[input.source].counters.restamped;
      time = arrival;
      return true;
    }
    refuse(input.source, early ? Refusal::too_early : Refusal::too_old);
    return false;
  }

  bool takes(const Definition& d, std::uint32_t source, const Series& series) const {
    const MatchOptions& match = d.options.match;
    const auto& inputs = d.options.inputs;
    if (std::find(inputs.begin(), inputs.end(), SourceId{source}) == inputs.end()) return false;
    if (!any_of(match.source, options_.sources[source].name)) return false;
    if (!any_of(match.sensor, series.sensor) || !any_of(match.metric, series.metric)) return false;
    for (const auto& label : match.labels) {
      if (!any_of(label.globs, column(series, label.label))) return false;
    }
    for (const DerivedMetric& derived : d.options.derived) {
      if (derived.metric == series.metric) return false;
    }
    return true;
  }

  static std::string column(const Series& series, const std::string& name) {
    if (name == "sensor") return series.sensor;
    if (name == "metric") return series.metric;
    for (const Label& label : series.labels) {
      if (label.key == name) return label.value;
    }
    return "";
  }

  // The keys of a series, made when they are new.
  std::vector<Key*> keys_of(Definition& d, const Series& series) {
    std::vector<Columns> wanted;
    if (!d.grouped()) {
      wanted = {{series.sensor, series.metric}};
    } else {
      const auto& by = d.options.group_by;
      for (std::size_t subset = 0; subset < (d.options.cube ? std::size_t{1} << by.size() : 1); ++subset) {
        Columns columns;
        for (std::size_t i = 0; i < by.size(); ++i) {
          columns.push_back((subset >> i) & 1 ? std::nullopt : std::optional(column(series, by[i])));
        }
        wanted.push_back(columns);
      }
    }
    std::vector<Key*> keys;
    for (const Columns& columns : wanted) {
      Key& key = d.keys[columns];
      name(d, columns, key);
      keys.push_back(&key);
    }
    return keys;
  }

  static void name(const Definition& d, const Columns& columns, Key& key) {
    if (!d.grouped()) {
      key.sensor = *columns[0];
      key.metric = *columns[1];
      return;
    }
    key.sensor.clear();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!columns[i]) continue;
      if (!key.sensor.empty()) key.sensor.append(1, ',');
      key.sensor.append(d.options.group_by[i]).append(1, '=').append(*columns[i]);
      if (d.options.group_by[i] == "metric") key.metric = *columns[i];
    }
    if (key.sensor.empty()) key.sensor.assign(1, '*');
  }

  std::optional<ReadingOutcome> enter(Definition& d, const Input& input, Timestamp time, const SeriesState& series) {
    if (!takes(d, input.source, series.names)) return std::nullopt;
    if (input.value < d.options.match.min || input.value > d.options.match.max) return std::nullopt;
    std::vector<Key*> keys = keys_of(d, series.names);
    if (d.options.deduplicate) {
      const bool late = std::all_of(keys.begin(), keys.end(), [&](const Key* key) {
        return last_end(d, time) + d.options.allowed_lateness <= reached(d, *key, input.source, &series);
      });
      if (!late && !d.seen.insert({series.names.sensor, series.names.metric, time}).second)
        return ReadingOutcome::duplicate;
    }
    ReadingOutcome best = ReadingOutcome::late_dropped;
    for (Key* key : keys) {
      const Timestamp w = reached(d, *key, input.source, &series);
      const Timestamp end = last_end(d, time);
      if (d.options.kind != WindowKind::running && end + d.options.allowed_lateness <= w) continue;
      best = std::min(best, w < end || d.options.kind == WindowKind::running ? ReadingOutcome::on_time
                                                                             : ReadingOutcome::late_accepted);
      put(d, *key, time, input.value, w);
      if (!key->first) key->first = newest_start(d, time);
    }
    return best;
  }

  void hear(const Input& input, Timestamp time, SeriesState& series) {
    const Timestamp lead = time - options_.sources[input.source].time.max_out_of_orderness;
    series.heard = series.active = true;
    series.lead = std::max(series.lead, lead);
    series.own = std::max(series.own, series.lead);
    series.heard_at = listened(input.source);
    series.source = input.source;
    const auto remember = [&](Memory& memory) {
      memory.lead = std::max(memory.lead, series.lead);
      memory.source = input.source;
      memory.heard_at = series.heard_at;
    };
    remember(all_);
    remember(source_memory_[input.source]);
    settle_minimums();
    for (Definition& d : definitions_) {
      if (d.grouped() && takes(d, input.source, series.names)) {
        for (Key* key : keys_of(d, series.names)) {
          key->members.insert({series.names.sensor, series.names.metric});
          remember(key->group);
        }
      }
      for (auto& [columns, key] : d.keys) settle_group(key);
    }
  }

  // --- windows

  // Start and end of window number n of a definition.
  static std::pair<Timestamp, Timestamp> window(const Definition& d, std::int64_t n) {
    const Duration step = d.options.kind == WindowKind::sliding ? d.options.slide : d.options.size;
    const Timestamp start = Timestamp::microseconds(n * step.count()) + d.options.offset;
    const Timestamp end = start + d.options.size;
    if (!d.options.time_zone) return {start, end};
    return {d.options.time_zone->to_utc(start), d.options.time_zone->to_utc(end)};
  }

  // The numbers of all windows that cover a time, oldest first.
  static std::vector<std::int64_t> covering(const Definition& d, Timestamp time) {
    const std::int64_t step = (d.options.kind == WindowKind::sliding ? d.options.slide : d.options.size).count();
    const std::int64_t around = (time - d.options.offset).count() / step;
    const std::int64_t reach = d.options.size.count() / step + 20'000'000 / step + 3;
    std::vector<std::int64_t> numbers;
    for (std::int64_t n = around - reach; n <= around + reach; ++n) {
      const auto [start, end] = window(d, n);
      if (start <= time && time < end) numbers.push_back(n);
    }
    return numbers;
  }

  static Timestamp last_end(const Definition& d, Timestamp time) {
    if (d.options.kind == WindowKind::session) return time + d.options.gap;
    if (d.options.kind == WindowKind::running) return Timestamp::latest();
    return window(d, covering(d, time).back()).second;
  }
  static Timestamp newest_start(const Definition& d, Timestamp time) {
    return d.aligned() ? window(d, covering(d, time).back()).first : time;
  }

  Window& find_or_create(Key& key, Timestamp start, Timestamp end) {
    for (Window& w : key.windows) {
      if (w.start == start && !w.is_final) return w;
    }
    key.windows.push_back({start, end, {}, 0, RowState::open, false, false, false});
    return key.windows.back();
  }

  void put(const Definition& d, Key& key, Timestamp time, double value, Timestamp w) {
    if (d.options.kind == WindowKind::session) return put_session(definitions_[d.number], key, time, value, w);
    if (d.options.kind == WindowKind::running)
      return put_into(find_or_create(key, Timestamp(), Timestamp::latest()), time, value);
    for (const std::int64_t n : covering(d, time)) {
      const auto [start, end] = window(d, n);
      if (w < end + d.options.allowed_lateness) put_into(find_or_create(key, start, end), time, value);
    }
  }
  void put_into(Window& window, Timestamp time, double value) {
    window.readings.push_back({arrivals_, {time, value}});
    window.changed = true;
  }

  void put_session(Definition& d, Key& key, Timestamp time, double value, Timestamp w) {
    Window grown{time, time + d.options.gap, {{arrivals_, {time, value}}}, 0, RowState::open, true, false, false};
    std::sort(key.windows.begin(), key.windows.end(),
              [](const Window& a, const Window& b) { return a.start < b.start; });
    std::vector<Window> others, joined;
    for (Window& session : key.windows) {
      const bool usable = !session.is_final && session.end + d.options.allowed_lateness > w;
      const bool touches = session.start <= grown.end && session.end >= grown.start;
      const Duration length = std::max(session.end, grown.end) - std::min(session.start, grown.start);
      if (!usable || !touches || length > d.options.max_length) {
        others.push_back(session);
        continue;
      }
      grown.start = std::min(grown.start, session.start);
      grown.end = std::max(grown.end, session.end);
      grown.readings.insert(grown.readings.end(), session.readings.begin(), session.readings.end());
      joined.push_back(session);
    }
    for (const Window& session : joined) {
      if (session.start == grown.start) {
        grown.revision = session.revision;
        grown.state = session.state;
      } else if (session.revision > 0) {
        retract(d, key, session);
      }
    }
    key.windows = others;
    key.windows.push_back(grown);
  }

  void retract(Definition& d, const Key& key, const Window& session) {
    d.retracted.push_back({0, d.number, key.sensor, key.metric, session.start, session.end, RowState::retracted, true,
                           session.revision + 1,
                           std::vector<double>(d.options.aggregates.size(), std::numeric_limits<double>::quiet_NaN())});
  }

  // --- ticks

  void tick(bool all) {
    ++epoch_;
    for (auto& [name, series] : series_) series.active = series.active && !idle(series);
    settle_minimums();
    for (Definition& d : definitions_) {
      for (auto& [columns, key] : d.keys) settle_group(key);
      follow_clocks(d);
    }
    for (Definition& d : definitions_) {
      const std::int64_t trigger = d.options.trigger.count();
      const bool due = !d.fired_at || running_.count() / trigger > d.fired_at->count() / trigger;
      if (all || due) fire(d);
    }
  }

  Timestamp newest_final_at(const Definition& d, const Key& key) const {
    if (d.options.kind == WindowKind::running) return never;
    Timestamp newest = never;
    for (const Window& w : key.windows) {
      if (!w.readings.empty() && !w.is_final) newest = std::max(newest, w.end + d.options.allowed_lateness);
    }
    return newest;
  }

  Timestamp clock_of(const Memory& memory) const { return memory.lead + (listened(memory.source) - memory.heard_at); }

  void follow_clocks(Definition& d) {
    if (d.grouped()) {
      for (auto& [columns, key] : d.keys) {
        const bool active =
            std::any_of(key.members.begin(), key.members.end(), [&](const auto& m) { return series_.at(m).active; });
        if (!active && !key.members.empty())
          key.idle = std::max(key.idle, std::min(clock_of(key.group), newest_final_at(d, key)));
      }
      return;
    }
    std::map<std::uint32_t, Timestamp> newest;
    Timestamp newest_of_all = never;
    for (auto& [columns, key] : d.keys) {
      const SeriesState& series = series_.at({key.sensor, key.metric});
      const Timestamp final_at = newest_final_at(d, key);
      const WatermarkScope scope = scope_of(series.source);
      if (scope == WatermarkScope::sensor && idle(series))
        key.idle = std::max(key.idle, std::min(own_clock(series), final_at));
      if (scope == WatermarkScope::source) {
        Timestamp& most = newest.try_emplace(series.source, never).first->second;
        most = std::max(most, final_at);
      }
      if (scope == WatermarkScope::global) newest_of_all = std::max(newest_of_all, final_at);
    }
    bool any_active = false;
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
      any_active = any_active || source_active(i);
      if (source_active(i) || !source_memory_.contains(i) || !newest.contains(i)) continue;
      Timestamp& idle_part = d.source_idle.try_emplace(i, never).first->second;
      idle_part = std::max(idle_part, std::min(clock_of(source_memory_[i]), newest[i]));
    }
    if (!any_active && all_.lead != never) d.all_idle = std::max(d.all_idle, std::min(clock_of(all_), newest_of_all));
  }
  Timestamp own_clock(const SeriesState& series) const {
    return series.lead + (listened(series.source) - series.heard_at);
  }

  static RowState state_of(const Definition& d, const Window& window, Timestamp w) {
    if (d.options.kind == WindowKind::running || w < window.end) return RowState::open;
    return w < window.end + d.options.allowed_lateness ? RowState::closed : RowState::final;
  }

  struct Leaving {
    ModelRow row;
    Columns order;
    Window* window = nullptr;
    bool is_empty = false;
  };

  void fire(Definition& d) {
    d.fired_at = running_;
    std::vector<Leaving> leaving;
    for (ModelRow& row : d.retracted) leaving.push_back({row, columns_of(d, row.sensor, row.metric)});
    if (d.options.emit_empty) add_empty_windows(d);
    for (auto& [columns, key] : d.keys) {
      const Timestamp w = reached_now(d, key);
      for (Window& window : key.windows) {
        if (window.is_final) continue;
        const RowState state = window.readings.empty() ? empty_state(d, key, window, w) : state_of(d, window, w);
        const bool changed = window.changed || state != window.state;
        if (!changed && (!d.options.complete || window.readings.empty())) continue;
        leaving.push_back({row_of(d, key, window, state, changed), columns, &window, window.readings.empty()});
      }
    }
    if (!d.options.derived.empty()) derive(d, leaving);
    if (std::any_of(leaving.begin(), leaving.end(), [](const Leaving& l) { return l.row.changed; })) leave(d, leaving);
    d.retracted.clear();
  }

  Columns columns_of(const Definition& d, const std::string& sensor, const std::string& metric) const {
    for (const auto& [columns, key] : d.keys) {
      if (key.sensor == sensor && key.metric == metric) return columns;
    }
    return {sensor, metric};
  }

  ModelRow row_of(const Definition& d, const Key& key, const Window& window, RowState state, bool changed) const {
    ModelRow row{epoch_,     d.number, key.sensor, key.metric,          window.start,
                 window.end, state,    changed,    window.revision + 1, {}};
    auto sorted = window.readings;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return a.second.time != b.second.time ? a.second.time < b.second.time : a.first < b.first;
    });
    std::vector<Kept> kept;
    for (const auto& [arrival, reading] : sorted) kept.push_back(reading);
    for (const Aggregate& aggregate : d.options.aggregates)
      row.values.push_back(aggregate_of(kept, aggregate, window.end));
    return row;
  }

  // --- what a definition may add

  // An empty window is open (and does not leave) until its time has passed on the clock of an idle series too.
  RowState empty_state(const Definition& d, const Key& key, const Window& window, Timestamp w) const {
    const SeriesState& series = series_.at({key.sensor, key.metric});
    if (w == Timestamp::latest()) w = series.lead;
    if (w >= window.end + d.options.allowed_lateness) return RowState::final;
    const Timestamp clock = idle(series) ? std::max(w, own_clock(series)) : w;
    return clock >= window.end ? RowState::closed : window.state;
  }

  void add_empty_windows(Definition& d) {
    for (auto& [columns, key] : d.keys) {
      if (!key.first) continue;
      const SeriesState& series = series_.at({key.sensor, key.metric});
      Timestamp w = reached_now(d, key);
      if (w == Timestamp::latest()) w = series.lead;
      const Timestamp clock = idle(series) ? std::max(w, own_clock(series)) : w;
      for (std::int64_t n = covering(d, *key.first).back() + 1; window(d, n).second <= clock; ++n) {
        const auto [start, end] = window(d, n);
        const bool known = std::any_of(key.windows.begin(), key.windows.end(),
                                       [&, at = start](const Window& x) { return x.start == at; });
        if (!known) key.windows.push_back({start, end, {}, 0, RowState::open, false, false, false});
      }
    }
  }

  void derive(Definition& d, std::vector<Leaving>& leaving) {
    const DerivedMetric& derived = d.options.derived.front();
    const auto slot = [&](const Aggregate& a) {
      const auto& list = d.options.aggregates;
      return static_cast<std::size_t>(std::find(list.begin(), list.end(), a) - list.begin());
    };
    for (const Leaving& l : leaving) {
      for (const auto& input : derived.inputs) {
        if (input.metric != l.row.metric) continue;
        if (l.row.end + d.options.allowed_lateness <= over_of(d, l.row.sensor)) continue;
        DerivedWindow& window = d.derived[{l.row.sensor, l.row.start}];
        window.end = l.row.end;
        window.touched = true;
        window.inputs[input.metric] = {l.row.state,
                                       {l.row.values[slot(Aggregate::avg)], l.row.values[slot(Aggregate::count)]}};
      }
    }
    for (auto& [at, window] : d.derived) {
      if (window.inputs.size() < derived.inputs.size() || (!window.touched && !d.options.complete)) {
        window.touched = false;
        continue;
      }
      RowState state = RowState::final;
      double count = 1e18;
      std::vector<double> values;
      for (const auto& input : derived.inputs) {
        const auto& [input_state, numbers] = window.inputs.at(input.metric);
        state = std::min(state, input_state);
        values.push_back(numbers[0]);
        count = std::min(count, numbers[1]);
      }
      Leaving l{{epoch_,
                 d.number,
                 at.first,
                 derived.metric,
                 at.second,
                 window.end,
                 state,
                 window.touched,
                 ++window.revision,
                 {}},
                {at.first, derived.metric}};
      for (const Aggregate& a : d.options.aggregates) {
        const double value = derived.formula->evaluate(values);
        l.row.values.push_back(a == Aggregate::count ? count
                               : a == Aggregate::avg && std::isfinite(value)
                                   ? value
                                   : std::numeric_limits<double>::quiet_NaN());
      }
      leaving.push_back(l);
      window.touched = false;
    }
    std::erase_if(d.derived, [&](const auto& entry) { return is_over(d, derived, entry.first.first, entry.second); });
  }

  // All rows of the inputs have left, or those that have not cannot any more. An input that was never heard is not
  // waited for when the others are final.
  bool is_over(Definition& d, const DerivedMetric& derived, const std::string& sensor, const DerivedWindow& window) {
    const Timestamp final_at = window.end + d.options.allowed_lateness;
    if (window.inputs.size() == derived.inputs.size()) {
      return std::all_of(window.inputs.begin(), window.inputs.end(),
                         [](const auto& i) { return i.second.first == RowState::final; });
    }
    if (final_at <= over_of(d, sensor)) return true;
    bool all_heard = true;
    for (const auto& input : derived.inputs) {
      const auto series = series_.find({sensor, input.metric});
      if (series == series_.end() || !series->second.heard) {
        all_heard = false;
      } else if (!window.inputs.contains(input.metric) &&
                 reached_now(d, *keys_of(d, series->second.names).front()) >= final_at) {
        return true;
      }
    }
    return !all_heard && reached_by_others(d, sensor, "").value_or(never) >= final_at;
  }

  void leave(const Definition& d, std::vector<Leaving>& leaving) {
    std::stable_sort(leaving.begin(), leaving.end(), [](const Leaving& a, const Leaving& b) {
      if (a.row.start != b.row.start) return a.row.start < b.row.start;
      if (a.order != b.order) return a.order < b.order;
      return a.row.state > b.row.state;
    });
    const std::set<const Leaving*> cut = d.options.top ? below_the_top(d, leaving) : std::set<const Leaving*>();
    for (const Leaving& l : leaving) {
      if (!cut.contains(&l)) {
        rows_.push_back(l.row);
        rows_.back().epoch = epoch_;
      }
      if (l.window == nullptr) continue;
      l.window->changed = false;
      l.window->state = l.row.state;
      l.window->is_final = l.row.state == RowState::final;
      if (!cut.contains(&l)) l.window->revision = l.row.revision;
    }
  }

  static std::set<const Leaving*> below_the_top(const Definition& d, const std::vector<Leaving>& leaving) {
    const auto& list = d.options.aggregates;
    const auto slot = static_cast<std::size_t>(std::find(list.begin(), list.end(), d.options.top->by) - list.begin());
    std::map<Timestamp, std::vector<const Leaving*>> by_start;
    for (const Leaving& l : leaving) {
      if (l.row.state != RowState::retracted) by_start[l.row.start].push_back(&l);
    }
    std::set<const Leaving*> cut;
    for (auto& [start, rows] : by_start) {
      const auto value = [&](const Leaving* l) {
        return std::isnan(l->row.values[slot]) ? -std::numeric_limits<double>::infinity() : l->row.values[slot];
      };
      std::stable_sort(rows.begin(), rows.end(),
                       [&](const Leaving* a, const Leaving* b) { return value(a) > value(b); });
      for (std::size_t i = d.options.top->n; i < rows.size(); ++i) cut.insert(rows[i]);
    }
    return cut;
  }

  PipelineOptions options_;
  std::vector<SourceState> sources_;
  std::map<std::uint32_t, Memory> source_memory_;
  std::map<SeriesName, SeriesState> series_;
  std::vector<Definition> definitions_;
  Memory all_;
  Timestamp floor_ = never;
  Duration running_;
  std::uint64_t epoch_ = 0;
  std::uint64_t arrivals_ = 0;
  std::vector<ModelRow> rows_;
};

}  // namespace

Outcome model_outcome(const Case& test_case) {
  Model model(test_case.options);
  for (const Input& input : test_case.inputs) model.take(input);
  return model.outcome();
}

}  // namespace edgetide::test
