#include "daemon/commands/route_learner.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "config/config.h"
#include "config/parts.h"
#include "daemon/commands/learned_config.h"
#include "daemon/decoders/json.h"
#include "daemon/decoders/label_difference.h"
#include "daemon/decoders/topic_level.h"

namespace edgetide {

namespace {

using Levels = std::vector<std::string_view>;

Levels levels_of(std::string_view topic) {
  Levels levels;
  for (bool more = true; more;) levels.push_back(take_level(topic, more));
  return levels;
}

// The patterns that the comment of a preset names.
std::vector<std::string> patterns_of(const Preset& preset) {
  std::vector<std::string> patterns;
  const std::string meaning = meaning_of(preset);
  for (std::size_t open = meaning.find('"'); open != std::string::npos;) {
    const std::size_t close = meaning.find('"', open + 1);
    if (close == std::string::npos) break;
    std::string text = meaning.substr(open + 1, close - open - 1);
    if (text.find('/') != std::string::npos) patterns.push_back(std::move(text));
    open = meaning.find('"', close + 1);
  }
  return patterns;
}

std::string source_toml(const std::vector<LearnedRoute>& routes) {
  std::string toml = "[sources.learned]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\n";
  for (const LearnedRoute& route : routes) toml += "[[sources.learned.routes]]\n" + route.toml();
  return toml + "[windows.minute]\nsize = \"1m\"\n";
}

// Nothing: the configuration does not take it.
std::optional<Router> router_of(const std::vector<LearnedRoute>& routes) {
  try {
    return Router(routes_of_toml(source_toml(routes)));
  } catch (const ConfigErrors&) {
    return std::nullopt;
  }
}

struct Yield {
  std::size_t readings = 0;
  std::size_t payloads = 0;  // that have some
  bool has_bad_times = false;
  bool has_times = true;  // all of them
};

Yield yield_of(Router& router, std::string_view topic, const std::vector<std::string>& payloads) {
  Yield yield;
  for (const std::string& payload : payloads) {
    DecodedBatch batch;
    router.decode(topic, payload, batch);
    yield.readings += batch.readings.size();
    yield.payloads += batch.readings.empty() ? 0 : 1;
    for (const DecodedReading& reading : batch.readings) {
      const bool is_bad = reading.event_time == unreadable_time || reading.event_time < Timestamp::microseconds(1);
      yield.has_bad_times = yield.has_bad_times || (reading.event_time && is_bad);
      yield.has_times = yield.has_times && reading.event_time;
    }
  }
  return yield;
}

// Components of a Shelly are numbered, `switch:0`: other topics may look like its others.
bool may_be_of(std::string_view preset, std::string_view topic) {
  return preset != "shelly_status" || levels_of(topic).back().find(':') != std::string_view::npos;
}

// A literal level is better than a captured one, the further in front the better.
bool is_more_exact(const LearnedRoute& a, const LearnedRoute& b) {
  const auto rank = [](const LearnedRoute& route) {
    std::vector<int> ranks;
    for (const std::string_view level : levels_of(route.topic)) {
      const bool rest = level == "#" || level.ends_with("...}");
      ranks.push_back(rest ? 2 : level == "+" || level.starts_with('{') ? 1 : 0);
    }
    return ranks;
  };
  return rank(a) < rank(b);
}

void count(LearnedRoute& route, std::string_view topic, std::uint64_t messages) {
  if (route.topics++ == 0) route.example = topic;
  route.messages += messages;
}

// Words for what is said, which are the same for all devices.
bool is_usual_end(std::string_view level) {
  static const std::set<std::string_view> words = {
      "state",  "status", "data",  "sensor", "SENSOR", "sensors", "telemetry", "up",         "json",
      "values", "value",  "event", "events", "uplink", "reading", "readings",  "attributes", "raw"};
  return words.contains(level);
}

// What a topic says would mean something in a configuration: a capture, a reference to a file.
bool can_be_written(std::string_view topic) {
  return topic.find_first_of("{}+#") == std::string_view::npos;
}

struct FoundFormat {
  const FormatPart* part;
  std::vector<std::string> keys;
  std::size_t payloads = 0;  // that it reads

  std::string name() const { return std::string(part->name); }
  const Learning& learning() const { return *part->learning; }
};

// Topics of one shape: as many levels, the same first one, payloads of one format.
class Shape {
 public:
  Shape(FoundFormat format, std::size_t levels) : format_(std::move(format)), values_(levels) {}

