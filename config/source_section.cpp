#include "config/source_section.h"

#include <optional>
#include <utility>

#include "config/mapping_section.h"
#include "config/mqtt_section.h"
#include "config/socket_section.h"
#include "config/table_section.h"

namespace edgetide {

namespace {

enum class SourceType { mqtt, tcp, udp, unix_stream };

std::vector<const KeyGroup*> groups_of(SourceType type) {
  const KeyTable& keys = key_table();
  switch (type) {
    case SourceType::mqtt:
      return {&keys.source, &keys.mqtt, &keys.time};
    case SourceType::tcp:
      return with_mapping({&keys.source, &keys.socket, &keys.allow, &keys.stream, &keys.time});
    case SourceType::udp:
      return with_mapping({&keys.source, &keys.socket, &keys.allow, &keys.udp, &keys.time});
    case SourceType::unix_stream:
      return with_mapping({&keys.source, &keys.socket, &keys.stream, &keys.time});
  }
  return {};
}

void read_source(const Node& node, SourceOptions& common, SourceId id, GatewayOptions& options, Report& report) {
  const std::string name = "sources." + node.key;
  if (node.kind != Node::Kind::table) return report.error(node.location, name + " is not a table");
  const std::optional<SourceType> type = read_type<SourceType>(node, name, key_table().source, report);
  if (!type) return;
  const Section section(node, name, groups_of(*type), report);
  read_time_keys(section, common.time);
  read_table_of(section, options.enrichment);
  if (*type == SourceType::mqtt) {
    options.mqtt.push_back({read_mqtt(section, node.key, options.id), id});
    return;
  }
  const SocketKind kind = *type == SourceType::tcp   ? SocketKind::tcp
                          : *type == SourceType::udp ? SocketKind::udp
                                                     : SocketKind::unix_stream;
  options.sockets.push_back({read_socket(section, node.key, kind), id});
}

}  // namespace

void read_time_keys(const Section& section, TimeOptions& time) {
  section.read("max_out_of_orderness", time.max_out_of_orderness);
  section.read("idle_timeout", time.idle_timeout);
  section.read_word("scope", time.scope);
  section.read("max_future", time.max_future);
  section.read("oldest", time.oldest);
  section.read_word("on_bad_time", time.on_bad_time);
}

void read_sources(const Node& sources, const TimeOptions& time, GatewayOptions& options, Names& names, Report& report) {
  for (const Node& node : sources.children) {
    check_name(node, "sources", true, report);
    const auto id = static_cast<SourceId>(names.size());
    names.add(node);
    SourceOptions common{node.key, time};
    read_source(node, common, id, options, report);
    options.enrichment.by_source.resize(names.size());
    options.pipeline.sources.push_back(std::move(common));
  }
  check_sessions(sources, options.mqtt, report);
  check_listeners(sources, options.sockets, report);
}

}  // namespace edgetide
