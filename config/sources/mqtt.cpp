// [sources.NAME] with type = "mqtt".
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/mapping_section.h"
#include "config/parts.h"
#include "daemon/service/host_port.h"
#include "daemon/service/machine_id.h"
#include "daemon/service/regular_file.h"
#include "daemon/service/server_address.h"
#include "daemon/sources/mqtt_source.h"

namespace edgetide {

namespace {

constexpr EnumWord<int> protocol_words[] = {{5, "5"}, {3, "3.1.1"}};
constexpr EnumWord<bool> retained_words[] = {{false, "ignore"}, {true, "use"}};

const KeyGroup& tls_keys() {
  using namespace keys;
  static const KeyGroup group =
      on_reload(OnReload::new_source,
                {"[sources.NAME.tls]",
                 "Usually written as `tls = { ca = \"/etc/edgetide/tls/ca.pem\" }`. For `mqtts://` and `wss://`.",
                 {
                     text("ca", "the system's", "File with the certificates to trust."),
                     text("cert", "", "File with the client certificate; with `key`."),
                     text("key", "", "File with the client's key, or `${credential_path:NAME}`."),
                 }});
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
           required(of_type(ValueType::text_list, "servers", "",
                            "`mqtt://`, `mqtts://`, `ws://` or `wss://` with host and port; tried in turn. The port "
                            "defaults to 1883, 8883, 80, 443.")),
           word("protocol", protocol_words, standard.protocol,
                "The version of MQTT. A broker of MQTT 5 keeps messages of more than 320 KiB away; with 3.1.1 only its "
                "own limit does (mosquitto: `message_size_limit`): a message that takes an eighth of the memory here "
                "is cut off, and after two tries its session is ended, with what the broker kept in it."),
           text("client_id", "\"edgetide-{gateway}-{machine}-{source}\"",
                "The name of the session at the broker; must be unique there. `{machine}` is a short id of this "
                "machine, "
                "made from `/etc/machine-id` and the serial number of its board; it is left out where there is none. "
                "With another machine in its place, write the former name here to keep the session."),
           text("username", "", "User name for the broker."),
           text("password", "", "A secret: use `${credential:NAME}` or `${file:/PATH}`."),
           of_type(ValueType::table, "tls", "", "See below."),
           duration("keep_alive", standard.keep_alive, Duration::seconds(1), Duration::seconds(65'535),
                    "How often an idle connection is probed."),
           boolean("clean_start", standard.clean_start,
                   "`true` discards messages that the broker kept while the gateway was not connected."),
           duration("session_expiry", standard.session_expiry, Duration(), Duration::days(49'000),
                    "How long the broker keeps the session of a disconnected gateway (MQTT 5)."),
           integer("qos", standard.qos, 0, 2,
                   "1: every reading is acknowledged. 0: readings may be lost. 2 saves no reading, and is refused with "
                   "protocol 3.1.1."),
           word("retained", retained_words, standard.use_retained,
                "`use` accepts the retained message of each topic, if it is not the value that was accepted last."),
           boolean("allow_plaintext", standard.allow_plaintext, "Allows `mqtt://` and `ws://` to other hosts."),
           required(of_type(ValueType::table_list, "routes", "",
                            "The topics to read and their mappings; the first matching route wins.")),
       }});
}

constexpr std::size_t max_client_id_bytes = 128;

std::string scheme_hint(std::string_view server) {
  constexpr std::pair<std::string_view, std::string_view> others[] = {
      {"tcp://", "mqtt://"}, {"ssl://", "mqtts://"}, {"tls://", "mqtts://"}};
  for (const auto& [wrong, right] : others) {
    if (server.starts_with(wrong)) return "write " + std::string(right) + std::string(server.substr(wrong.size()));
  }
  return "such as \"mqtts://broker.example:8883\"";
}

void read_server(const Section& section, const Node& node, MqttOptions& options) {
  if (node.text.find('@') != std::string::npos) {
    Location location = node.location;
    location.secret = true;  // what stands before the '@' may be a password
    return section.error_at(location,
                            "servers: name and password do not belong into the address; use username and password");
  }
  const std::optional<ServerAddress> server = parse_server(node.text);
  if (!server)
    return section.error_at(node.location, shown(node) + " is not the address of an MQTT server",
                            is_secret_line(node.location) ? std::string() : scheme_hint(node.written));
  if (!server->encrypted() && !is_loopback_host(server->host) && !options.allow_plaintext) {
    section.error_at(node.location, shown(node) + " would send everything readable over the network",
                     "use mqtts://, or set allow_plaintext = true");
  }
  options.servers.push_back(server->text());
}

void read_servers(const Section& section, MqttOptions& options) {
  const Node* list = section.find("servers");
  for (const Node* node : section.texts("servers")) read_server(section, *node, options);
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("servers", "servers is empty; a source needs at least one");
  }
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

void read_client_id(const Section& section, const std::string& name, const std::string& gateway, MqttOptions& options) {
  const std::string machine = short_machine_id();
  options.client_id = "edgetide-{gateway}-{machine}-{source}";
  section.read("client_id", options.client_id);
  replace_all(options.client_id, "{gateway}", gateway);
  replace_all(options.client_id, "{source}", name);
  if (machine.empty()) replace_all(options.client_id, "{machine}-", {});
  replace_all(options.client_id, "{machine}", machine);
  const bool printable =
      std::all_of(options.client_id.begin(), options.client_id.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (options.client_id.find_first_of("{}") != std::string::npos) {
    section.error("client_id", "client_id has a placeholder other than {gateway}, {machine} and {source}");
  } else if (options.client_id.empty() || options.client_id.size() > max_client_id_bytes || !printable) {
    section.error("client_id", "client_id must be 1 to 128 printable characters without blanks");
  }
}

void read_tls(const Section& section, MqttOptions& options) {
  const Node* node = section.table("tls");
  if (node == nullptr) return;
  const Section tls(*node, section.name() + ".tls", {&tls_keys()}, section.report());
  tls.read("ca", options.tls.ca);
  tls.read("cert", options.tls.cert);
  tls.read("key", options.tls.key);
  for (const auto& [key, file] :
       {std::pair{"ca", options.tls.ca}, {"cert", options.tls.cert}, {"key", options.tls.key}}) {
    if (const std::string error = unfit_for_reading(file); !error.empty())
      tls.error(key, std::string(key) + ' ' + error);
  }
  if ((tls.find("cert") == nullptr) != (tls.find("key") == nullptr)) {
    section.error("tls", "tls: cert and key come together");
  }
  const bool used = std::any_of(options.servers.begin(), options.servers.end(), [](const std::string& server) {
    return server.starts_with("mqtts:") || server.starts_with("wss:");
  });
  if (!options.servers.empty() && !used) section.warning("tls", "tls is not used: no server is mqtts:// or wss://");
}

void read_routes(const Section& section, MqttOptions& options) {
  for (const Node* node : section.tables("routes")) {
    const Section keys(*node, section.name() + ".routes", with_mapping({&route_keys()}, section.keys()),
                       section.report());
    RouteOptions route;
    keys.read("topic", route.topic);
    route.mapping = read_mapping(keys);
    if (keys.find("topic") != nullptr && keys.find("format") != nullptr) check_route(keys, route);
    options.routes.push_back(std::move(route));
  }
  const Node* list = section.find("routes");
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("routes", "routes is empty; nothing would be read");
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
  if (section.find("password") != nullptr && section.find("username") == nullptr && options.protocol == 3) {
    section.error("password", "MQTT 3.1.1 allows a password only with a username");
  }
}

bool share_server(const MqttOptions& a, const MqttOptions& b) {
  return std::find_first_of(a.servers.begin(), a.servers.end(), b.servers.begin(), b.servers.end()) != a.servers.end();
}

MqttOptions read_mqtt(const Section& section, const std::string& name, const std::string& gateway) {
  MqttOptions options;
  options.name = name;
  section.read("allow_plaintext", options.allow_plaintext);
  read_servers(section, options);
  section.read_word("protocol", options.protocol, protocol_words);
  read_client_id(section, name, gateway, options);
  section.read("username", options.username);
  section.read("password", options.password);
  read_tls(section, options);
  section.read("keep_alive", options.keep_alive);
  section.read("clean_start", options.clean_start);
  section.read("session_expiry", options.session_expiry);
  section.read("qos", options.qos);
  section.read_word("retained", options.use_retained, retained_words);
  read_routes(section, options);
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
};

std::shared_ptr<const ConfiguredSource> read(const Section& section, const PartContext& context) {
  return std::make_shared<ConfiguredMqtt>(read_mqtt(section, context.name, context.gateway_id));
}

// Two sources must not share a session: brokers would disconnect one for the other without end.
std::optional<Clash> same_session(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  const MqttOptions& a = *options_of<MqttOptions>(earlier);
  const MqttOptions& b = *options_of<MqttOptions>(later);
  if (a.client_id != b.client_id || !share_server(a, b)) return std::nullopt;
  return Clash{"client_id", "has the server and the client_id of"};
}

}  // namespace

SourcePart mqtt_source() {
  static const KeyGroup group = mqtt_keys();
  return {{.name = "mqtt",
           .meaning = "",
           .library = "Eclipse Paho",
           .keys = {&group},
           .inner = {&tls_keys(), &route_keys()}},
          false,
          read,
          same_session};
}

}  // namespace edgetide