  void add(const std::string& topic) {
    const Levels levels = levels_of(topic);
    for (std::size_t i = 0; i < levels.size(); ++i) values_[i].emplace(levels[i]);
  }

  LearnedRoute route() const {
    const std::size_t metric = metric_level();
    const std::size_t device = device_level(metric);
    LearnedRoute route{.format = format_.name(), .keys = format_.keys};
    std::string sensor;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      std::string level = *values_[i].begin();
      if (i == metric) level = "{metric}";
      const bool names = i == device || (i != metric && values_[i].size() > 1);
      if (names) level = i == device ? "{device}" : "{level" + std::to_string(i + 1) + '}';
      if (names) sensor += (sensor.empty() ? "" : "/") + level;
      route.topic += (i == 0 ? "" : "/") + level;
    }
    if (format_.learning().names_sensor) {
      route.topic = TopicPattern(route.topic).filter();
      return route;
    }
    if (sensor != "{device}") route.keys.push_back("sensor = " + in_toml(sensor));
    route.longer_sensors = longer_sensors(levels_of(route.topic), metric);
    return route;
  }

  Learning::Names names() const { return format_.learning().names; }

  // The same for the one topic that there is, without captures.
  LearnedRoute exact_route() const {
    LearnedRoute route{.format = format_.name(), .keys = format_.keys};
    for (const auto& values : values_) route.topic += (route.topic.empty() ? "" : "/") + *values.begin();
    if (format_.learning().names_sensor) return route;
    const std::size_t metric = metric_level();
    route.keys.push_back("sensor = " + in_toml(*values_[device_level(metric)].begin()));
    if (metric < values_.size()) route.keys.push_back("metric = " + in_toml(*values_[metric].begin()));
    route.longer_sensors = longer_sensors(levels_of(route.topic), metric);
    return route;
  }

 private:
  // All levels but that of the metric, and all.
  static std::vector<std::string> longer_sensors(const Levels& levels, std::size_t metric) {
    std::string others, all;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      if (i != metric) others += (others.empty() ? "" : "/") + std::string(levels[i]);
      all += (i == 0 ? "" : "/") + std::string(levels[i]);
    }
    return {std::move(others), std::move(all)};
  }

  std::size_t metric_level() const {
    return format_.learning().is_value && values_.size() > 1 ? last_telling(values_.size()) : values_.size();
  }

  // The last level before `end` that is not a usual end; the last one, if all are.
  std::size_t last_telling(std::size_t end) const {
    for (std::size_t i = end; i-- > 1;) {
      if (values_[i].size() > 1 || !is_usual_end(*values_[i].begin())) return i;
    }
    return end == values_.size() ? end - 1 : 0;
  }

  std::size_t device_level(std::size_t metric) const {
    for (std::size_t i = std::min(metric, values_.size()); i-- > 0;) {
      if (values_[i].size() > 1) return i;
    }
    return metric == values_.size() ? last_telling(metric) : metric - 1;
  }

  FoundFormat format_;
  std::vector<std::set<std::string, std::less<>>> values_;  // by level
};

bool is_plausible(const Learning& format, const Yield& yield, const std::vector<std::string>& payloads) {
  if (yield.readings == 0) return false;
  if (format.needs_times && (!yield.has_times || yield.has_bad_times)) return false;
  return format.may_be == nullptr || format.may_be(payloads[0]);
}

// By topics alone it is found before any payload is read.
bool is_tried(const FormatPart& part) {
  return part.learning && part.learning->topics.empty();
}

// The format of all messages with such a topic, or null.
const FormatPart* format_of_topic(const std::string& topic) {
  for (const FormatPart& part : built_in_parts().formats.built) {
    if (!part.learning || part.learning->topics.empty()) continue;
    std::vector<Capture> captures;
    if (TopicPattern(part.learning->topics).match(topic, captures)) return &part;
  }
  return nullptr;
}

// The formats that are tried, each with its router.
class FormatFinder {
 public:
  FormatFinder() {
    std::vector<const FormatPart*> parts;
    for (const FormatPart& part : built_in_parts().formats.built) {
      if (is_tried(part)) parts.push_back(&part);
    }
    std::stable_sort(parts.begin(), parts.end(),
                     [](const FormatPart* a, const FormatPart* b) { return a->learning->rank < b->learning->rank; });
    for (const FormatPart* const part : parts) {
      for (const std::string_view key : part->learning->variants) {
        FoundFormat found{part, {}};
        if (!key.empty()) found.keys.emplace_back(key);
        add(std::move(found));
      }
    }
  }

