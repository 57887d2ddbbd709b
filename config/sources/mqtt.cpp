// [sources.NAME] with type = "mqtt".
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "config/broker_keys.h"
#include "config/key_spec.h"
#include "config/mapping_section.h"
#include "config/parts.h"
#include "daemon/sources/mqtt_source.h"
#include "daemon/sources/topic_filter.h"

namespace edgetide {

namespace {

constexpr EnumWord<bool> retained_words[] = {{false, "ignore"}, {true, "use"}};

const KeyGroup& tls_keys() {
  static const KeyGroup group = keys::broker_tls_group("[sources.NAME.tls]", OnReload::new_source);
  return group;
}

const KeyGroup& route_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_source,
      {"[[sources.NAME.routes]]",
       "A route has a topic and the keys of the mapping.",
       {
           required(text("topic", "",
                         "Pattern: `+` matches one level, `{name}` matches and captures one level, `#` at the end "
                         "matches the rest.")),
       }});
  return group;
}

KeyGroup mqtt_keys() {
  using namespace keys;
  const MqttOptions standard;
  return on_reload(
      OnReload::new_source,
      {"[sources.NAME] with type = \"mqtt\"",
       "",
       {
           broker_servers(),
           broker_protocol(
               "The version of MQTT. A broker of MQTT 5 keeps messages of more than 320 KiB away; with 3.1.1 only its "
               "own limit does (mosquitto: `message_size_limit`): a message of more than 32 MiB, or of an eighth of "
               "the "
               "memory here, is not read, and after two tries its session is ended, with what the broker kept in it."),
           text("client_id", "\"edgetide-{gateway}-{machine}-{source}\"",
                "The name of the session at the broker; must be unique there. `{machine}` is a short id of this "
                "machine, "
                "made from `/etc/machine-id` and the serial number of its board; it is left out where there is none. "
                "With another machine in its place, write the former name here to keep the session."),
           broker_username(),
           broker_password(),
           broker_tls(),
           broker_keep_alive(),
           boolean("clean_start", standard.clean_start,
                   "`true` discards messages that the broker kept while the gateway was not connected."),
           duration("session_expiry", standard.session_expiry, Duration(), Duration::days(49'000),
                    "How long the broker keeps the session of a disconnected gateway (MQTT 5)."),
           integer("qos", standard.qos, 0, 2,
                   "1: every reading is acknowledged. 0: readings may be lost. 2 saves no reading, and is refused with "
                   "protocol 3.1.1."),
           word("retained", retained_words, standard.use_retained,
                "`use` accepts the retained message of each topic, if it is not the value that was accepted last."),
           text("share", "",
                "Group of a shared subscription (`$share/GROUP/TOPIC`): the broker divides the messages among the "
                "gateways with this group, so each has a part of the readings of a sensor. It sends no retained "
                "messages to them, and keeps the part of one that is away for as long as its session. mosquitto has "
                "them with 3.1.1 too; topics must not overlap then."),
           text("status_topic", "",
                "Topic such as `edgetide/{gateway}/status` for a retained message: `online` once the source has "
                "subscribed, `offline` when it stops, and from the broker (last will) when the connection is lost. "
                "Also `{machine}` and `{source}`, as in `client_id`."),
           broker_allow_plaintext(),
           required(of_type(ValueType::table_list, "routes", "",
                            "The topics to read and their mappings; the first matching route wins.")),
       }});
}

constexpr std::size_t max_group_bytes = 128;
constexpr std::string_view share_prefix = "$share/";

void refuse_shared_topic(const Section& route, const std::string& topic) {
  const std::size_t end = topic.find('/', share_prefix.size());
  const std::string group = topic.substr(share_prefix.size(), end - share_prefix.size());
  const std::string rest = end == topic.npos ? "TOPIC" : topic.substr(end + 1);
  route.error("topic", "topic: a shared subscription belongs to the source",
              "write share = \"" + group + "\" in the source, and topic = \"" + rest + "\"");
}

void read_routes(const Section& section, const PartContext& context, MqttOptions& options) {
  for (const Node* node : section.tables("routes")) {
    const Section keys(*node, section.name() + ".routes", with_mapping({&route_keys()}, section.keys()),
                       section.report());
    RouteOptions route;
    keys.read("topic", route.topic);
    route.mapping = read_mapping(keys, context);
    if (route.topic.starts_with(share_prefix)) {
      refuse_shared_topic(keys, route.topic);
    } else if (keys.find("topic") != nullptr) {
      check_route(keys, route);
    }
    if (keys.find("topic") != nullptr && keys.find("topic")->known) {
      warn_of_shadowed_route(keys, "topic", route.topic, options.routes);
    }
    options.routes.push_back(std::move(route));
  }
  const Node* list = section.find("routes");
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("routes", "routes is empty; nothing would be read");
  }
}

