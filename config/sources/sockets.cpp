// [sources.NAME] with type = "tcp", "udp" or "unix".
#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/listener_keys.h"
#include "config/mapping_section.h"
#include "config/parts.h"
#include "daemon/service/cidr.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/socket_source.h"

namespace edgetide {

namespace {

const KeyGroup& socket_keys() {
  using namespace keys;
  static const KeyGroup group =
      on_reload(OnReload::new_source,
                {"[sources.NAME] with type = \"tcp\", \"udp\" or \"unix\"",
                 "The keys of the mapping stand here directly.",
                 {
                     required(text("listen", "", "`127.0.0.1:8094`, `[::1]:8094`; unix: an absolute path.")),
                 }});
  return group;
}

const KeyGroup& allow_keys() {
  using namespace keys;
  static const KeyGroup group = on_reload(
      OnReload::new_source,
      {"[sources.NAME] with type = \"tcp\" or \"udp\"",
       "",
       {
           of_type(ValueType::text_list, "allow", "[]",
                   "Networks whose peers may send beside those of this machine, such as `10.20.0.0/16`. Required when "
                   "`listen` is not on loopback."),
       }});
  return group;
}

const KeyGroup& stream_keys() {
  using namespace keys;
  const SocketOptions standard;
  KeySpec per_peer = integer("max_connections_per_peer", 16, 1, 1000,
                             "Of these, how many one peer may have; its further ones are closed at once and counted. A "
                             "peer is an address, all of loopback together; unix: a user.");
  per_peer.standard = "a quarter of `max_connections`";
  static const KeyGroup group = on_reload(
      OnReload::new_source,
      {"[sources.NAME] with type = \"tcp\" or \"unix\"",
       "",
       {
           word("framing", stream_framing_words, standard.framing,
                "Where a message ends: at the end of the line, or after as many bytes as the 4 bytes before it say "
                "(big-endian). `telegram`: from a line that begins with `/` to one that begins with `!`, the default "
                "for "
                "dsmr."),
           boolean("ack", standard.ack,
                   "Answers `ack N` when the first N messages of the connection are settled; `ack N refused M` once "
                   "nothing could be read from M of them, which need not be sent again. Readings that are refused for "
                   "their time or for room are in the status only."),
           size("max_line", standard.max_line_bytes, 64, max_payload_bytes, "Longer messages are refused."),
           integer("max_connections", static_cast<std::int64_t>(standard.max_connections), 1, 1000,
                   "When there are as many, a new connection closes the one that is silent for longest, if that has "
                   "been silent for 10 s and neither has sent part of a message nor waits for an acknowledgement. "
                   "Otherwise the new one is closed at once. Both are counted."),
           per_peer,
           duration("connection_timeout", standard.idle_timeout, Duration::seconds(1), Duration::days(7),
                    "A connection on which no byte arrives for this long is closed."),
           duration("line_timeout", standard.line_timeout, Duration::seconds(1), Duration::hours(1),
                    "A message that is not complete after this long closes its connection."),
       }});
  return group;
}

const KeyGroup& udp_keys() {
  using namespace keys;
  const SocketOptions standard;
  static const KeyGroup group = on_reload(
      OnReload::new_source,
      {"[sources.NAME] with type = \"udp\"",
       "",
       {
           word("framing", datagram_framing_words, standard.framing,
                "Whether each line of a datagram is a message, or the whole datagram, which is the default for dsmr."),
           size("max_datagram", standard.max_datagram_bytes, 64, 65'535, "Longer datagrams are refused."),
           size("receive_buffer", standard.receive_buffer_bytes, 4096, 256 * 1024 * 1024,
                "Requested from the kernel, which may grant less."),
       }});
  return group;
}

constexpr std::size_t max_socket_path_bytes = 107;  // sockaddr_un

bool is_known_text(const Node* node) {
  return node != nullptr && node->kind == Node::Kind::text && node->known;
}

constexpr const char* runtime_folder = "/run/edgetide";  // systemd makes it at the start of the service

void check_path(const Section& section, const std::string& path) {
  if (!path.starts_with('/') || path.size() > max_socket_path_bytes) {
    section.error("listen", "listen must be an absolute path of at most 107 bytes",
                  "such as \"/run/edgetide/readings.sock\"");
    return;
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (folder == runtime_folder || std::filesystem::exists(folder, error) || error == std::errc::permission_denied) {
    return;
  }
  section.warning("listen", "listen: the folder " + folder.string() + " does not exist",
                  "the service has " + std::string(runtime_folder));
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

// A format whose messages are more than lines comes in its own framing, or whole in a datagram.
void fit_framing(const Section& section, SocketOptions& options) {
  const Format& format = *options.route.mapping.format;
  if (format.framing == Framing::newline) return;
  const Framing standard = options.kind == SocketKind::udp ? Framing::whole : format.framing;
  if (section.find("framing") == nullptr) options.framing = standard;
  if (options.framing == Framing::newline) {
    section.error("framing", "framing newline would cut the messages of " + std::string(format.name) +
                                 " into lines; leave framing out");
  }
}

SocketOptions read_socket(const Section& section, const PartContext& context, SocketKind kind) {
  SocketOptions options;
  options.name = context.name;
  options.kind = kind;
  section.read("listen", options.listen);
  const bool listen_known = is_known_text(section.find("listen"));
  if (kind == SocketKind::unix_stream) {
    if (listen_known) check_path(section, options.listen);
  } else {
    read_allow(section, options.allow);
    if (listen_known) check_address(section, options);
  }
  if (kind == SocketKind::udp) {
    section.read_word("framing", options.framing, datagram_framing_words);
    section.read("max_datagram", options.max_datagram_bytes);
    section.read("receive_buffer", options.receive_buffer_bytes);
  } else {
    section.read_word("framing", options.framing, stream_framing_words);
    section.read("ack", options.ack);
    section.read("max_line", options.max_line_bytes);
    section.read("max_connections", options.max_connections);
    options.max_connections_per_peer = std::max<std::size_t>(1, options.max_connections / 4);
    section.read("max_connections_per_peer", options.max_connections_per_peer);
    section.read("connection_timeout", options.idle_timeout);
    section.read("line_timeout", options.line_timeout);
  }
  options.route.mapping = read_mapping(section, context);
  fit_framing(section, options);
  check_route(section, options.route);
  const MappingOptions& mapping = options.route.mapping;
  if (options.framing == Framing::newline && mapping.format->has_header && mapping.columns.empty()) {
    section.error("format",
                  std::string(mapping.format->name) +
                      " from a socket needs columns: each line is a message, so none can be a header",
                  "such as columns = [\"sensor\", \"time\", \"value\"]");
  }
  return options;
}

class ConfiguredSocket final : public ConfiguredSourceOf<SocketOptions> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<Source> make(const Surroundings& around) const override {
    return make_socket_source({options(), around.id}, around.sockets);
  }
  SourceTraits traits() const override {
    const bool is_stream = options().kind != SocketKind::udp;
    return {.acknowledges = options().ack,
            .takes_lines = options().framing == Framing::newline,
            .max_connections = is_stream ? options().max_connections : 0};
  }
  std::vector<RouteOptions> routes() const override { return {options().route}; }
};

template <SocketKind kind>
std::shared_ptr<const ConfiguredSource> read(const Section& section, const PartContext& context) {
  return std::make_shared<ConfiguredSocket>(read_socket(section, context, kind));
}

// Two sources cannot have one address.
std::optional<Clash> same_address(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  const std::string& address = options_of<SocketOptions>(later)->listen;
  if (address.empty() || options_of<SocketOptions>(earlier)->listen != address) return std::nullopt;
  return Clash{"listen", "has the address of"};
}

template <SocketKind kind>
SourcePart socket_source(std::vector<const KeyGroup*> groups) {
  return {{.meaning = "", .library = "", .keys = std::move(groups)}, true, read<kind>, same_address};
}

}  // namespace

SourcePart tcp_source() {
  return socket_source<SocketKind::tcp>({&socket_keys(), &allow_keys(), &stream_keys()});
}

SourcePart udp_source() {
  return socket_source<SocketKind::udp>({&socket_keys(), &allow_keys(), &udp_keys()});
}

SourcePart unix_source() {
  return socket_source<SocketKind::unix_stream>({&socket_keys(), &stream_keys()});
}

}  // namespace edgetide
