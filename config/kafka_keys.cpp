#include "config/kafka_keys.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "config/key_spec.h"
#include "config/tls_keys.h"
#include "daemon/service/host_port.h"

namespace edgetide {

namespace {

void read_kafka_servers(const Section& section, std::string_view kind, KafkaBrokerOptions& options) {
  for (const Node* node : section.texts("servers")) {
    const std::optional<HostPort> address = split_host_port(node->text);
    const bool is_address = address && !address->host.empty() && parse_port(address->port).value_or(0) != 0 &&
                            node->text.find_first_of("/,@ ") == std::string::npos;
    if (!is_address) {
      section.error_at(node->location, shown(*node) + " is not the address of a broker",
                       "such as \"kafka1.example:9092\"");
    } else if (!options.tls && !options.allow_plaintext && !is_loopback_host(address->host)) {
      section.error_at(node->location, shown(*node) + " would send everything readable over the network",
                       "set tls = {}, or allow_plaintext = true");
    }
    options.servers.push_back(node->text);
  }
  const Node* const list = section.find("servers");
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("servers", "servers is empty; a " + std::string(kind) + " needs at least one");
  }
}

void read_kafka_login(const Section& section, const KeyGroup& tls_keys, KafkaBrokerOptions& options) {
  section.read("username", options.username);
  section.read("password", options.password);
  section.read_word("mechanism", options.mechanism, sasl_mechanism_words);
  const bool has_name = section.find("username") != nullptr;
  if (has_name != (section.find("password") != nullptr)) {
    section.error(has_name ? "username" : "password", "username and password belong together");
  }
  const Node* const node = section.table("tls");
  options.tls = node != nullptr;
  if (node == nullptr) return;
  const Section tls(*node, section.name() + ".tls", {&tls_keys}, section.report());
  read_tls_files(tls, {options.ca, options.cert, options.key});
}

}  // namespace

namespace keys {

KeySpec kafka_servers() {
  return required(of_type(ValueType::text_list, "servers", "",
                          "Brokers to ask first, each with its port: `[\"kafka1.example:9092\"]`."));
}

std::vector<KeySpec> kafka_login() {
  const KafkaBrokerOptions standard;
  return {
      text("username", "", "User name for SASL."),
      free_text(text("password", "", "A secret: use `${credential:NAME}` or `${file:/PATH}`.")),
      word("mechanism", sasl_mechanism_words, standard.mechanism, "Of SASL, with a `username`."),
      of_type(ValueType::table, "tls", "", "With it all connections are encrypted; see below."),
      boolean("allow_plaintext", standard.allow_plaintext,
              "Allows connections without TLS beyond loopback. Without it, none is made there, also if a broker names "
              "such an address as its own."),
  };
}

KeyGroup kafka_tls_group(std::string_view title, OnReload on_change) {
  return on_reload(on_change,
                   {title,
                    "Usually written as `tls = { ca = \"/etc/edgetide/tls/ca.pem\" }`; `tls = {}` trusts the system's "
                    "certificates. The names of brokers are checked.",
                    tls_files()});
}

}  // namespace keys

void read_kafka_broker(const Section& section, std::string_view kind, const KeyGroup& tls_keys,
                       KafkaBrokerOptions& options) {
  section.read("allow_plaintext", options.allow_plaintext);
  read_kafka_login(section, tls_keys, options);
  read_kafka_servers(section, kind, options);
}

bool is_kafka_id(std::string_view id) {
  const auto fits = [](char c) { return c > ' ' && c < 0x7F && c != '{' && c != '}'; };
  return !id.empty() && id.size() <= max_kafka_group_id_bytes && std::all_of(id.begin(), id.end(), fits);
}

}  // namespace edgetide
