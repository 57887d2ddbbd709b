#include "config/mapping_section.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "config/glob_check.h"
#include "config/parts.h"
#include "config/time_zone_table.h"
#include "daemon/decoders/text_template.h"

namespace edgetide {

namespace {

void read_template_or_path(const Section& section, std::string_view key, std::string& text, std::string& path) {
  const Node* node = section.find(key);
  if (node == nullptr) return;
  if (node->kind != Node::Kind::table) return section.read(key, text);
  const Section field(*node, section.name() + '.' + std::string(key), {&section.keys().payload_field},
                      section.report());
  field.read("path", path);
}

void read_time(const Section& section, MappingOptions& mapping) {
  const Node* node = section.find("time");
  if (node == nullptr) return;
  if (node->kind != Node::Kind::table) return section.read("time", mapping.time.path);
  const Section field(*node, section.name() + ".time", {&section.keys().time_field}, section.report());
  field.read("path", mapping.time.path);
  field.read("time_of_day", mapping.time.time_of_day);
  const Node* const format = field.find("format");
  if (format != nullptr && format->kind == Node::Kind::text && format->text.find('%') != std::string::npos) {
    field.read("format", mapping.time.pattern);
  } else {
    field.read_word("format", mapping.time.format, time_format_words);
  }
}

void read_each(const Section& section, MappingOptions& mapping) {
  const Node* const node = section.find("each");
  if (node == nullptr || node->kind != Node::Kind::text) return section.read("each", mapping.each);
  section.read("each", mapping.each.emplace_back());
}

ValueField read_value(const Section& section, const Node& node) {
  ValueField value;
  if (node.kind == Node::Kind::text) {
    value.path = node.text;
    return value;
  }
  const Section field(node, section.name() + ".values", {&section.keys().value_field}, section.report());
  field.read("path", value.path);
  field.read("metric", value.metric);
  field.read("unit", value.unit);
  field.read("convert", value.convert);
  field.read("unit_path", value.unit_path);
  field.read("scale", value.scale);
  field.read("offset", value.offset);
  return value;
}

void read_values(const Section& section, MappingOptions& mapping) {
  const Node* list = section.find("values");
  if (list == nullptr) return;
  if (list->kind != Node::Kind::list) return section.error("values", "values is not a list of paths or tables");
  if (list->children.empty()) section.error("values", "values is empty; leave it out to take every number");
  for (const Node& node : list->children) {
    if (node.kind == Node::Kind::text || node.kind == Node::Kind::table) {
      mapping.values.push_back(read_value(section, node));
    } else {
      section.error_at(node.location, "values holds " + shown(node) + ", not a path or a table");
    }
  }
}

void read_labels(const Section& section, MappingOptions& mapping) {
  const Node* table = section.table("labels");
  if (table == nullptr) return;
  for (const Node& label : table->children) {
    if (label.kind == Node::Kind::text) {
      mapping.labels.push_back({label.key, label.text});
    } else {
      section.error_at(label.location, "label " + label.key + " is " + shown(label) + ", not a path in quotes");
    }
  }
}

void read_states(const Section& section, MappingOptions& mapping) {
  const Node* table = section.table("states");
  if (table == nullptr) return;
  for (const Node& state : table->children) {
    if (state.kind == Node::Kind::integer) {
      mapping.states.push_back({state.key, static_cast<double>(state.integer)});
    } else if (state.kind == Node::Kind::real) {
      mapping.states.push_back({state.key, state.real});
    } else {
      section.error_at(state.location, "state " + state.key + " is " + shown(state) + ", not a number");
    }
  }
}

void read_dedupe(const Section& section, MappingOptions& mapping) {
  const Node* const table = section.table("dedupe");
  if (table == nullptr) return;
  const Section field(*table, section.name() + ".dedupe", {&section.keys().dedupe_field}, section.report());
  field.read("path", mapping.dedupe.path);
  field.read("for", mapping.dedupe.within);
}

void read_time_zone(const Section& section, MappingOptions& mapping) {
  const Node* const node = section.find("timezone");
  std::string name;
  section.read("timezone", name);
  if (node == nullptr || node->kind != Node::Kind::text || !node->known) return;
  mapping.time_zone = time_zone_or_error(section, "timezone", name);
}

void read_delimiter(const Section& section, MappingOptions& mapping) {
  std::string delimiter(1, mapping.delimiter);
  section.read("delimiter", delimiter);
  if (delimiter.size() != 1) return section.error("delimiter", "delimiter is not one (ASCII) character");
  mapping.delimiter = delimiter[0];
}

bool has_reference(const Node& node) {
  return !node.known || node.written != node.text ||
         std::any_of(node.children.begin(), node.children.end(), has_reference);
}

// "values: 't': scale must be ..." is about the key values.
void report_objection(const Section& section, std::string reason, std::string_view topic_key) {
  if (reason.starts_with("topic")) reason.replace(0, 5, topic_key);
  const std::string_view key = std::string_view(reason).substr(0, reason.find_first_of(":. "));
  const Node* node = section.find(key);
  const Location& location = node == nullptr ? section.node().key_location : node->location;
  if (!has_reference(section.node())) return section.error_at(location, reason);
  section.error_at(location, (node == nullptr ? std::string("the mapping") : std::string(key)) +
                                 " does not fit (why is not shown, since a value comes from a reference)");
}

void warn_of_unused_captures(const Section& section, const MappingOptions& mapping,
                             const std::vector<std::string>& captures, std::string_view topic_key) {
  if (mapping.own != nullptr) return;  // only its format knows
  const auto sensor = sensor_template(mapping, captures), metric = metric_of_route(mapping, captures);
  for (const std::string& name : captures) {
    if ((sensor && sensor->uses(name)) || (metric && metric->uses(name))) continue;
    section.warning(topic_key,
                    "nothing uses the capture {" + name + "}; write + for it, or name it in sensor or metric");
  }
}

// Of other systems: "$" is the message, ":name" and "<name>" are captures, "*" is any level.
void warn_of_other_paths(const Section& section, const Node& node) {
  for (const Node& child : node.children) warn_of_other_paths(section, child);
  if (node.kind != Node::Kind::text || !node.known) return;
  if (!node.text.starts_with("$.") && !node.text.starts_with("$[")) return;
  section.warning_at(node.location, shown(node) + " begins with a member that is called '$'",
                     "paths begin at the top of the message: leave out " + node.text.substr(0, 2));
}

void warn_of_other_wildcards(const Section& section, std::string_view topic_key, const std::string& topic) {
  for (std::size_t begin = 0; begin <= topic.size();) {
    const std::size_t end = std::min(topic.find_first_of("/.", begin), topic.size());
    const std::string level = topic.substr(begin, end - begin);
    begin = end + 1;
    const bool is_named = level.size() > 2 && (level.front() == ':' || (level.front() == '<' && level.back() == '>'));
    if (level.find('*') == level.npos && !is_named) continue;
    section.warning(topic_key, "'" + level + "' stands for itself, a name that no topic has as a rule",
                    is_named ? "write {name} for a level that is captured"
                             : "write + for any one level, # for all that follow, {name} for one that is captured");
    return;
  }
}

bool all_known(const Node& node) {
  return node.known && std::all_of(node.children.begin(), node.children.end(), all_known);
}

// The words of `format` are the formats, then the presets.
const FormatPart* format_of(const Section& section) {
  const std::optional<std::string_view> name = section.word("format");
  return name ? section.keys().parts.formats.find(*name) : nullptr;
}

const Preset* preset_of(const Section& section) {
  const Node* const format = section.find("format");
  if (format == nullptr || format->kind != Node::Kind::text) return nullptr;
  const std::vector<Preset>& presets = section.keys().parts.presets;
  const auto found =
      std::find_if(presets.begin(), presets.end(), [&](const Preset& each) { return each.name == format->text; });
  return found == presets.end() ? nullptr : &*found;
}

// False: its absence or its value is reported already, and what the keys are for is unknown.
bool has_format(const Section& section) {
  const Node* const format = section.find("format");
  if (format == nullptr || format->kind != Node::Kind::text) return false;
  return section.keys().parts.formats.find(format->text) != nullptr || preset_of(section) != nullptr;
}

// Keys of another format are mistakes here.
void read_own_keys(const Section& section, const FormatPart& part, MappingOptions& mapping) {
  for (const KeyGroup* group : section.keys().format_parts) {
    if (std::find(part.keys.begin(), part.keys.end(), group) != part.keys.end()) continue;
    for (const KeySpec& key : group->keys) {
      if (section.find(key.name) == nullptr) continue;
      section.error(key.name, std::string(key.name) + ": not used by format '" + std::string(part.name) + '\'');
    }
  }
  if (part.read != nullptr) mapping.own = part.read(section);
}

MappingOptions read_keys(const Section& section, const PartContext& context) {
  MappingOptions mapping;
  mapping.max_id_bytes = context.max_id_bytes;
  const FormatPart* const part = format_of(section);
  if (part != nullptr) mapping.format = part->format;
  if (part != nullptr && part->set_defaults != nullptr) part->set_defaults(mapping);
  read_template_or_path(section, "sensor", mapping.sensor, mapping.sensor_path);
  read_template_or_path(section, "metric", mapping.metric, mapping.metric_path);
  read_time(section, mapping);
  read_each(section, mapping);
  section.read("parallel_arrays", mapping.parallel_arrays);
  read_values(section, mapping);
  section.read("ignore", mapping.ignore);
  section.read("ignore_topics", mapping.ignore_topics);
  warn_of_expression(section, section.find("ignore"));
  warn_of_expression(section, section.find("ignore_topics"));
  for (const std::string_view key : {"sensor", "metric", "time", "each", "values", "labels", "dedupe"}) {
    if (const Node* const node = section.find(key)) warn_of_other_paths(section, *node);
  }
  if (!mapping.ignore.empty() && !mapping.values.empty()) {
    section.error("ignore", "ignore has no effect beside values, which says what is taken");
  }
  read_labels(section, mapping);
  section.read("unit", mapping.unit);
  section.read("coerce_strings", mapping.coerce_strings);
  read_states(section, mapping);
  read_time_zone(section, mapping);
  section.read_word("repeats", mapping.repeats, repeats_words);
  section.read("max_id_bytes", mapping.max_id_bytes);
  read_dedupe(section, mapping);
  section.read("columns", mapping.columns);
  read_delimiter(section, mapping);
  if (part != nullptr) read_own_keys(section, *part, mapping);
  return mapping;
}

}  // namespace

std::vector<const KeyGroup*> with_mapping(std::vector<const KeyGroup*> groups, const KeyTable& keys) {
  groups.push_back(&keys.mapping);
  groups.insert(groups.end(), keys.format_parts.begin(), keys.format_parts.end());
  return groups;
}

MappingOptions read_mapping(const Section& section, const PartContext& context) {
  const Preset* const preset = preset_of(section);
  if (preset == nullptr) return read_keys(section, context);
  const std::optional<Node> merged = with_preset(section.node(), *preset, section.keys());
  if (!merged) {
    section.error("format", "the preset " + std::string(preset->name) + " is not TOML");
    return {};
  }
  return read_keys(Section(*merged, section.name(), with_mapping({}, section.keys()), section.report()), context);
}

void check_route(const Section& section, const RouteOptions& route, std::string_view topic_key) {
  if (!has_format(section) || !all_known(section.node())) return;
  if (route.mapping.format->needs_topic && section.find(topic_key) == nullptr) {
    return section.error("format", "format '" + std::string(route.mapping.format->name) +
                                       "' reads the names from the topic; only a source with routes has one");
  }
  try {
    std::vector<std::string> captures;
    if (section.find(topic_key) != nullptr) captures = TopicPattern(route.topic).capture_names();
    const std::vector<std::string> objections = objections_to(route.mapping, captures);
    for (const std::string& objection : objections) report_objection(section, objection, topic_key);
    if (objections.empty()) {
      warn_of_other_wildcards(section, topic_key, section.find(topic_key) == nullptr ? std::string() : route.topic);
      warn_of_unused_captures(section, route.mapping, captures, topic_key);
    }
  } catch (const std::invalid_argument& error) {
    report_objection(section, error.what(), topic_key);
  }
}

void warn_of_shadowed_route(const Section& section, std::string_view topic_key, const std::string& topic,
                            const std::vector<RouteOptions>& earlier) {
  try {
    const TopicPattern pattern(topic);
    for (std::size_t i = 0; i < earlier.size(); ++i) {
      if (earlier[i].topic.empty() || !TopicPattern(earlier[i].topic).covers(pattern)) continue;
      return section.warning(topic_key, "this route never matches: route " + std::to_string(i + 1) + ", '" +
                                            earlier[i].topic + "', takes all its messages; put this one first");
    }
  } catch (const std::invalid_argument&) {
    // Reported already.
  }
}

}  // namespace edgetide
