#include "config/listener_keys.h"

#include <optional>
#include <utility>

#include "daemon/service/cidr.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

void read_allow(const Section& section, std::vector<std::string>& allow) {
  for (const Node* node : section.texts("allow")) {
    if (!Cidr::parse(node->text)) {
      section.error_at(node->location, "allow: " + shown(*node) + " is not a network", "such as \"10.20.0.0/16\"");
    }
    allow.push_back(node->text);
  }
  const Node* list = section.find("allow");
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("allow", "allow is empty: no peer could send");
  }
}

void read_certificate(const Section& section, std::string& cert_file, std::string& key_file) {
  for (const auto& [key, path] : {std::pair{"cert_file", &cert_file}, {"key_file", &key_file}}) {
    section.read(key, *path);
    section.refuse_unfit_file(key, *path);
    section.warn_of_missing_file(key, *path);
  }
  const bool encrypts = section.find("cert_file") != nullptr;
  if (encrypts != (section.find("key_file") != nullptr)) {
    section.error(encrypts ? "cert_file" : "key_file", "cert_file and key_file belong together");
  }
}

void check_reachable(const Section& section, const std::string& listen, bool allow_plaintext, bool knows_peers,
                     const ListenerWords& words) {
  const Node* const written = section.find("listen");
  if (written != nullptr && (written->kind != Node::Kind::text || !written->known)) return;
  const std::optional<SocketAddress> address = parse_listen(listen);
  if (!address) {
    return section.error("listen", "listen needs a numeric address and a port", std::string(words.address));
  }
  if (is_loopback(address->storage)) return;
  const bool has_allow = section.find("allow") != nullptr;
  if (!has_allow && !knows_peers) {
    section.error("listen", "listen is open to the network; say who may " + std::string(words.who),
                  std::string(words.example));
  }
  if (section.find("cert_file") != nullptr) return;
  if (!allow_plaintext) {
    section.error("listen", "listen would take readings that everyone on the way can read and change",
                  "set cert_file and key_file, or allow_plaintext = true with allow");
  } else if (!has_allow) {
    section.error("allow_plaintext", "allow_plaintext needs allow: without TLS, only addresses can be checked",
                  "such as allow = [\"10.20.0.0/16\"]");
  }
}

void read_certificate_and_token(const Section& section, std::string& cert_file, std::string& key_file,
                                std::string& token, std::string_view without_token) {
  read_certificate(section, cert_file, key_file);
  section.read("token", token);
  const Node* const written = section.find("token");
  if (written != nullptr && written->kind == Node::Kind::text && written->known && written->text.empty()) {
    section.error("token", "token is empty: " + std::string(without_token));
  }
}

}  // namespace edgetide
