#include "config/broker_keys.h"

#include <algorithm>
#include <utility>

#include "config/client_id_key.h"
#include "config/key_spec.h"
#include "config/tls_keys.h"
#include "daemon/service/host_port.h"
#include "daemon/service/server_address.h"
#include "pipeline/enum_word.h"

namespace edgetide {

namespace {

constexpr EnumWord<int> protocol_words[] = {{5, "5"}, {3, "3.1.1"}};
constexpr std::size_t max_status_topic_bytes = 256;
constexpr std::size_t max_alpn_bytes = 255;  // RFC 7301, 3.1

std::string scheme_hint(std::string_view server) {
  constexpr std::pair<std::string_view, std::string_view> others[] = {
      {"tcp://", "mqtt://"}, {"ssl://", "mqtts://"}, {"tls://", "mqtts://"}};
  for (const auto& [wrong, right] : others) {
    if (server.starts_with(wrong)) return "write " + std::string(right) + std::string(server.substr(wrong.size()));
  }
  return "such as \"mqtts://broker.example:8883\"";
}

void read_server(const Section& section, const Node& node, BrokerOptions& options) {
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

void read_servers(const Section& section, std::string_view kind, BrokerOptions& options) {
  const Node* list = section.find("servers");
  for (const Node* node : section.texts("servers")) read_server(section, *node, options);
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("servers", "servers is empty; a " + std::string(kind) + " needs at least one");
  }
}

void read_tls(const Section& section, const KeyGroup& keys, BrokerOptions& options) {
  const Node* node = section.table("tls");
  if (node == nullptr) return;
  const Section tls(*node, section.name() + ".tls", {&keys}, section.report());
  read_tls_files(tls, {options.tls.ca, options.tls.cert, options.tls.key});
  tls.read("alpn", options.tls.alpn);
  if (options.tls.alpn.size() > max_alpn_bytes) tls.error("alpn", "alpn must be 255 bytes at most");
  const bool used = std::any_of(options.servers.begin(), options.servers.end(), [](const std::string& server) {
    return server.starts_with("mqtts:") || server.starts_with("wss:");
  });
  if (!options.servers.empty() && !used) section.warning("tls", "tls is not used: no server is mqtts:// or wss://");
}

}  // namespace

namespace keys {

KeySpec broker_servers() {
  return required(of_type(ValueType::text_list, "servers", "",
                          "`mqtt://`, `mqtts://`, `ws://` or `wss://` with host and port; tried in turn. The port "
                          "defaults to 1883, 8883, 80, 443."));
}

KeySpec broker_protocol(std::string meaning) {
  return word("protocol", protocol_words, BrokerOptions().protocol, std::move(meaning));
}

KeySpec broker_username() {
  return text("username", "", "User name for the broker.");
}

KeySpec broker_password() {
  return free_text(text("password", "", "A secret: use `${credential:NAME}` or `${file:/PATH}`."));
}

KeySpec broker_tls() {
  return of_type(ValueType::table, "tls", "", "See below.");
}

KeySpec broker_keep_alive() {
  return duration("keep_alive", BrokerOptions().keep_alive, Duration::seconds(1), Duration::seconds(65'535),
                  "How often an idle connection is probed.");
}

KeySpec broker_allow_plaintext() {
  return boolean("allow_plaintext", BrokerOptions().allow_plaintext, "Allows `mqtt://` and `ws://` to other hosts.");
}

KeyGroup broker_tls_group(std::string_view title, OnReload on_change) {
  std::vector<KeySpec> specs = tls_files();
  specs.push_back(text("alpn", "", "Protocol to ask for with ALPN: `x-amzn-mqtt-ca` for AWS IoT Core on port 443."));
  return on_reload(
      on_change,
      {title, "Usually written as `tls = { ca = \"/etc/edgetide/tls/ca.pem\" }`. For `mqtts://` and `wss://`.",
       std::move(specs)});
}

}  // namespace keys

void read_broker(const Section& section, const BrokerClient& client, const KeyGroup& tls_keys, BrokerOptions& options) {
  section.read("allow_plaintext", options.allow_plaintext);
  read_servers(section, client.kind, options);
  section.read_word("protocol", options.protocol, protocol_words);
  read_client_id(section, client, options.client_id);
  section.read("username", options.username);
  section.read("password", options.password);
  read_tls(section, tls_keys, options);
  section.read("keep_alive", options.keep_alive);
  if (section.find("password") != nullptr && section.find("username") == nullptr && options.protocol == 3) {
    section.error("password", "MQTT 3.1.1 allows a password only with a username");
  }
}

void read_status_topic(const Section& section, const BrokerClient& client, BrokerOptions& options) {
  section.read("status_topic", options.status_topic);
  fill_in_names(options.status_topic, client);
  const std::string& topic = options.status_topic;
  if (topic.find_first_of("{}") != topic.npos) {
    section.error("status_topic", "status_topic has a placeholder other than {gateway}, {machine} and {" +
                                      std::string(client.kind) + '}');
  } else if (topic.size() > max_status_topic_bytes || topic.starts_with('$') ||
             topic.find_first_of(std::string_view("+#\0", 3)) != topic.npos) {
    section.error("status_topic", "status_topic must be the name of one topic, without + and #, of 256 bytes at most");
  }
}

std::vector<std::string> sessions_of(const BrokerOptions& options) {
  std::vector<std::string> sessions;
  for (const std::string& server : options.servers) sessions.push_back(options.client_id + " at " + server);
  return sessions;
}

std::optional<Clash> broker_clash(const BrokerOptions& earlier, const BrokerOptions& later) {
  const auto& servers = later.servers;
  if (std::find_first_of(earlier.servers.begin(), earlier.servers.end(), servers.begin(), servers.end()) ==
      earlier.servers.end()) {
    return std::nullopt;
  }
  if (earlier.client_id == later.client_id) return Clash{"client_id", "has the server and the client_id of"};
  if (later.status_topic.empty() || earlier.status_topic != later.status_topic) return std::nullopt;
  return Clash{"status_topic", "has the server and the status_topic of"};
}

}  // namespace edgetide
