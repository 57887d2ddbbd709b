#include "tests/pipeline/model/model.h"

#include <algorithm>
#include <array>
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

std::string text_of(const std::vector<Label>& labels) {
  std::string text;
  for (const Label& label : labels) text += label.key + '=' + label.value + ';';
  return text;
}

struct SeriesState {
  Series names;
  std::uint32_t first_labels = 0;
  std::optional<std::pair<std::uint64_t, Timestamp>>
      begun;  // the first other ones: by arrival, and what was newest then
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
  Timestamp value = never;   // the minimum so far
  Timestamp stream = never;  // the newest event time less max_out_of_orderness
  bool is_awaited = true;
  Duration heard_at_tick;  // listening time
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
  bool is_final = false;          // has left as final
  std::vector<double> carried;    // what the readings before it decided in its row
  Timestamp joinable_to = never;  // of a session: a gap behind its last reading, also where it is cut
  bool is_gone = false;           // of a session that was cut: final, and a gap older
  bool is_ranked = false;         // its row is among the top
};

// A session, or one that is cut: then it has a window for each cell.
struct Session {
  std::vector<std::pair<std::uint64_t, Kept>> readings;
  bool is_cut = false;
};

// A key and, for ordering, its columns; nothing for a column that was left out.
using Columns = std::vector<std::optional<std::string>>;

struct Key {
  std::string sensor, metric;
  std::vector<Window> windows;
  std::vector<std::pair<std::uint64_t, Kept>> readings;  // of all windows, by arrival
  std::vector<Session> sessions;
  Timestamp settled = never;  // sessions up to there were final before its series, or group, was evicted
  Timestamp idle = never;
  Memory group;  // grouped definitions
  std::set<SeriesName> members;
  std::optional<Timestamp> first;  // start of the window of the earliest reading, for empty ones
  Timestamp passed = never;        // what the clock of empty ones had reached when some were missed behind that one
};

// What is remembered of evicted series.
struct Evicted {
  std::size_t limit = 0;
  std::map<SeriesName, Timestamp> newest;
  Timestamp floor = never;

  void remember(const SeriesName& name, Timestamp time) {
    if (time <= floor) return;
    Timestamp& kept = newest.try_emplace(name, never).first->second;
    kept = std::max(kept, time);
    if (newest.size() <= limit) return;
    std::vector<Timestamp> times;
    for (const auto& [of, at] : newest) times.push_back(at);
    std::sort(times.begin(), times.end());
    floor = times[times.size() / 4];
    std::erase_if(newest, [this](const auto& one) { return one.second <= floor; });
  }
  Timestamp recall(const SeriesName& name) {
    const auto known = newest.find(name);
    if (known == newest.end()) return floor;
    const Timestamp time = known->second;
    newest.erase(known);
    return time;
  }
};

// New series of a source, as many as fit.
struct Bucket {
  std::int64_t level = 0;  // in series, times a minute
  Duration filled_at;
};

struct DerivedWindow {
  Timestamp end;
  std::map<std::string, std::pair<Timestamp, std::uint32_t>> newest;       // by metric: of its reading, with its labels
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
  Memory ranked;                                                                // of all groups, with `top`
  std::set<std::tuple<std::string, std::string, std::string, Timestamp>> seen;  // with its labels
  std::map<Columns, Timestamp> evicted_groups;
  std::vector<ModelRow> retracted;
  std::optional<Duration> fired_at;
  std::map<std::pair<std::string, Timestamp>, DerivedWindow> derived;  // by sensor and start
  std::map<std::string, Timestamp> over;  // by sensor: windows that were final then have no derived row
  bool grouped() const {
    const auto& g = options.group_by;
    return options.one_group ||
           (!g.empty() && !(g.size() == 2 && g[0] == "sensor" && g[1] == "metric" && !options.cube));
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
    evicted_.limit = 4 * options.max_series;
    const auto per_minute = static_cast<std::int64_t>(options.new_series_per_minute);
    buckets_.assign(sources_.size(), {per_minute * minute, Duration()});
  }

