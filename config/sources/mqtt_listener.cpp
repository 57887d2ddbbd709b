// [sources.NAME] with type = "mqtt_listener".
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/listener_keys.h"
#include "config/mapping_section.h"
#include "config/parts.h"
#include "daemon/sources/mqtt_listener_source.h"

namespace edgetide {

namespace {

constexpr std::int64_t largest_packet_bytes = 1024 * 1024;
constexpr std::int64_t longest_topic_bytes = 65'535;
constexpr std::int64_t most_listener_connections = 10'000;
constexpr std::int64_t highest_rate_per_hour = 1'000'000LL * 3600;

const KeyGroup& listener_route_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_source,
      {"[[sources.NAME.routes]] with type = \"mqtt_listener\"",
       "A route has a topic and the keys of the mapping.",
       {
           required(text("topic", "",
                         "Pattern: `+` matches one level, `{name}` matches and captures one level, `#` at the end "
                         "matches the rest.")),
       }});
  return group;
}

std::vector<KeySpec> listener_access_keys(const MqttListenerOptions& standard) {
  using namespace keys;
  return {
      text("listen", in_quotes(standard.listen),
           "A numeric address and a port. Beyond loopback: TLS, or `allow_plaintext` with `allow`; and a "
           "`password_file`, `client_ca_file` or `allow`."),
      of_type(ValueType::text_list, "allow", "[]",
              "Networks whose peers may publish beside those of this machine, such as `10.20.0.0/16`."),
      boolean("allow_plaintext", standard.allow_plaintext, "Allows MQTT without TLS beyond loopback."),
      text("cert_file", "", "Path of a certificate chain in PEM. With it and `key_file`: TLS 1.2 or 1.3 only."),
      text("key_file", "", "Path of its private key in PEM, such as `${credential_path:NAME}`."),
      text("client_ca_file", "", "Certificates of CAs in PEM: each client needs a certificate that one has signed."),
      text(
          "password_file", "",
          "Who may publish: a line for each user, `USER:HASH` as `edgetide password` and mosquitto_passwd write it, or "
          "`USER:HASH:PREFIX` for one that may publish only to topics that begin with `PREFIX`. The file is read again "
          "when it has changed; clients that are connected stay. Of passwords that are not known yet 20 a second are "
          "tried; the others are answered that the server is busy."),
  };
}

KeyGroup mqtt_listener_keys() {
  using namespace keys;
  const MqttListenerOptions standard;
  KeySpec per_peer = integer("max_connections_per_peer", 250, 1, most_listener_connections,
                             "Of these, how many one address may have, all of loopback together; its further ones are "
                             "closed at once and counted.");
  per_peer.standard = "a quarter of `max_connections`";
  std::vector<KeySpec> specs = listener_access_keys(standard);
  const std::vector<KeySpec> others = {
      size("max_packet", standard.max_packet_bytes, 1024, largest_packet_bytes,
           "Of a packet with its topic and properties; a larger one ends the connection before it is read, and is "
           "counted (`too_large`). A payload may have 256 KiB."),
      integer("max_topic_bytes", static_cast<std::int64_t>(standard.max_topic_bytes), 1, longest_topic_bytes,
              "Of a topic; a longer one ends the connection."),
      integer("max_connections", static_cast<std::int64_t>(standard.max_connections), 1, most_listener_connections,
              "Further ones are closed at once and counted."),
      per_peer,
      rate_or_none(
          "max_messages", 3600, highest_rate_per_hour,
          "Of each client: what it sends faster is read later, and waits in its connection. At most one second "
          "of it comes at once."),
      duration("connect_timeout", standard.connect_timeout, Duration::seconds(1), Duration::minutes(5),
               "From the beginning of a connection to the end of its CONNECT."),
      duration("idle_timeout", standard.idle_timeout, Duration::seconds(1), Duration::hours(18),
               "The longest keep alive. A client of MQTT 5 without one, or with a longer one, gets this; one of 3.1.1 "
               "is disconnected after this time, or once and a half of it where it has a keep alive."),
      required(of_type(ValueType::table_list, "routes", "",
                       "The topics to take and their mappings; the first matching route wins.")),
  };
  specs.insert(specs.end(), others.begin(), others.end());
  return on_reload(
      OnReload::new_source,
      {"[sources.NAME] with type = \"mqtt_listener\"",
       "A server of MQTT 3.1.1 and 5 for devices that publish, and for bridges of brokers; it has no subscribers, and "
       "refuses SUBSCRIBE. A message of QoS 1 or 2 is acknowledged once it is as safe as `[journal] durability` "
       "promises; what arrives together is written, and with `power` synced, together. What a client sends again with "
       "the DUP flag counts once, if it is among the newest 512 messages of that client, or after a restart or a crash "
       "among the newest 65,534 of all clients. Sessions of up to 4,096 clients are kept across restarts. Retained "
       "messages are taken as others are; the last will of a client is discarded.",
       std::move(specs)});
}