  // The one that reads most of the payloads, of several the first. Nothing: there is no value in them.
  std::optional<FoundFormat> format_of(const std::vector<std::string>& payloads) {
    std::optional<FoundFormat> best;
    for (auto& [format, router] : formats_) {
      const Yield yield = yield_of(router, "t", payloads);
      if (yield.payloads <= (best ? best->payloads : 0) || !is_plausible(format.learning(), yield, payloads)) continue;
      best = format;
      best->payloads = yield.payloads;
    }
    return best;
  }

 private:
  void add(FoundFormat format) {
    LearnedRoute route{.topic = "t", .format = format.name(), .keys = format.keys};
    route.keys.push_back("sensor = \"s\"");
    if (auto router = router_of({route})) formats_.emplace_back(std::move(format), std::move(*router));
  }

  std::vector<std::pair<FoundFormat, Router>> formats_;
};

// The key of `names` at the root of the payload that holds a value of the kind, if there is one.
std::optional<std::string> member_of(const std::string& payload, std::initializer_list<const char*> names,
                                     bool is_text_only) {
  JsonParser parser;
  const JsonParsed parsed = parser.parse(payload);
  if (!parsed.root) return std::nullopt;
  for (const char* const name : names) {
    const auto found = parsed.root->find(name);
    if (found && (found->is(JsonKind::text) || (!is_text_only && found->is(JsonKind::number)))) return name;
  }
  return std::nullopt;
}

constexpr std::initializer_list<const char*> names_of_time = {"time",  "Time",     "timestamp", "ts",
                                                              "epoch", "datetime", "last_seen", "date"};

// The first of the usual names that every value gets its time from.
void add_time(LearnedRoute& route, const std::string& topic, const std::vector<std::string>& payloads) {
  for (const char* const name : names_of_time) {
    LearnedRoute timed = route;
    timed.keys.push_back("time = " + in_toml(name));
    auto router = router_of({timed});
    if (!router) continue;
    const Yield yield = yield_of(*router, topic, payloads);
    if (yield.readings == 0 || !yield.has_times || yield.has_bad_times) continue;
    route = std::move(timed);
    return;
  }
}

// Adds the time, and of JSON the sensor where the topic does not tell devices apart.
void add_names(LearnedRoute& route, Learning::Names names, const std::string& topic,
               const std::vector<std::string>& payloads) {
  if (payloads.empty() || names == Learning::Names::none) return;
  if (names == Learning::Names::tried) return add_time(route, topic, payloads);
  if (const auto time = member_of(payloads[0], names_of_time, false)) {
    LearnedRoute timed = route;
    timed.keys.push_back("time = " + in_toml(*time));
    auto router = router_of({timed});
    if (router && !yield_of(*router, topic, payloads).has_bad_times) route = timed;
  }
  if (route.topics > 1) return;
  if (const auto sensor =
          member_of(payloads[0], {"sensor", "sensor_id", "device", "device_id", "deviceId", "id", "mac"}, true)) {
    std::erase_if(route.keys, [](const std::string& key) { return key.starts_with("sensor = "); });
    route.longer_sensors.clear();
    route.keys.push_back("sensor = { path = " + in_toml(*sensor) + " }");
  }
}

}  // namespace

void LearnedRoute::lengthen_sensor() {
  std::erase_if(keys, [](const std::string& key) { return key.starts_with("sensor = "); });
  keys.push_back("sensor = " + in_toml(longer_sensors.front()));
  longer_sensors.erase(longer_sensors.begin());
}

std::string LearnedRoute::toml() const {
  std::string text = "topic = " + in_toml(topic) + "\nformat = " + in_toml(format) + '\n';
  for (const std::string& key : keys) text += key + '\n';
  return text;
}

void RouteLearner::hear(std::string_view topic, std::string_view payload) {
  ++messages_;
  auto found = heard_.find(topic);
  if (found == heard_.end() && heard_.size() == max_topics) {
    ++beyond_;
    return;
  }
  if (found == heard_.end()) found = heard_.emplace(topic, Heard()).first;
  Heard& heard = found->second;
  ++heard.messages;
  if (heard.payloads.size() == max_samples || sample_bytes_ + payload.size() > max_sample_bytes) return;
  sample_bytes_ += payload.size();
  heard.payloads.emplace_back(payload);
}