  void take(const Input& input) {
    if (input.kind == Input::Kind::reading && !series_.contains({input.sensor, input.metric}) && !add_series(input)) {
      return;
    }
    has_clock_ = has_clock_ || (input.moment && input.kind != Input::Kind::raise && input.kind != Input::Kind::restart);
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
        if (input.time != Timestamp::latest()) floor_before_end_ = std::max(floor_before_end_, input.time);
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
  // --- series

  std::size_t taken() const { return slots_.size() - free_.size(); }

  // With the clock as it was before. False: it is refused, and the reading with it.
  bool add_series(const Input& input) {
    const auto refused = [&](Refusal reason) {
      ++sources_[input.source].counters.received;
      refuse(input.source, reason);
      return false;
    };
    std::optional<std::size_t> evictable;
    if (taken() >= options_.max_series) {
      for (const std::size_t slot : evictable_) {
        if (may_evict(slot)) evictable = slot;
      }
      if (!evictable) return refused(Refusal::series_limit);
    }
    if (has_clock_ && 2 * taken() >= options_.max_series && !take_from_bucket(input.source)) {
      return refused(Refusal::series_rate);
    }
    if (evictable) evict(*evictable);
    const Series names = test::series_of(input.sensor, input.metric);
    drop_groups();
    recall(names);
    const SeriesName name{input.sensor, input.metric};
    if (free_.empty()) {
      slots_.push_back(name);
    } else {
      slots_[free_.back()] = name;
      free_.pop_back();
    }
    series_[name].names = names;
    series_[name].first_labels = input.labels;
    return true;
  }

  bool take_from_bucket(std::uint32_t source) {
    Bucket& bucket = buckets_[source];
    const auto per_minute = static_cast<std::int64_t>(options_.new_series_per_minute);
    const std::int64_t level =
        std::min(per_minute * minute, bucket.level + (running_ - bucket.filled_at).count() * per_minute);
    if (level < minute) return false;
    bucket = {level - minute, running_};
    return true;
  }

  static bool has_windows(const Key& key) {
    return std::any_of(key.windows.begin(), key.windows.end(), [](const Window& window) {
      const bool is_kept = window.joinable_to > window.end && !window.is_gone;
      return !window.readings.empty() && (!window.is_final || is_kept);
    });
  }

  bool may_evict(std::size_t slot) const {
    if (!slots_[slot]) return false;
    const SeriesState& series = series_.at(*slots_[slot]);
    if (series.heard && !was_idle(series)) return false;
    return std::none_of(definitions_.begin(), definitions_.end(), [&](const Definition& d) {
      const auto key = d.keys.find({slots_[slot]->first, slots_[slot]->second});
      return !d.grouped() && key != d.keys.end() && has_windows(key->second);
    });
  }

  void evict(std::size_t slot) {
    const SeriesName name = *slots_[slot];
    const SeriesState& series = series_.at(name);
    if (series.heard) {
      Timestamp newest = newest_of(series);
      for (const Definition& d : definitions_) {
        const auto key = d.keys.find({name.first, name.second});
        if (d.grouped() || d.options.kind == WindowKind::running || key == d.keys.end()) continue;
        const Timestamp final_at = key->second.idle - d.options.allowed_lateness;
        if (key->second.idle == never || final_at <= last_end(d, newest)) continue;
        newest = final_at - (d.options.kind == WindowKind::session ? d.options.gap : Duration::microseconds(1));
      }
      evicted_.remember(name, newest);
    }
    for (Definition& d : definitions_) {
      if (!d.grouped()) d.keys.erase({name.first, name.second});
      if (d.grouped()) {
        for (auto& [columns, key] : d.keys) key.members.erase(name);
      }
      std::erase_if(d.seen, [&](const auto& seen) {
        return std::get<0>(seen) == name.first && std::get<1>(seen) == name.second;
      });
    }
    has_evicted_ = true;
    series_.erase(name);
    slots_[slot].reset();
    free_.push_back(slot);
    std::erase(evictable_, slot);
  }

  // Groups whose series are all gone, and their windows.
  void drop_groups() {
    if (!has_evicted_) return;
    for (Definition& d : definitions_) {
      if (!d.grouped()) continue;
      std::set<Columns> inhabited;
      for (const auto& [name, series] : series_) {
        for (const Columns& columns : columns_of(d, series.names)) inhabited.insert(columns);
      }
      std::erase_if(d.keys, [&](const auto& entry) {
        if (inhabited.contains(entry.first) || has_windows(entry.second)) return false;
        Timestamp& reached = d.evicted_groups.try_emplace(entry.first, never).first->second;
        reached = std::max(reached, this->reached(d, entry.second, 0, nullptr));
        return true;
      });
    }
  }

  void recall(const Series& names) {
    const Timestamp newest = evicted_.recall({names.sensor, names.metric});
    for (Definition& d : definitions_) {
      if (!matches(d, names) || d.options.kind == WindowKind::running) continue;
      for (const Columns& columns : columns_of(d, names)) {
        if (d.grouped() && d.keys.contains(columns)) continue;
        Timestamp reached = never;
        if (d.grouped() && d.evicted_groups.contains(columns)) reached = d.evicted_groups.at(columns);
        if (!d.grouped() && newest != never) reached = last_end(d, newest) + d.options.allowed_lateness;
        if (d.grouped()) d.evicted_groups.erase(columns);
        if (reached == never) continue;
        Key& key = d.keys[columns];
        name(d, columns, key);
        key.idle = reached;
        if (d.options.kind == WindowKind::session) key.settled = reached - d.options.allowed_lateness - d.options.gap;
      }
    }
  }

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
  // At the last tick, and not heard since.
  bool was_idle(const SeriesState& series) const {
    const Duration timeout = options_.sources[series.source].time.idle_timeout;
    return timeout != Duration::unlimited() && sources_[series.source].heard_at_tick - series.heard_at >= timeout;
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
      least = std::min(least, scope_of(i) == WatermarkScope::stream ? sources_[i].stream : sources_[i].value);
    }
    if (any && !awaits_any()) all_.value = std::max(all_.value, least);
  }

