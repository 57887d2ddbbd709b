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

}  // namespace

void fill_in_names(std::string& text, const std::string& source, const std::string& gateway) {
  const std::string machine = short_machine_id();
  replace_all(text, "{gateway}", gateway);
  replace_all(text, "{source}", source);
  if (machine.empty()) replace_all(text, "{machine}-", {});
  replace_all(text, "{machine}", machine);
}

void read_client_id(const Section& section, const std::string& source, const std::string& gateway,
                    std::string& client_id) {
  client_id = "edgetide-{gateway}-{machine}-{source}";
  section.read("client_id", client_id);
  fill_in_names(client_id, source, gateway);
  const bool printable = std::all_of(client_id.begin(), client_id.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (client_id.find_first_of("{}") != std::string::npos) {
    section.error("client_id", "client_id has a placeholder other than {gateway}, {machine} and {source}");
  } else if (client_id.empty() || client_id.size() > max_client_id_bytes || !printable) {
    section.error("client_id", "client_id must be 1 to 128 printable characters without blanks");
  }
}

}  // namespace edgetide