// Takes from `left` what a preset reads.
std::vector<LearnedRoute> RouteLearner::take_presets(Topics& left) const {
  std::vector<LearnedRoute> candidates;
  for (const Preset& preset : built_in_parts().presets) {
    for (std::string& pattern : patterns_of(preset)) {
      LearnedRoute route{.topic = std::move(pattern), .format = std::string(preset.name)};
      if (!router_of({route})) route.keys.push_back("sensor = " + in_toml(route.format));
      if (router_of({route})) candidates.push_back(std::move(route));
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), is_more_exact);
  std::vector<LearnedRoute> used;
  for (LearnedRoute& route : candidates) {
    auto router = router_of({route});
    for (auto heard = left.begin(); heard != left.end();) {
      const bool reads =
          may_be_of(route.format, heard->first) && yield_of(*router, heard->first, heard->second.payloads).readings > 0;
      if (reads) count(route, heard->first, heard->second.messages);
      heard = reads ? left.erase(heard) : std::next(heard);
    }
    if (route.topics > 0) used.push_back(route);
  }
  return used;
}

std::vector<LearnedRoute> RouteLearner::take_formats(Topics& left) const {
  FormatFinder finder;
  using Key = std::pair<std::string, std::pair<std::size_t, std::string>>;
  std::map<Key, std::pair<Shape, std::vector<std::string>>> shapes;
  for (const auto& [topic, heard] : left) {
    const Levels levels = levels_of(topic);
    const auto format = finder.format_of(heard.payloads);
    if (!format) continue;
    const Key key{format->name() + (format->keys.empty() ? "" : ' ' + format->keys[0]),
                  {levels.size(), std::string(levels.front())}};
    auto& [shape, topics] =
        shapes.try_emplace(key, Shape(*format, levels.size()), std::vector<std::string>()).first->second;
    shape.add(topic);
    topics.push_back(topic);
  }
  std::map<std::pair<std::string, std::size_t>, std::size_t> alike;  // but for their first levels
  for (const auto& [key, shape] : shapes) ++alike[{key.first, key.second.first}];
  std::vector<LearnedRoute> routes;
  for (const auto& [key, shape_and_topics] : shapes) {
    const auto& [shape, topics] = shape_and_topics;
    LearnedRoute route = shape.route();
    const bool is_alone = alike[{key.first, key.second.first}] == 1 || route.topic.starts_with('{');
    if (!is_alone && !route.longer_sensors.empty()) route.lengthen_sensor();
    for (const std::string& topic : topics) count(route, topic, left.find(topic)->second.messages);
    add_names(route, shape.names(), topics.front(), left.find(topics.front())->second.payloads);
    for (const std::string& topic : topics) left.erase(topic);
    const auto same = std::find_if(routes.begin(), routes.end(), [&](const LearnedRoute& other) {
      return other.topic == route.topic && other.format == route.format && other.keys == route.keys;
    });
    if (same == routes.end()) {
      routes.push_back(std::move(route));
    } else {
      same->topics += route.topics;
      same->messages += route.messages;
    }
  }
  return routes;
}

// Routes for single topics, in front, where others would take their messages and make less of them.
std::vector<LearnedRoute> RouteLearner::exceptions(const std::vector<LearnedRoute>& routes) const {
  FormatFinder finder;
  std::vector<LearnedRoute> exact;
  auto all = router_of(routes);
  for (const auto& [topic, heard] : heard_) {
    if (!all || exact.size() == max_exceptions) break;
    if (!can_be_written(topic) || format_of_topic(topic) != nullptr) continue;
    const auto format = finder.format_of(heard.payloads);
    if (!format || yield_of(*all, topic, heard.payloads).payloads >= format->payloads) continue;
    Shape shape(*format, levels_of(topic).size());
    shape.add(topic);
    LearnedRoute route = shape.exact_route();
    count(route, topic, heard.messages);
    add_names(route, shape.names(), topic, heard.payloads);
    if (router_of({route})) exact.push_back(std::move(route));
  }
  return exact;
}