  bool awaits_any() const {
    return std::any_of(sources_.begin(), sources_.end(), [](const SourceState& source) { return source.is_awaited; });
  }
  // A source that the definition takes has not reported yet.
  bool awaits_any(const Definition& d) const {
    return std::any_of(d.options.inputs.begin(), d.options.inputs.end(), [&](SourceId source) {
      return sources_[index_of(source)].is_awaited &&
             any_of(d.options.match.source, options_.sources[index_of(source)].name);
    });
  }
  void release_sources() {
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
      const Duration timeout = options_.sources[i].time.idle_timeout;
      if (timeout != Duration::unlimited() && listened(i) >= timeout) sources_[i].is_awaited = false;
    }
  }

  void settle_group(const Definition& d, Key& key) {
    if (awaits_any(d)) return;
    Timestamp least = Timestamp::latest();
    for (const SeriesName& member : key.members) {
      if (series_.at(member).active) least = std::min(least, series_.at(member).own);
    }
    if (least != Timestamp::latest()) key.group.value = std::max(key.group.value, least);
  }
  bool is_ranked(const Definition& d) const { return d.grouped() && d.options.top.has_value(); }
  // Of the members of all groups.
  bool any_active(const Definition& d) const {
    return std::any_of(d.keys.begin(), d.keys.end(), [&](const auto& entry) {
      const auto& members = entry.second.members;
      return std::any_of(members.begin(), members.end(), [&](const auto& m) { return series_.at(m).active; });
    });
  }
  void settle_ranking(Definition& d, Timestamp least = Timestamp::latest()) {
    if (!is_ranked(d) || awaits_any(d)) return;
    for (const auto& [columns, key] : d.keys) {
      for (const SeriesName& member : key.members) {
        if (series_.at(member).active) least = std::min(least, series_.at(member).own);
      }
    }
    if (least != Timestamp::latest()) d.ranked.value = std::max(d.ranked.value, least);
  }
  void settle_groups(Definition& d) {
    for (auto& [columns, key] : d.keys) settle_group(d, key);
    settle_ranking(d);
  }

  Timestamp reached(const Definition& d, const Key& key, std::uint32_t source, const SeriesState* series) const {
    if (is_ranked(d)) return std::max({floor_, d.ranked.value, d.all_idle, key.idle});
    if (d.grouped()) return std::max({floor_, key.group.value, key.idle});
    const auto idle_of_source = d.source_idle.find(source);
    switch (scope_of(source)) {
      case WatermarkScope::source:
        return std::max({floor_, sources_[source].value, key.idle,
                         idle_of_source == d.source_idle.end() ? never : idle_of_source->second});
      case WatermarkScope::stream:
        return std::max({floor_, sources_[source].stream, key.idle,
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
    series_[name].names = test::series_of(input.sensor, input.metric, input.labels);
    labels_ = input.labels;
    note_other_labels(series_[name]);
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
    ++counters.outcomes[static_cast<std::size_t>(best.value_or(ReadingOutcome::unmatched))];
    if (!series.heard) join_others(series.names);
    hear(input, time, series);
  }

  void note_other_labels(SeriesState& series) const {
    const auto labels = [&](std::uint32_t n) { return test::series_of(series.names.sensor, "", n).labels; };
    if (series.begun || labels(series.first_labels) == labels(labels_)) return;
    series.begun = {arrivals_, series.heard ? newest_of(series) : never};
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
      if (d.grouped() || !feeds(series.source, d)) continue;
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

  bool feeds(std::uint32_t source, const Definition& d) const {
    const auto& inputs = d.options.inputs;
    return std::find(inputs.begin(), inputs.end(), SourceId{source}) != inputs.end() &&
           any_of(d.options.match.source, options_.sources[source].name);
  }
  bool takes(const Definition& d, std::uint32_t source, const Series& series) const {
    return feeds(source, d) && matches(d, series);
  }

  static bool matches(const Definition& d, const Series& series) {
    const MatchOptions& match = d.options.match;
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
  static std::vector<Columns> columns_of(const Definition& d, const Series& series) {
    if (!d.grouped()) return {{series.sensor, series.metric}};
    if (!matches(d, series)) return {};
    std::vector<Columns> wanted;
    const auto& by = d.options.group_by;
    for (std::size_t subset = 0; subset < (d.options.cube ? std::size_t{1} << by.size() : 1); ++subset) {
      Columns columns;
      for (std::size_t i = 0; i < by.size(); ++i) {
        columns.push_back((subset >> i) & 1 ? std::nullopt : std::optional(column(series, by[i])));
      }
      wanted.push_back(columns);
    }
    return wanted;
  }
  std::vector<Key*> keys_of(Definition& d, const Series& series) {
    std::vector<Key*> keys;
    for (const Columns& columns : columns_of(d, series)) {
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

  // What a series has reached holds from its first reading in a group on.
  void join_groups(Definition& d, const std::vector<Key*>& keys, const SeriesState& series) {
    for (Key* key : keys) {
      if (!key->members.insert({series.names.sensor, series.names.metric}).second || !series.heard) continue;
      Timestamp least = series.own;
      for (const SeriesName& member : key->members) {
        if (series_.at(member).active) least = std::min(least, series_.at(member).own);
      }
      if (!awaits_any(d)) key->group.value = std::max(key->group.value, least);
      settle_ranking(d, series.own);
    }
  }

  std::optional<ReadingOutcome> enter(Definition& d, const Input& input, Timestamp time, const SeriesState& series) {
    if (!takes(d, input.source, series.names)) return std::nullopt;
    if (input.value < d.options.match.min || input.value > d.options.match.max) return std::nullopt;
    std::vector<Key*> keys = keys_of(d, series.names);
    if (d.grouped()) join_groups(d, keys, series);
    if (d.options.deduplicate) {
      const bool late = std::all_of(keys.begin(), keys.end(), [&](const Key* key) {
        const Timestamp w = reached(d, *key, input.source, &series);
        const Timestamp end = d.options.kind == WindowKind::session ? join(d, *key, time, w).end : last_end(d, time);
        return end + d.options.allowed_lateness <= w;
      });
      if (!late &&
          !d.seen.insert({series.names.sensor, series.names.metric, text_of(series.names.labels), time}).second)
        return ReadingOutcome::duplicate;
    }
    ReadingOutcome best = ReadingOutcome::late_dropped;
    for (Key* key : keys) {
      const Timestamp w = reached(d, *key, input.source, &series);
      const Timestamp end = d.options.kind == WindowKind::session ? join(d, *key, time, w).end : last_end(d, time);
      if (d.options.kind != WindowKind::running && end + d.options.allowed_lateness <= w) continue;
      best = std::min(best, w < end || d.options.kind == WindowKind::running ? ReadingOutcome::on_time
                                                                             : ReadingOutcome::late_accepted);
      put(d, *key, time, input.value, w);
      key->readings.push_back({arrivals_, {time, input.value, input.labels}});
      key->first = std::min(key->first.value_or(newest_start(d, time)), newest_start(d, time));
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
    sources_[input.source].stream = std::max(sources_[input.source].stream, lead);
    sources_[input.source].is_awaited = false;
    settle_minimums();
    for (Definition& d : definitions_) {
      if (d.grouped() && takes(d, input.source, series.names)) {
        for (Key* key : keys_of(d, series.names)) {
          key->members.insert({series.names.sensor, series.names.metric});
          remember(key->group);
        }
        remember(d.ranked);
      }
      settle_groups(d);
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
    key.windows.push_back({start, end, {}, 0, RowState::open, false, false, false, {}});
    return key.windows.back();
  }

  void put(const Definition& d, Key& key, Timestamp time, double value, Timestamp w) {
    if (d.options.kind == WindowKind::session)
      return put_session(definitions_[d.number], key, {time, value, labels_}, w);
    if (d.options.kind == WindowKind::running)
      return put_into(find_or_create(key, Timestamp(), Timestamp::latest()), time, value);
    for (const std::int64_t n : covering(d, time)) {
      const auto [start, end] = window(d, n);
      if (w < end + d.options.allowed_lateness) put_into(find_or_create(key, start, end), time, value);
    }
  }
  void put_into(Window& window, Timestamp time, double value) {
    window.readings.push_back({arrivals_, {time, value, labels_}});
    window.changed = true;
  }

  // The windows of a session: one, or if it is cut one for each cell.
  std::vector<Window> windows_of(const Definition& d, const Session& session) const {
    std::map<std::int64_t, Window> by_cell;
    const std::int64_t length = d.options.max_length.count();
    for (const auto& [arrival, reading] : session.readings) {
      const std::int64_t t = reading.time.count();
      const std::int64_t cell = session.is_cut ? (t - (t % length + length) % length) / length : 0;
      const auto [at, is_new] = by_cell.try_emplace(cell);
      Window& window = at->second;
      window.start = is_new ? reading.time : std::min(window.start, reading.time);
      const Timestamp end = reading.time + d.options.gap;
      window.joinable_to = is_new ? end : std::max(window.joinable_to, end);
      window.end = window.joinable_to;
      if (session.is_cut) window.end = std::min(window.end, Timestamp::microseconds((cell + 1) * length));
      window.readings.emplace_back(arrival, reading);
    }
    std::vector<Window> windows;
    for (const auto& [cell, window] : by_cell) windows.push_back(window);
    return windows;
  }

  struct Joined {
    Session session;                // with the reading
    std::vector<std::size_t> from;  // which sessions of the key
    Timestamp end;                  // of the window that has the reading
  };
  Joined join(const Definition& d, const Key& key, Timestamp time, Timestamp w) const {
    Joined joined;
    Timestamp settled = key.settled;  // the last reading of a session that is final
    for (std::size_t i = 0; i < key.sessions.size(); ++i) {
      for (const Window& window : windows_of(d, key.sessions[i])) {
        const bool is_final = window.joinable_to + d.options.allowed_lateness <= w;
        const bool touches = std::any_of(window.readings.begin(), window.readings.end(), [&](const auto& reading) {
          return reading.second.time <= time + d.options.gap && time <= reading.second.time + d.options.gap;
        });
        if (is_final) settled = std::max(settled, window.joinable_to - d.options.gap);
        if (is_final || !touches || (!joined.from.empty() && joined.from.back() == i)) continue;
        joined.from.push_back(i);
      }
    }
    Session& session = joined.session;
    session.readings.push_back({arrivals_, {time, 0}});
    for (const std::size_t i : joined.from) {
      const Session& one = key.sessions[i];
      session.is_cut = session.is_cut || one.is_cut;
      session.readings.insert(session.readings.end(), one.readings.begin(), one.readings.end());
    }
    const auto earlier = [](const auto& a, const auto& b) { return a.second.time < b.second.time; };
    const auto [first, last] = std::minmax_element(session.readings.begin(), session.readings.end(), earlier);
    const Duration length = last->second.time + d.options.gap - first->second.time;
    session.is_cut = session.is_cut || length > d.options.max_length;
    for (const Window& window : windows_of(d, session)) {
      const bool has = std::any_of(window.readings.begin(), window.readings.end(),
                                   [&](const auto& reading) { return reading.first == arrivals_; });
      if (has) joined.end = window.end;
    }
    if (time <= settled) joined.end = never;
    return joined;
  }

  void put_session(Definition& d, Key& key, Kept reading, Timestamp w) {
    Joined joined = join(d, key, reading.time, w);
    joined.session.readings.front().second = reading;
    std::vector<Window> former;
    for (const std::size_t i : joined.from) {
      for (const Window& window : windows_of(d, key.sessions[i])) {
        const auto at = std::find_if(key.windows.begin(), key.windows.end(),
                                     [&](const Window& x) { return x.start == window.start && !x.is_final; });
        if (at == key.windows.end()) continue;
        former.push_back(*at);
        key.windows.erase(at);
      }
    }
    for (const Window& window : windows_of(d, joined.session)) {
      const auto starts = [&](const Window& x) { return x.start == window.start; };
      const bool is_over =
          std::any_of(key.windows.begin(), key.windows.end(), [&](const Window& x) { return starts(x) && x.is_final; });
      if (is_over) continue;
      const auto before = std::find_if(former.begin(), former.end(), starts);
      Window& now = key.windows.emplace_back(window);
      now.changed = true;
      if (before == former.end()) continue;
      now.revision = before->revision;
      now.state = before->state;
      if (joined.session.is_cut && goes_beyond_its_cell(d, *before)) {  // its row gets shorter
        if (retract(d, key, *before)) ++now.revision;
        if (now.revision > 0) now.state = RowState::retracted;
        now.changed = true;
        former.erase(before);
        continue;
      }
      now.is_ranked = before->is_ranked;
      now.changed = before->changed || before->end != now.end || before->readings.size() != now.readings.size();
      former.erase(before);
    }
    for (Window& window : former) {
      if (joined.session.is_cut && !goes_beyond_its_cell(d, window)) {
        window.end = std::min(window.joinable_to, cell_end(d, window.start));
      }
      retract(d, key, window);
    }
    for (auto i = joined.from.rbegin(); i != joined.from.rend(); ++i) {
      key.sessions.erase(key.sessions.begin() + static_cast<std::ptrdiff_t>(*i));
    }
    key.sessions.push_back(std::move(joined.session));
  }

  static Timestamp cell_end(const Definition& d, Timestamp time) {
    const std::int64_t length = d.options.max_length.count(), t = time.count();
    return Timestamp::microseconds(t - (t % length + length) % length + length);
  }
  static bool goes_beyond_its_cell(const Definition& d, const Window& session) {
    return std::any_of(session.readings.begin(), session.readings.end(),
                       [&](const auto& reading) { return reading.second.time >= cell_end(d, session.start); });
  }

  // False: there is no row.
  bool retract(Definition& d, const Key& key, const Window& session) {
    if (session.revision == 0 || session.state == RowState::retracted) return false;
    d.retracted.push_back({0, d.number, key.sensor, key.metric, session.start, session.end, RowState::retracted, true,
                           session.revision + 1,
                           std::vector<double>(d.options.aggregates.size(), std::numeric_limits<double>::quiet_NaN())});
    return true;
  }

  // --- ticks

  void tick(bool all) {
    ++epoch_;
    release_sources();
    settle_minimums();  // before anyone falls silent
    for (Definition& d : definitions_) settle_groups(d);
    for (std::uint32_t i = 0; i < sources_.size(); ++i) sources_[i].heard_at_tick = listened(i);
    for (auto& [name, series] : series_) series.active = series.active && !idle(series);
    settle_minimums();
    for (Definition& d : definitions_) {
      settle_groups(d);
      follow_clocks(d);
    }
    for (Definition& d : definitions_) {
      const std::int64_t trigger = d.options.trigger.count();
      const bool due = !d.fired_at || running_.count() / trigger > d.fired_at->count() / trigger;
      if (all || due) fire(d);
    }
    evictable_.clear();
    for (std::size_t slot = 0; taken() >= options_.max_series && slot < slots_.size(); ++slot) {
      if (may_evict(slot)) evictable_.push_back(slot);
    }
  }

  Timestamp newest_final_at(const Definition& d, const Key& key) const {
    if (d.options.kind == WindowKind::running) return never;
    Timestamp newest = never;
    for (const Window& w : key.windows) {
      if (d.options.kind == WindowKind::session) {
        if (w.is_gone) continue;
        newest = std::max(newest, w.joinable_to + d.options.allowed_lateness);
      } else if (!w.readings.empty() && !w.is_final) {
        newest = std::max(newest, w.end + d.options.allowed_lateness);
      }
    }
    return newest;
  }

  Timestamp clock_of(const Memory& memory) const { return memory.lead + (listened(memory.source) - memory.heard_at); }

  void follow_clocks(Definition& d) {
    if (is_ranked(d)) {
      Timestamp newest = never;
      for (const auto& [columns, key] : d.keys) newest = std::max(newest, newest_final_at(d, key));
      if (!any_active(d) && d.ranked.lead != never && !awaits_any(d))
        d.all_idle = std::max(d.all_idle, std::min(clock_of(d.ranked), newest));
      return;
    }
    if (d.grouped()) {
      for (auto& [columns, key] : d.keys) {
        const bool active =
            std::any_of(key.members.begin(), key.members.end(), [&](const auto& m) { return series_.at(m).active; });
        if (!active && key.group.lead != never && !awaits_any(d))
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
      if (scope == WatermarkScope::source || scope == WatermarkScope::stream) {
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
      Memory memory = source_memory_[i];
      if (scope_of(i) == WatermarkScope::stream) memory.lead = sources_[i].stream;
      idle_part = std::max(idle_part, std::min(clock_of(memory), newest[i]));
    }
    if (!any_active && !awaits_any() && all_.lead != never)
      d.all_idle = std::max(d.all_idle, std::min(clock_of(all_), newest_of_all));
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
        if (window.is_final && window.joinable_to + d.options.allowed_lateness <= w) window.is_gone = true;
        if (window.is_final) continue;
        if (!window.readings.empty() && carry_in(d, key, window)) window.changed = true;
        const RowState state = window.readings.empty() ? empty_state(d, key, window, w) : state_of(d, window, w);
        const bool changed = window.changed || state != window.state;
        if (!changed && (!d.options.complete || window.readings.empty())) continue;
        leaving.push_back({row_of(d, key, window, state, changed), columns, &window, window.readings.empty()});
      }
    }
    if (!d.options.derived.empty()) derive(d, leaving);
    if (d.options.top && !d.options.complete) add_unchanged(d, leaving);
    if (std::any_of(leaving.begin(), leaving.end(), [](const Leaving& l) { return l.row.changed; })) leave(d, leaving);
    d.retracted.clear();
  }

  // Windows that others of the same start are ranked with.
  void add_unchanged(Definition& d, std::vector<Leaving>& leaving) {
    std::set<Timestamp> starts;
    std::set<const Window*> known;
    for (const Leaving& l : leaving) {
      known.insert(l.window);
      if (l.row.state != RowState::retracted) starts.insert(l.row.start);
    }
    for (auto& [columns, key] : d.keys) {
      for (Window& window : key.windows) {
        if (window.is_final || known.contains(&window) || !starts.contains(window.start)) continue;
        leaving.push_back({row_of(d, key, window, window.state, false), columns, &window});
      }
    }
  }

  // --- what comes before a window

  static std::vector<Kept> in_order(std::vector<std::pair<std::uint64_t, Kept>> readings) {
    std::sort(readings.begin(), readings.end(), [](const auto& a, const auto& b) {
      return a.second.time != b.second.time ? a.second.time < b.second.time : a.first < b.first;
    });
    std::vector<Kept> kept;
    for (const auto& [arrival, reading] : readings) kept.push_back(reading);
    return kept;
  }

  static Span span_of(const Definition& d, const Key& key, const Window& window) {
    Span span{window.start, window.end, {}, d.options.hold, d.options.reset_below};
    if (!d.aligned()) return span;
    auto before = key.readings;
    std::erase_if(before, [&](const auto& reading) { return reading.second.time >= window.start; });
    span.before = in_order(before);
    return span;
  }

  // True if that is not what it was when the row was emitted.
  static bool carry_in(const Definition& d, const Key& key, Window& window) {
    const auto asks_for = [&](const Aggregate& a) {
      const auto& list = d.options.aggregates;
      return std::find(list.begin(), list.end(), a) != list.end();
    };
    std::vector<double> carried;
    const Span span = span_of(d, key, window);
    if (!span.before.empty()) {
      for (const Aggregate& a : {Aggregate::delta, Aggregate::rate, Aggregate::increase, Aggregate::time_weighted_avg,
                                 Aggregate::changes, Aggregate::duration(0), Aggregate::duration(3)}) {
        if (!asks_for(a)) continue;
        carried = {span.before.back().value, static_cast<double>(span.before.back().time.count())};
      }
      if (asks_for(Aggregate::increase)) {
        const std::vector<double> counter = counter_after(span);
        carried.insert(carried.end(), counter.begin(), counter.end());
      }
    }
    return std::exchange(window.carried, carried) != carried;
  }

  static double filled(const Definition& d, const Aggregate& aggregate, const Span& span) {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    if (aggregate == Aggregate::count) return 0;
    if (d.options.fill == Fill::none || span.before.empty()) return nothing;
    if (span.before.back().time + d.options.hold <= span.start) return nothing;
    for (const Aggregate& a : {Aggregate::min, Aggregate::max, Aggregate::avg, Aggregate::first, Aggregate::last,
                               Aggregate::time_weighted_avg, Aggregate::mean, Aggregate::median, Aggregate::mode}) {
      if (aggregate == a) return span.before.back().value;
    }
    if (aggregate == Aggregate::changes) return 0;
    if (aggregate.kind == Aggregate::Kind::duration) return duration_of({}, span, aggregate.argument);
    return aggregate.kind == Aggregate::Kind::percentile ? span.before.back().value : nothing;
  }

  Columns columns_of(const Definition& d, const std::string& sensor, const std::string& metric) const {
    for (const auto& [columns, key] : d.keys) {
      if (key.sensor == sensor && key.metric == metric) return columns;
    }
    return {sensor, metric};
  }

  // The labels of the newest reading of a window. Where no aggregate knows when that came, those of the first variant
  // hold on in older windows.
  std::uint32_t labels_of(const Definition& d, const Key& key, const Window& window,
                          const std::vector<Kept>& kept) const {
    const SeriesState& series = series_.at({key.sensor, key.metric});
    using Kind = Aggregate::Kind;
    const auto& list = d.options.aggregates;
    const bool has_last =
        std::any_of(list.begin(), list.end(),
                    [](const Aggregate& aggregate) {
                      constexpr std::array know = {Kind::last,      Kind::delta,    Kind::rate,
                                                   Kind::last_time, Kind::increase, Kind::time_weighted_avg,
                                                   Kind::mad,       Kind::changes,  Kind::duration,
                                                   Kind::max_gap,   Kind::mode};
                      return std::find(know.begin(), know.end(), aggregate.kind) != know.end();
                    }) ||
        d.options.fill == Fill::last;
    const auto is_noted = [&](const auto& reading) { return series.begun && reading.first >= series.begun->first; };
    const bool all_noted = std::all_of(window.readings.begin(), window.readings.end(), is_noted);
    const bool is_older = series.begun && kept.back().time < series.begun->second;
    return has_last || all_noted || !is_older ? kept.back().labels : series.first_labels;
  }

  // Of the newest reading before; nothing where it is not known in which pane that was the newest.
  std::optional<std::uint32_t> labels_before(const Definition& d, const Key& key, const Span& span) const {
    if (span.before.empty()) return std::nullopt;
    const Timestamp newest = span.before.back().time;
    Window before{newest, newest, {}, 0, RowState::open, false, false, false, {}};
    for (const auto& reading : key.readings) {
      const bool is_there = d.options.kind == WindowKind::tumbling
                                ? newest_start(d, reading.second.time) == newest_start(d, newest)
                                : reading.second.time <= newest;
      if (is_there) before.readings.push_back(reading);
    }
    const std::uint32_t labels = labels_of(d, key, before, span.before);
    const bool is_known = d.options.kind == WindowKind::tumbling || labels == span.before.back().labels;
    return is_known ? std::optional(labels) : std::nullopt;
  }

  ModelRow row_of(const Definition& d, const Key& key, const Window& window, RowState state, bool changed) const {
    ModelRow row{epoch_,     d.number, key.sensor, key.metric,          window.start,
                 window.end, state,    changed,    window.revision + 1, {}};
    const Span span = span_of(d, key, window);
    const std::vector<Kept> kept = in_order(window.readings);
    for (const Aggregate& aggregate : d.options.aggregates) {
      row.values.push_back(kept.empty() ? filled(d, aggregate, span) : aggregate_of(kept, aggregate, span));
    }
    if (d.grouped()) return row;
    row.labels = kept.empty() ? labels_before(d, key, span) : std::optional(labels_of(d, key, window, kept));
    return row;
  }

  // --- what a definition may add

  // An empty window is open (and does not leave) until its time has passed on the clock of an idle series too.
  RowState empty_state(const Definition& d, const Key& key, const Window& window, Timestamp w) const {
    const SeriesState& series = series_.at({key.sensor, key.metric});
    const bool ended = w == Timestamp::latest();
    if (ended) w = passed(d, key, series);
    const Timestamp clock = std::max(idle(series) ? std::max(w, own_clock(series)) : w, key.passed);
    if (ended) return clock >= window.end || window.state == RowState::closed ? RowState::final : window.state;
    if (w >= window.end + d.options.allowed_lateness) return RowState::final;
    return clock >= window.end ? RowState::closed : window.state;
  }

  Timestamp newest_of(const SeriesState& series) const {
    return series.lead + options_.sources[series.source].time.max_out_of_orderness;
  }

  // The end of all input is not a time: up to here windows are missed then.
  Timestamp passed(const Definition& d, const Key& key, const SeriesState& series) const {
    const std::uint32_t source = series.source;
    const auto idle_of_source = d.source_idle.find(source);
    const Timestamp source_idle = idle_of_source == d.source_idle.end() ? never : idle_of_source->second;
    const Timestamp newest = std::max({newest_of(series), floor_before_end_, key.idle});
    switch (scope_of(source)) {
      case WatermarkScope::source:
        return std::max({newest, sources_[source].value, source_idle});
      case WatermarkScope::stream:
        return std::max(
            {newest, sources_[source].stream + options_.sources[source].time.max_out_of_orderness, source_idle});
      case WatermarkScope::global:
        return std::max({newest, all_.value, d.all_idle});
      case WatermarkScope::sensor:
        break;
    }
    return newest;
  }

  void add_empty_windows(Definition& d) {
    for (auto& [columns, key] : d.keys) {
      if (!key.first) continue;
      const SeriesState& series = series_.at({key.sensor, key.metric});
      Timestamp w = reached_now(d, key);
      if (w == Timestamp::latest()) w = passed(d, key, series);
      const Timestamp clock = std::max(idle(series) ? std::max(w, own_clock(series)) : w, key.passed);
      const std::int64_t next = covering(d, *key.first).back() + 1;
      if (window(d, next).second <= clock) key.passed = clock;
      for (std::int64_t n = next; window(d, n).second <= clock; ++n) {
        const auto [start, end] = window(d, n);
        const bool known = std::any_of(key.windows.begin(), key.windows.end(),
                                       [&, at = start](const Window& x) { return x.start == at; });
        if (!known) key.windows.push_back({start, end, {}, 0, RowState::open, false, false, false, {}});
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
        if (l.window != nullptr && !l.is_empty) {
          window.newest[input.metric] = {in_order(l.window->readings).back().time, *l.row.labels};
        }
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
      l.row.labels = derived_labels(derived, window);
      leaving.push_back(l);
      window.touched = false;
    }
    std::erase_if(d.derived, [&](const auto& entry) { return is_over(d, derived, entry.first.first, entry.second); });
  }

  // Of the newest reading, and of the first input of those of one time.
  static std::uint32_t derived_labels(const DerivedMetric& derived, const DerivedWindow& window) {
    std::pair newest{never, std::uint32_t{0}};
    for (const auto& input : derived.inputs) {
      if (window.newest.at(input.metric).first > newest.first) newest = window.newest.at(input.metric);
    }
    return newest.second;
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
    std::map<const Leaving*, std::size_t> places;
    if (d.options.top) places = places_by_top(d, leaving);
    const auto is_in = [&](const Leaving& l) { return places.contains(&l) && places.at(&l) < d.options.top->n; };
    std::map<Timestamp, bool> news;  // by start: the ranking is another one, or has other rows
    for (const Leaving& l : leaving) {
      if (!places.contains(&l)) continue;
      news[l.row.start] |= is_in(l) ? l.row.changed || !l.window->is_ranked : l.window->is_ranked;
    }
    std::vector<const Leaving*> rows;
    for (Leaving& l : leaving) {
      const bool is_ranked = places.contains(&l);
      const bool falls_out = is_ranked && !is_in(l) && l.window->is_ranked;
      const bool stays = !is_ranked || (is_in(l) && (news[l.row.start] || d.options.complete));
      if (stays || falls_out) rows.push_back(&l);
      if (l.window != nullptr) {
        l.window->changed = false;
        l.window->state = l.row.state;
        l.window->is_final = l.row.state == RowState::final;
        l.window->is_ranked = is_ranked && is_in(l);
        if (stays || falls_out) l.window->revision = l.row.revision;
      }
      if (is_ranked) l.row.changed = news[l.row.start];
      if (falls_out) fall_out(l.row);
    }
    const auto place_of = [&](const Leaving* l) { return places.contains(l) && is_in(*l) ? places.at(l) + 1 : 0; };
    std::stable_sort(rows.begin(), rows.end(), [&](const Leaving* a, const Leaving* b) {
      return std::pair(a->row.start, place_of(a)) < std::pair(b->row.start, place_of(b));
    });
    for (const Leaving* l : rows) {
      rows_.push_back(l->row);
      rows_.back().epoch = epoch_;
    }
  }

  static void fall_out(ModelRow& row) {
    row.state = RowState::retracted;
    row.labels.reset();
    for (double& value : row.values) value = std::numeric_limits<double>::quiet_NaN();
  }

  // Among the rows of their start, from 0.
  static std::map<const Leaving*, std::size_t> places_by_top(const Definition& d, const std::vector<Leaving>& leaving) {
    const auto& list = d.options.aggregates;
    const auto slot = static_cast<std::size_t>(std::find(list.begin(), list.end(), d.options.top->by) - list.begin());
    std::map<Timestamp, std::vector<const Leaving*>> by_start;
    for (const Leaving& l : leaving) {
      if (l.row.state != RowState::retracted) by_start[l.row.start].push_back(&l);
    }
    std::map<const Leaving*, std::size_t> places;
    for (auto& [start, rows] : by_start) {
      const auto value = [&](const Leaving* l) {
        return std::isnan(l->row.values[slot]) ? -std::numeric_limits<double>::infinity() : l->row.values[slot];
      };
      std::stable_sort(rows.begin(), rows.end(),
                       [&](const Leaving* a, const Leaving* b) { return value(a) > value(b); });
      for (std::size_t i = 0; i < rows.size(); ++i) places[rows[i]] = i;
    }
    return places;
  }

  PipelineOptions options_;
  std::vector<SourceState> sources_;
  std::map<std::uint32_t, Memory> source_memory_;
  std::map<SeriesName, SeriesState> series_;
  std::vector<Definition> definitions_;
  Memory all_;
  Timestamp floor_ = never;
  Timestamp floor_before_end_ = never;
  Duration running_;
  std::uint64_t epoch_ = 0;
  std::uint64_t arrivals_ = 0;
  static constexpr std::int64_t minute = 60'000'000;
  bool has_clock_ = false;
  bool has_evicted_ = false;
  std::vector<std::optional<SeriesName>> slots_;  // in which series are evicted: the last one that may be
  std::vector<std::size_t> free_;                 // the last one is given again first
  std::vector<std::size_t> evictable_;            // as of the last tick
  Evicted evicted_;
  std::vector<Bucket> buckets_;  // by source
  std::uint32_t labels_ = 0;     // of the reading that is taken
  std::vector<ModelRow> rows_;
};

}  // namespace

Outcome model_outcome(const Case& test_case) {
  Model model(test_case.options);
  for (const Input& input : test_case.inputs) model.take(input);
  return model.outcome();
}

}  // namespace edgetide::test
