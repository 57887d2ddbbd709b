#include "config/mqtt_section.h"

#include <algorithm>
#include <utility>

#include "config/mapping_section.h"
#include "daemon/service/host_port.h"
#include "daemon/service/server_address.h"

namespace edgetide {

namespace {

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
                            scheme_hint(node.written));
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
  options.client_id = "edgetide-{gateway}-{source}";
  section.read("client_id", options.client_id);
  replace_all(options.client_id, "{gateway}", gateway);
  replace_all(options.client_id, "{source}", name);
  const bool printable =
      std::all_of(options.client_id.begin(), options.client_id.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (options.client_id.find_first_of("{}") != std::string::npos) {
    section.error("client_id", "client_id has a placeholder other than {gateway} and {source}");
  } else if (options.client_id.empty() || options.client_id.size() > max_client_id_bytes || !printable) {
    section.error("client_id", "client_id must be 1 to 128 printable characters without blanks");
  }
}

void read_tls(const Section& section, MqttOptions& options) {
  const Node* node = section.table("tls");
  if (node == nullptr) return;
  const Section tls(*node, section.name() + ".tls", {&key_table().tls}, section.report());
  tls.read("ca", options.tls.ca);
  tls.read("cert", options.tls.cert);
  tls.read("key", options.tls.key);
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
    const Section keys(*node, section.name() + ".routes", with_mapping({&key_table().route}), section.report());
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
  if (options.qos == 2) section.warning("qos", "qos = 2 costs twice the messages of 1 and saves no reading");
  if (options.use_retained) {
    section.warning("retained", "retained = \"use\" counts the last message of each topic again at every new session");
  }
  if (section.find("password") != nullptr && section.find("username") == nullptr && options.protocol == 3) {
    section.error("password", "MQTT 3.1.1 allows a password only with a username");
  }
}

const Location& location_in(const Node& sources, const std::string& name, std::string_view key) {
  const Node* source = sources.find(name);
  const Node* value = source->find(key);
  return value == nullptr ? source->key_location : value->location;
}

bool share_server(const MqttOptions& a, const MqttOptions& b) {
  return std::find_first_of(a.servers.begin(), a.servers.end(), b.servers.begin(), b.servers.end()) != a.servers.end();
}

}  // namespace

MqttOptions read_mqtt(const Section& section, const std::string& name, const std::string& gateway) {
  MqttOptions options;
  options.name = name;
  section.read("allow_plaintext", options.allow_plaintext);
  read_servers(section, options);
  enum class Protocol { five, three } protocol = Protocol::five;
  section.read_word("protocol", protocol);
  options.protocol = protocol == Protocol::five ? 5 : 3;
  read_client_id(section, name, gateway, options);
  section.read("username", options.username);
  section.read("password", options.password);
  read_tls(section, options);
  section.read("keep_alive", options.keep_alive);
  section.read("clean_start", options.clean_start);
  section.read("session_expiry", options.session_expiry);
  section.read("qos", options.qos);
  section.read_word("retained", options.use_retained);
  read_routes(section, options);
  warn_of_losses(section, options);
  return options;
}

void check_sessions(const Node& sources, const std::vector<MqttInput>& inputs, Report& report) {
  for (std::size_t later = 0; later < inputs.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const MqttOptions& a = inputs[earlier].options;
      const MqttOptions& b = inputs[later].options;
      if (a.client_id != b.client_id || !share_server(a, b)) continue;
      report.error(location_in(sources, b.name, "client_id"),
                   "sources." + b.name + ": has the server and the client_id of sources." + a.name);
    }
  }
}

}  // namespace edgetide