void read_listener_files(const Section& section, MqttListenerOptions& options) {
  read_certificate(section, options.cert_file, options.key_file);
  section.read("client_ca_file", options.client_ca_file);
  section.read("password_file", options.password_file);
  section.refuse_unfit_file("client_ca_file", options.client_ca_file);
  section.refuse_unfit_file("password_file", options.password_file);
  if (section.find("client_ca_file") != nullptr && section.find("cert_file") == nullptr) {
    section.error("client_ca_file", "client_ca_file needs TLS: set cert_file and key_file");
  }
}

void read_listener_routes(const Section& section, const PartContext& context, MqttListenerOptions& options) {
  for (const Node* node : section.tables("routes")) {
    const Section keys(*node, section.name() + ".routes", with_mapping({&listener_route_keys()}, section.keys()),
                       section.report());
    RouteOptions route;
    keys.read("topic", route.topic);
    route.mapping = read_mapping(keys, context);
    if (keys.find("topic") != nullptr) check_route(keys, route);
    if (keys.find("topic") != nullptr && keys.find("topic")->known) {
      warn_of_shadowed_route(keys, "topic", route.topic, options.routes);
    }
    options.routes.push_back(std::move(route));
  }
  const Node* const list = section.find("routes");
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("routes", "routes is empty; nothing would be read");
  }
}

MqttListenerOptions read_mqtt_listener(const Section& section, const PartContext& context) {
  MqttListenerOptions options;
  options.name = context.name;
  section.read("listen", options.listen);
  section.read("allow_plaintext", options.allow_plaintext);
  read_allow(section, options.allow);
  read_listener_files(section, options);
  const bool knows_peers = section.find("password_file") != nullptr || section.find("client_ca_file") != nullptr;
  check_reachable(section, options.listen, options.allow_plaintext, knows_peers,
                  {"such as \"127.0.0.1:1883\" or \"[::1]:1883\"", "publish, with password_file or allow",
                   "such as password_file = \"/etc/edgetide/passwords\""});
  section.read("max_packet", options.max_packet_bytes);
  section.read("max_topic_bytes", options.max_topic_bytes);
  section.read("max_connections", options.max_connections);
  options.max_connections_per_peer = std::max<std::size_t>(1, options.max_connections / 4);
  section.read("max_connections_per_peer", options.max_connections_per_peer);
  section.read_rate("max_messages", options.max_messages_per_second);
  section.read("connect_timeout", options.connect_timeout);
  section.read("idle_timeout", options.idle_timeout);
  read_listener_routes(section, context, options);
  return options;
}

class ConfiguredMqttListener final : public ConfiguredSourceOf<MqttListenerOptions> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<Source> make(const Surroundings& around) const override {
    return make_mqtt_listener_source(options(), around.id, around.host, around.loop);
  }
  SourceTraits traits() const override { return {.acknowledges = true, .max_connections = options().max_connections}; }
  std::vector<RouteOptions> routes() const override { return options().routes; }
};

std::shared_ptr<const ConfiguredSource> read_listener(const Section& section, const PartContext& context) {
  return std::make_shared<ConfiguredMqttListener>(read_mqtt_listener(section, context));
}

std::optional<Clash> same_listener_address(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  const std::string& address = options_of<MqttListenerOptions>(later)->listen;
  if (options_of<MqttListenerOptions>(earlier)->listen != address) return std::nullopt;
  return Clash{"listen", "has the address of"};
}

}  // namespace

SourcePart mqtt_listener_source() {
  static const KeyGroup group = mqtt_listener_keys();
  return {{.meaning = "", .library = "OpenSSL", .keys = {&group}, .inner = {&listener_route_keys()}},
          false,
          read_listener,
          same_listener_address};
}

}  // namespace edgetide
