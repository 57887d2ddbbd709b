#include "config/listener_keys.h"

#include "daemon/service/cidr.h"

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

void read_certificate_and_token(const Section& section, std::string& cert_file, std::string& key_file,
                                std::string& token, std::string_view without_token) {
  section.read("cert_file", cert_file);
  section.read("key_file", key_file);
  section.read("token", token);
  section.refuse_unfit_file("cert_file", cert_file);
  section.refuse_unfit_file("key_file", key_file);
  section.warn_of_missing_file("cert_file", cert_file);
  section.warn_of_missing_file("key_file", key_file);
  const bool encrypts = section.find("cert_file") != nullptr;
  if (encrypts != (section.find("key_file") != nullptr)) {
    section.error(encrypts ? "cert_file" : "key_file", "cert_file and key_file belong together");
  }
  const Node* const written = section.find("token");
  if (written != nullptr && written->kind == Node::Kind::text && written->known && written->text.empty()) {
    section.error("token", "token is empty: " + std::string(without_token));
  }
}

}  // namespace edgetide
