#include "config/client_id_key.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "daemon/service/machine_id.h"

namespace edgetide {

namespace {

constexpr std::size_t max_client_id_bytes = 128;

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string own_name(const BrokerClient& client) {
  return '{' + std::string(client.kind) + '}';
}

}  // namespace

void fill_in_names(std::string& text, const BrokerClient& client) {
  const std::string machine = short_machine_id();
  replace_all(text, "{gateway}", client.gateway);
  replace_all(text, own_name(client), client.name);
  if (machine.empty()) replace_all(text, "{machine}-", {});
  replace_all(text, "{machine}", machine);
}

void read_client_id(const Section& section, const BrokerClient& client, std::string& client_id) {
  client_id =
      client.kind == "sink" ? "edgetide-{gateway}-{machine}-sink-{sink}" : "edgetide-{gateway}-{machine}-{source}";
  section.read("client_id", client_id);
  fill_in_names(client_id, client);
  const bool printable = std::all_of(client_id.begin(), client_id.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (client_id.find_first_of("{}") != std::string::npos) {
    section.error("client_id", "client_id has a placeholder other than {gateway}, {machine} and " + own_name(client));
  } else if (client_id.empty() || client_id.size() > max_client_id_bytes || !printable) {
    section.error("client_id", "client_id must be 1 to 128 printable characters without blanks");
  }
}

}  // namespace edgetide
