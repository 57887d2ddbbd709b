// [sources.NAME] with type = "kafka".
#include <algorithm>
#include <array>
#include <optional>
#include <regex.h>
#include <string>
#include <utility>
#include <vector>

#include "config/client_id_key.h"
#include "config/kafka_keys.h"
#include "config/key_spec.h"
#include "config/mapping_section.h"
#include "config/parts.h"
#include "daemon/broker/kafka_topic_name.h"
#include "daemon/sources/kafka_position.h"
#include "daemon/sources/kafka_source.h"

namespace edgetide {

namespace {

constexpr std::int64_t most_message_bytes = 16 * 1024 * 1024;

const KeyGroup& kafka_tls_keys() {
  static const KeyGroup group = keys::kafka_tls_group("[sources.NAME.tls] with type = \"kafka\"", OnReload::new_source);
  return group;
}

const KeyGroup& kafka_route_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_source,
      {"[[sources.NAME.routes]] with type = \"kafka\"",
       "A route has a pattern for topics and the keys of the mapping. `{message.key}` is the key of a record, "
       "`{message.property.NAME}` a header. A record without an event time has the time that Kafka gives it.",
       {
           text("topic", "\"#\"",
                "Pattern, as a topic of MQTT; a dot in a name parts levels, as a slash does: "
                "`plant/{line}/{device}` matches the topic `plant.a.press7`."),
       }});
  return group;
}

std::vector<KeySpec> kafka_topic_keys(const KafkaOptions& standard) {
  using namespace keys;
  return {
      kafka_servers(),
      of_type(
          ValueType::text_list, "subscribe", "",
          "Topics. The partitions are shared among the gateways with the same `group_id`. This, `subscribe_pattern` "
          "or `assign` is needed."),
      text("subscribe_pattern", "",
           "The same for topics whose whole name matches this extended regular expression of POSIX, also those that "
           "are made later: `plant\\\\..*`."),
      of_type(ValueType::text_list, "assign", "",
              "Partitions, as `\"TOPIC:PARTITION\"`, which this source reads whatever others of the group do. "
              "`\"readings:0@1500\"` begins at that offset, `\"readings:0\"` as `start` says."),
      word("start", kafka_start_words, standard.start,
           "Where a partition begins of which neither the journal nor the group has an offset. What the journal has "
           "wins over what the group has, but for what another gateway of the group has read meanwhile. A partition "
           "that is added to a topic later is read from its beginning."),
      boolean("fail_on_data_loss", standard.fail_on_data_loss,
              "When records were deleted before they were read: `true` stops reading their partition and makes the "
              "gateway not ready; `false` goes on with the oldest record that there is, and logs how many are lost."),
      text(
          "group_id", "\"edgetide-{gateway}-{source}\"",
          "The group of consumers. Gateways that share topics have the same one. Also `{machine}`, as in `client_id`."),
      text("client_id", "\"edgetide-{gateway}-{machine}-{source}\"",
           "The name of this member of the group (`group.instance.id`); must be unique there. A gateway that starts "
           "again within `session_timeout` has the same partitions as before. `{machine}` is as in a source of type "
           "`mqtt`."),
      duration("session_timeout", standard.session_timeout, Duration::seconds(6), Duration::minutes(30),
               "After it the group gives the partitions of a gateway that is gone, or was stopped, to the others."),
  };
}

KeyGroup kafka_keys() {
  using namespace keys;
  const KafkaOptions standard;
  std::vector<KeySpec> specs = kafka_topic_keys(standard);
  for (KeySpec& spec : kafka_login()) specs.push_back(std::move(spec));
  const std::vector<KeySpec> others = {
      size("max_message", standard.max_message_bytes, 1024, most_message_bytes,
           "Larger records are refused. JSON is at most 256 KiB."),
      size("max_queued", standard.max_queued_bytes, 64 * 1024, most_message_bytes,
           "Records that are received and wait. A batch of a producer, compressed or not, may be four times as large, "
           "4 MiB at least."),
      of_type(ValueType::table_list, "routes", "",
              "The topics and their mappings; the first matching route wins. Required."),
  };
  specs.insert(specs.end(), others.begin(), others.end());
  return on_reload(OnReload::new_source,
                   {"[sources.NAME] with type = \"kafka\"",
                    "Aborted transactions are not read. The group's offsets are written once what is before them is "
                    "safe, for tools that show the lag and for other gateways.",
                    std::move(specs)});
}

void read_pattern(const Section& section, KafkaOptions& options) {
  section.read("subscribe_pattern", options.topic_pattern);
  const Node* const node = section.find("subscribe_pattern");
  if (node == nullptr || !node->known || node->kind != Node::Kind::text) return;
  regex_t expression;
  const int result = options.topic_pattern.empty()
                         ? REG_BADPAT
                         : ::regcomp(&expression, options.topic_pattern.c_str(), REG_EXTENDED | REG_NOSUB);
  if (result == 0) return ::regfree(&expression);
  section.error("subscribe_pattern", shown(*node) + " is not an extended regular expression",
                "such as \"plant\\\\..*\"");
}

