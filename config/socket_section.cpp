#include "config/socket_section.h"

#include <utility>

#include "config/mapping_section.h"
#include "daemon/service/cidr.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

namespace {

constexpr std::size_t max_socket_path_bytes = 107;  // sockaddr_un

bool is_known_text(const Node* node) {
  return node != nullptr && node->kind == Node::Kind::text && node->known;
}

void check_path(const Section& section, const std::string& path) {
  if (!path.starts_with('/') || path.size() > max_socket_path_bytes) {
    section.error("listen", "listen must be an absolute path of at most 107 bytes",
                  "such as \"/run/edgetide/readings.sock\"");
  }
}

void check_address(const Section& section, const SocketOptions& options) {
  const std::optional<SocketAddress> address = parse_listen(options.listen);
  if (!address) {
    return section.error("listen", "listen needs a numeric address and a port",
                         "such as \"127.0.0.1:8094\" or \"[::1]:8094\"");
  }
  if (!is_loopback(address->storage) && section.find("allow") == nullptr) {
    section.error("listen", "listen is open to the network; say in allow who may send",
                  "such as allow = [\"10.20.0.0/16\"]");
  }
}

void read_allow(const Section& section, SocketOptions& options) {
  for (const Node* node : section.texts("allow")) {
    if (!Cidr::parse(node->text)) {
      section.error_at(node->location, "allow: " + shown(*node) + " is not a network", "such as \"10.20.0.0/16\"");
    }
    options.allow.push_back(node->text);
  }
  const Node* list = section.find("allow");
  if (list != nullptr && list->kind == Node::Kind::list && list->children.empty()) {
    section.error("allow", "allow is empty: no peer could send");
  }
}

}  // namespace

SocketOptions read_socket(const Section& section, const std::string& name, SocketKind kind) {
  SocketOptions options;
  options.name = name;
  options.kind = kind;
  section.read("listen", options.listen);
  const bool listen_known = is_known_text(section.find("listen"));
  if (kind == SocketKind::unix_stream) {
    if (listen_known) check_path(section, options.listen);
  } else {
    read_allow(section, options);
    if (listen_known) check_address(section, options);
  }
  if (kind == SocketKind::udp) {
    if (section.word("framing") == 1) options.framing = Framing::whole;
    section.read("max_datagram", options.max_datagram_bytes);
    section.read("receive_buffer", options.receive_buffer_bytes);
  } else {
    section.read_word("framing", options.framing);
    section.read("ack", options.ack);
    section.read("max_line", options.max_line_bytes);
    section.read("max_connections", options.max_connections);
    section.read("connection_timeout", options.idle_timeout);
    section.read("line_timeout", options.line_timeout);
  }
  options.route.mapping = read_mapping(section);
  if (section.find("format") != nullptr) check_route(section, options.route);
  if (options.framing == Framing::newline && options.route.mapping.format == PayloadFormat::csv &&
      options.route.mapping.columns.empty()) {
    section.error("format", "csv from a socket needs columns: each line is a message, so none can be a header",
                  "such as columns = [\"sensor\", \"time\", \"value\"]");
  }
  return options;
}

void check_listeners(const Node& sources, const std::vector<SocketInput>& inputs, Report& report) {
  for (std::size_t later = 0; later < inputs.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const SocketOptions& a = inputs[earlier].options;
      const SocketOptions& b = inputs[later].options;
      if (a.kind != b.kind || a.listen != b.listen || b.listen.empty()) continue;
      report.error(sources.find(b.name)->find("listen")->location,
                   "sources." + b.name + ": sources." + a.name + " listens here");
    }
  }
}

}  // namespace edgetide