// Of a message on two shared subscriptions the broker may give each to another gateway. With the identifiers of MQTT 5
// only that of the first route counts.
bool filters_overlap(const std::vector<RouteOptions>& routes) {
  std::vector<std::string> filters;
  for (const RouteOptions& route : routes) {
    try {
      filters.push_back(TopicPattern(route.topic).filter());
    } catch (const std::invalid_argument&) {
      return false;  // reported already
    }
  }
  std::sort(filters.begin(), filters.end());
  filters.erase(std::unique(filters.begin(), filters.end()), filters.end());
  filters = without_covered(filters);
  for (auto one = filters.begin(); one != filters.end(); ++one) {
    if (std::any_of(one + 1, filters.end(), [&](const std::string& other) { return overlap(*one, other); }))
      return true;
  }
  return false;
}

void read_share(const Section& section, MqttOptions& options) {
  section.read("share", options.share);
  if (section.find("share") == nullptr) return;
  const std::string& group = options.share;
  const bool printable = std::all_of(group.begin(), group.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (group.empty() || group.size() > max_group_bytes || !printable || group.find_first_of("/+#") != group.npos) {
    section.error("share", "share must be 1 to 128 printable characters without blanks, /, + and #");
  }
  if (options.use_retained) {
    section.warning("share", "retained = \"use\" reads nothing: brokers send no retained messages to a share");
  }
  if (options.protocol != 5 && filters_overlap(options.routes)) {
    section.error("share",
                  "share with protocol 3.1.1 counts messages of overlapping topics more than once: the broker may give "
                  "each copy to another gateway",
                  "use protocol = \"5\", or topics that do not overlap");
  }
}

void warn_of_read_status(const Section& section, const MqttOptions& options) {
  if (options.status_topic.empty()) return;
  for (const RouteOptions& route : options.routes) {
    try {
      std::vector<Capture> captures;
      if (!TopicPattern(route.topic).match(options.status_topic, captures)) continue;
      return section.warning("status_topic",
                             "status_topic is read as a message too, by the route '" + route.topic + "'");
    } catch (const std::invalid_argument&) {
      // Reported already.
    }
  }
}

void warn_of_losses(const Section& section, const MqttOptions& options) {
  if (options.clean_start) {
    section.warning("clean_start", "clean_start = true loses what the broker receives while the gateway is away");
  } else if (options.qos == 0) {
    section.warning("qos", "qos = 0 loses readings; the broker keeps nothing for an absent gateway");
  }
  if (options.qos == 2 && options.protocol != 5) {
    section.error(
        "qos",
        "qos = 2 with protocol 3.1.1 loses readings when the gateway dies: the MQTT library acknowledges such "
        "a message before the gateway has it",
        "use qos = 1, which counts every message once too, or protocol = \"5\"");
  } else if (options.qos == 2) {
    section.warning("qos", "qos = 2 costs twice the messages of 1 and saves no reading");
  }
  if (options.protocol != 5) {
    section.warning("protocol",
                    "with MQTT 3.1.1 only the broker can bound the size of a message: set message_size_limit "
                    "there (mosquitto), or use protocol = \"5\"");
  }
  if (options.use_retained) {
    section.warning("retained",
                    "retained = \"use\" takes a stored value without a time for one of now, once for each value");
  }
}

MqttOptions read_mqtt(const Section& section, const PartContext& context) {
  const std::string &name = context.name, &gateway = context.gateway_id;
  MqttOptions options;
  options.name = name;
  const BrokerClient client{"source", name, gateway};
  read_broker(section, client, tls_keys(), options);
  section.read("clean_start", options.clean_start);
  section.read("session_expiry", options.session_expiry);
  section.read("qos", options.qos);
  section.read_word("retained", options.use_retained, retained_words);
  read_status_topic(section, client, options);
  read_routes(section, context, options);
  read_share(section, options);
  warn_of_read_status(section, options);
  warn_of_losses(section, options);
  return options;
}

class ConfiguredMqtt final : public ConfiguredSourceOf<MqttOptions> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<Source> make(const Surroundings& around) const override {
    return make_mqtt_source(options(), around.id, around.host);
  }
  SourceTraits traits() const override { return {.acknowledges = options().qos > 0}; }
  std::vector<RouteOptions> routes() const override { return options().routes; }
  std::vector<std::string> sessions() const override { return sessions_of(options()); }
};

std::shared_ptr<const ConfiguredSource> read(const Section& section, const PartContext& context) {
  return std::make_shared<ConfiguredMqtt>(read_mqtt(section, context));
}

std::optional<Clash> same_session(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  return broker_clash(*options_of<MqttOptions>(earlier), *options_of<MqttOptions>(later));
}

}  // namespace

SourcePart mqtt_source() {
  static const KeyGroup group = mqtt_keys();
  return {{.meaning = "", .library = "Eclipse Paho", .keys = {&group}, .inner = {&tls_keys(), &route_keys()}},
          false,
          read,
          same_session};
}

}  // namespace edgetide