void read_assign(const Section& section, KafkaOptions& options) {
  for (const Node* node : section.texts("assign")) {
    std::optional<KafkaOffset> partition = parse_kafka_offset(node->text);
    if (!partition || !is_kafka_topic_name(partition->partition.topic)) {
      section.error_at(node->location, shown(*node) + " is not a partition",
                       "such as \"readings:0\", or \"readings:0@1500\" with the offset to begin at");
      continue;
    }
    const auto same = [&](const KafkaOffset& other) { return other.partition == partition->partition; };
    if (std::any_of(options.partitions.begin(), options.partitions.end(), same)) {
      section.error_at(node->location, shown(*node) + " is there twice");
    }
    options.partitions.push_back(std::move(*partition));
  }
}

void read_topics(const Section& section, KafkaOptions& options) {
  for (const Node* node : section.texts("subscribe")) {
    if (!is_kafka_topic_name(node->text)) {
      section.error_at(node->location, shown(*node) + " is not the name of a topic of Kafka",
                       "for several topics: subscribe_pattern");
    }
    options.topics.push_back(node->text);
  }
  read_pattern(section, options);
  read_assign(section, options);
  constexpr std::array<std::string_view, 3> ways = {"subscribe", "subscribe_pattern", "assign"};
  const auto count = std::count_if(ways.begin(), ways.end(), [&](auto way) { return section.find(way) != nullptr; });
  if (count == 1) {
    for (const std::string_view way : {"subscribe", "assign"}) {
      const Node* const list = section.find(way);
      if (list == nullptr || list->kind != Node::Kind::list || !list->children.empty()) continue;
      section.error(way, std::string(way) + " is empty; nothing would be read");
    }
    return;
  }
  section.error(count == 0 ? "type" : "assign",
                "a source of type kafka needs one of subscribe, subscribe_pattern and assign",
                "such as subscribe = [\"readings\"]");
}

void read_group_id(const Section& section, const PartContext& context, KafkaOptions& options) {
  options.group_id = "edgetide-{gateway}-{source}";
  section.read("group_id", options.group_id);
  fill_in_names(options.group_id, {"source", context.name, context.gateway_id});
  if (!is_kafka_id(options.group_id)) {
    section.error("group_id",
                  "group_id must be 1 to 255 printable characters without blanks, and has no placeholder "
                  "other than {gateway}, {machine} and {source}");
  }
}

void read_kafka_routes(const Section& section, const PartContext& context, KafkaOptions& options) {
  for (const Node* node : section.tables("routes")) {
    const Section keys(*node, section.name() + ".routes", with_mapping({&kafka_route_keys()}, section.keys()),
                       section.report());
    RouteOptions route{.topic = "#", .mapping = read_mapping(keys, context)};
    keys.read("topic", route.topic);
    std::replace(route.topic.begin(), route.topic.end(), '.', '/');
    check_route(keys, route);
    const Node* const topic = keys.find("topic");
    if (topic == nullptr || topic->known) warn_of_shadowed_route(keys, "topic", route.topic, options.routes);
    options.routes.push_back(std::move(route));
  }
  const Node* const list = section.find("routes");
  if (list == nullptr || (list->kind == Node::Kind::list && list->children.empty())) {
    section.error("routes", "a source of type kafka needs routes; nothing would be read");
  }
}

class ConfiguredKafka final : public ConfiguredSourceOf<KafkaOptions> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<Source> make(const Surroundings& around) const override {
    return make_kafka_source(options(), around.id, around.host, around.loop);
  }
  SourceTraits traits() const override { return {.acknowledges = true}; }
  std::vector<RouteOptions> routes() const override { return options().routes; }
};

std::shared_ptr<const ConfiguredSource> read_kafka(const Section& section, const PartContext& context) {
  KafkaOptions options;
  options.name = context.name;
  read_kafka_broker(section, "source", kafka_tls_keys(), options);
  read_topics(section, options);
  section.read_word("start", options.start, kafka_start_words);
  section.read("fail_on_data_loss", options.fail_on_data_loss);
  read_group_id(section, context, options);
  read_client_id(section, {"source", context.name, context.gateway_id}, options.client_id);
  section.read("session_timeout", options.session_timeout);
  section.read("max_message", options.max_message_bytes);
  section.read("max_queued", options.max_queued_bytes);
  read_kafka_routes(section, context, options);
  return std::make_shared<ConfiguredKafka>(std::move(options));
}

// Of one group, brokers end one member for the other with the same name, without end.
std::optional<Clash> same_member(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  const KafkaOptions& one = *options_of<KafkaOptions>(earlier);
  const KafkaOptions& other = *options_of<KafkaOptions>(later);
  if (one.client_id != other.client_id || one.group_id != other.group_id) return std::nullopt;
  return Clash{"client_id", "has the group_id and the client_id of"};
}

}  // namespace

SourcePart kafka_source() {
  static const KeyGroup group = kafka_keys();
  return {{.meaning = "", .library = "librdkafka", .keys = {&group}, .inner = {&kafka_tls_keys(), &kafka_route_keys()}},
          false,
          read_kafka,
          same_member};
}

}  // namespace edgetide
