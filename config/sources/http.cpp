// [sources.NAME] with type = "http".
#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/listener_keys.h"
#include "config/mapping_section.h"
#include "config/parts.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/sources/http_source.h"

namespace edgetide {

namespace {

constexpr std::int64_t largest_body_bytes = 16 * 1024 * 1024;

const KeyGroup& http_route_keys() {
  using namespace keys;
  static const KeyGroup group =
      on_reload(OnReload::new_source,
                {"[[sources.NAME.routes]] with type = \"http\"",
                 "A route has a path and the keys of the mapping.",
                 {
                     required(text("path", "",
                                   "Pattern, as a topic of MQTT: `/ingest/{device}`; `+` matches one level, `{name}` "
                                   "matches and captures one level, `#` at the end matches the rest.")),
                 }});
  return group;
}

std::vector<KeySpec> reachable_keys(const HttpSourceOptions& standard) {
  using namespace keys;
  return {
      text("listen", in_quotes(standard.listen),
           "A numeric address and a port. Beyond loopback: TLS, or `allow_plaintext` with `allow`; and a `token` or "
           "`allow`."),
      of_type(ValueType::text_list, "allow", "[]",
              "Networks whose peers may send beside those of this machine, such as `10.20.0.0/16`."),
      boolean("allow_plaintext", standard.allow_plaintext, "Allows HTTP without TLS beyond loopback."),
      text("cert_file", "", "Path of a certificate chain in PEM. With it and `key_file`: TLS 1.2 or 1.3 only."),
      text("key_file", "", "Path of its private key in PEM, such as `${credential_path:NAME}`."),
      text("token", "",
           "A request needs `Authorization: Bearer TOKEN`, or `Token TOKEN` as clients of InfluxDB send it. A secret: "
           "use `${credential:NAME}` or `${file:/PATH}`."),
  };
}

KeyGroup http_source_keys() {
  using namespace keys;
  const HttpSourceOptions standard;
  KeySpec per_peer = integer("max_connections_per_peer", 16, 1, 1000,
                             "Of these, how many one address may have, all of loopback together; its further ones are "
                             "closed at once and counted.");
  per_peer.standard = "a quarter of `max_connections`";
  std::vector<KeySpec> specs = reachable_keys(standard);
  const std::vector<KeySpec> others = {
      boolean("influx", standard.influx,
              "Takes line protocol at `/api/v2/write` and `/write` as InfluxDB does, with its `precision` and its "
              "answers, and answers `/ping` and `/health`. A route with one of these paths gives it another mapping."),
      size("max_body", standard.max_body_bytes, 1024, largest_body_bytes,
           "Of a request, as it is sent and inflated; more is answered 413. A body has at most 20,000 values; JSON and "
           "`keyvalue` at most 256 KiB."),
      integer("max_requests", static_cast<std::int64_t>(standard.max_requests), 1, 1000,
              "Bodies at once, each up to `max_body` in memory, twice that with gzip. Further requests are answered "
              "503."),
      integer("max_connections", static_cast<std::int64_t>(standard.max_connections), 1, 1000,
              "When there are as many, a new connection closes the one that has waited longest for a request, if that "
              "is more than 1 s. Otherwise the new one is closed at once. Both are counted."),
      per_peer,
      duration("request_timeout", standard.request_timeout, Duration::seconds(1), Duration::hours(1),
               "From the beginning of a connection, or from its last answer, to the last byte of the next answer; then "
               "the connection is closed."),
      of_type(ValueType::table_list, "routes", "",
              "The paths to which readings are sent with `POST` or `PUT`, and their mappings; the first matching route "
              "wins. Required without `influx`."),
  };
  specs.insert(specs.end(), others.begin(), others.end());
  return on_reload(
      OnReload::new_source,
      {"[sources.NAME] with type = \"http\"",
       "The answer is 200 with the number of readings that were accepted and refused, once they are as safe as "
       "`[journal] durability` promises; 400 if all were refused. A request with an `Idempotency-Key` of up "
       "to 255 bytes may be sent again: it is answered as before and counts once, among the newest 4,096 "
       "keys of the source, for a day, also after a crash. While readings cannot be taken, a request waits "
       "for 5 s and is answered 503 with `Retry-After`. Bodies may be sent with gzip.",
       std::move(specs)});
}

bool is_influx_path(std::string_view path) {
  return path == "/api/v2/write" || path == "/write";
}

void read_path(const Section& keys, const HttpSourceOptions& options, RouteOptions& route) {
  keys.read("path", route.topic);
  const Node* const path = keys.find("path");
  if (path == nullptr || !path->known || path->kind != Node::Kind::text) return;
  if (!route.topic.starts_with('/')) {
    keys.error("path", shown(*path) + " does not begin with a slash", "such as \"/ingest/{device}\"");
  } else if (options.influx && (route.topic == "/ping" || route.topic == "/health")) {
    keys.error("path", shown(*path) + " is answered as InfluxDB does, because of influx = true");
  } else if (options.influx && is_influx_path(route.topic) && route.mapping.format != &influx_format) {
    keys.error("path", shown(*path) + " takes line protocol, because of influx = true", "set format = \"influx\"");
  }
}

void read_http_routes(const Section& section, const PartContext& context, HttpSourceOptions& options) {
  for (const Node* node : section.tables("routes")) {
    const Section keys(*node, section.name() + ".routes", with_mapping({&http_route_keys()}, section.keys()),
                       section.report());
    RouteOptions route;
    route.mapping = read_mapping(keys, context);
    read_path(keys, options, route);
    if (keys.find("path") != nullptr) check_route(keys, route, "path");
    if (keys.find("path") != nullptr && keys.find("path")->known) {
      warn_of_shadowed_route(keys, "path", route.topic, options.routes);
    }
    options.routes.push_back(std::move(route));
  }
  const Node* const list = section.find("routes");
  const bool is_empty = list == nullptr || (list->kind == Node::Kind::list && list->children.empty());
  if (is_empty && !options.influx) {
    section.error("routes", "a source of type http needs routes, or influx = true; nothing would be read");
  }
}

HttpSourceOptions read_http_source(const Section& section, const PartContext& context) {
  HttpSourceOptions options;
  options.name = context.name;
  section.read("listen", options.listen);
  section.read("allow_plaintext", options.allow_plaintext);
  read_allow(section, options.allow);
  read_certificate_and_token(section, options.cert_file, options.key_file, options.token, "everyone could send");
  check_reachable(section, options.listen, options.allow_plaintext, section.find("token") != nullptr,
                  {"such as \"127.0.0.1:8186\" or \"[::1]:8186\"", "send, with token or allow",
                   "such as token = \"${credential:http-token}\""});
  section.read("influx", options.influx);
  options.max_id_bytes = context.max_id_bytes;
  section.read("max_body", options.max_body_bytes);
  section.read("max_requests", options.max_requests);
  section.read("max_connections", options.max_connections);
  options.max_connections_per_peer = std::max<std::size_t>(1, options.max_connections / 4);
  section.read("max_connections_per_peer", options.max_connections_per_peer);
  section.read("request_timeout", options.request_timeout);
  read_http_routes(section, context, options);
  return options;
}

class ConfiguredHttp final : public ConfiguredSourceOf<HttpSourceOptions> {
 public:
  using ConfiguredSourceOf::ConfiguredSourceOf;
  std::unique_ptr<Source> make(const Surroundings& around) const override {
    return make_http_source(options(), around.id, around.host, around.loop);
  }
  SourceTraits traits() const override { return {.acknowledges = true, .max_connections = options().max_connections}; }
  std::vector<RouteOptions> routes() const override { return with_influx_routes(options()); }
};

std::shared_ptr<const ConfiguredSource> read_http(const Section& section, const PartContext& context) {
  return std::make_shared<ConfiguredHttp>(read_http_source(section, context));
}

std::optional<Clash> same_http_address(const ConfiguredSource& earlier, const ConfiguredSource& later) {
  const std::string& address = options_of<HttpSourceOptions>(later)->listen;
  if (address.empty() || options_of<HttpSourceOptions>(earlier)->listen != address) return std::nullopt;
  return Clash{"listen", "has the address of"};
}

}  // namespace

SourcePart http_source() {
  static const KeyGroup group = http_source_keys();
  return {{.meaning = "", .library = "libmicrohttpd", .keys = {&group}, .inner = {&http_route_keys()}},
          false,
          read_http,
          same_http_address};
}

}  // namespace edgetide