// Those whose series are also of another topic than the one they were heard on.
std::set<std::size_t> RouteLearner::mixed_routes(const std::vector<LearnedRoute>& routes) const {
  std::vector<Router> routers;
  std::vector<TopicPattern> patterns;
  for (const LearnedRoute& route : routes) {
    auto router = router_of({route});
    if (!router) return {};
    routers.push_back(std::move(*router));
    patterns.emplace_back(route.topic);
  }
  struct Owner {
    std::size_t route;
    const std::string* topic;
  };
  std::map<std::pair<std::string, std::string>, Owner> owners;
  std::set<std::size_t> mixed;
  const auto own = [&](const DecodedReading& reading, const Owner& owner) {
    const auto [known, is_new] = owners.try_emplace({std::string(reading.sensor), std::string(reading.metric)}, owner);
    if (!is_new && *known->second.topic != *owner.topic) mixed.insert({owner.route, known->second.route});
  };
  for (const auto& heard : heard_) {
    std::vector<Capture> captures;
    const auto pattern = std::find_if(patterns.begin(), patterns.end(),
                                      [&](const TopicPattern& one) { return one.match(heard.first, captures); });
    if (pattern == patterns.end()) continue;
    const auto route = static_cast<std::size_t>(pattern - patterns.begin());
    for (const std::string& payload : heard.second.payloads) {
      DecodedBatch batch;
      routers[route].decode(heard.first, payload, batch);
      for (const DecodedReading& reading : batch.readings) own(reading, {route, &heard.first});
    }
  }
  return mixed;
}

// A series of one topic is of no other: else the sensors of their routes get longer names.
void RouteLearner::tell_topics_apart(std::vector<LearnedRoute>& routes) const {
  bool is_changed = true;
  while (is_changed) {
    is_changed = false;
    for (const std::size_t route : mixed_routes(routes)) {
      if (routes[route].longer_sensors.empty()) continue;
      routes[route].lengthen_sensor();
      is_changed = true;
    }
  }
}

// What a route makes of one message: readings of one series and time that only labels tell apart.
void RouteLearner::note_mixed_labels(std::vector<LearnedRoute>& routes) const {
  std::vector<std::pair<TopicPattern, std::optional<Router>>> readers;
  for (const LearnedRoute& route : routes) readers.emplace_back(TopicPattern(route.topic), router_of({route}));
  std::set<std::pair<std::size_t, std::string>> known;  // by route, the keys of the labels
  for (const auto& [topic, heard] : heard_) {
    const auto reader = std::find_if(readers.begin(), readers.end(), [&, &name = topic](const auto& one) {
      std::vector<Capture> captures;
      return one.first.match(name, captures);
    });
    if (reader == readers.end() || !reader->second) continue;
    const auto route = static_cast<std::size_t>(reader - readers.begin());
    for (const std::string& payload : heard.payloads) {
      DecodedBatch batch;
      reader->second->decode(topic, payload, batch);
      for (const MixedReadings& mixed : mixed_readings(batch)) {
        if (known.insert({route, mixed.labels.keys}).second) routes[route].mixed.push_back(mixed_advice(mixed.labels));
      }
    }
  }
}

// Takes from `left` what is of a format by its topic.
std::vector<LearnedRoute> RouteLearner::take_topics_of_formats(Topics& left) const {
  std::map<const FormatPart*, LearnedRoute> routes;
  for (auto heard = left.begin(); heard != left.end();) {
    const FormatPart* const part = format_of_topic(heard->first);
    if (part != nullptr) {
      LearnedRoute& route = routes[part];
      route.topic = part->learning->topics;
      route.format = part->name;
      count(route, heard->first, heard->second.messages);
    }
    heard = part != nullptr ? left.erase(heard) : std::next(heard);
  }
  std::vector<LearnedRoute> taken;
  for (auto& [part, route] : routes) taken.push_back(std::move(route));
  return taken;
}

RouteLearner::Learned RouteLearner::learn() const {
  Topics left;
  Learned learned;
  for (const auto& [topic, heard] : heard_) {
    if (can_be_written(topic)) {
      left.emplace(topic, heard);
    } else {
      learned.unreadable.push_back(topic);
    }
  }
  // Presets first, or a pattern for topics of one shape would take their messages.
  learned.routes = take_topics_of_formats(left);
  for (LearnedRoute& route : take_presets(left)) learned.routes.push_back(std::move(route));
  std::vector<LearnedRoute> others = take_formats(left);
  std::stable_sort(others.begin(), others.end(), is_more_exact);
  std::move(others.begin(), others.end(), std::back_inserter(learned.routes));
  for (const auto& [topic, heard] : left) learned.unreadable.push_back(topic);
  std::vector<LearnedRoute> exact = exceptions(learned.routes);
  learned.routes.insert(learned.routes.begin(), exact.begin(), exact.end());
  tell_topics_apart(learned.routes);
  note_mixed_labels(learned.routes);
  return learned;
}

}  // namespace edgetide
