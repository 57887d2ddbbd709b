#include "config/key_table.h"

#include <algorithm>
#include <array>

#include "config/key_groups.h"

namespace edgetide {

const KeySpec* KeyGroup::find(std::string_view name) const noexcept {
  const auto spec = std::find_if(keys.begin(), keys.end(), [&](const KeySpec& key) { return key.name == name; });
  return spec == keys.end() ? nullptr : &*spec;
}

std::vector<const KeyGroup*> KeyTable::groups() const {
  return {&top,        &gateway, &log,      &clock, &http,   &time,       &limits,        &journal,    &checkpoint,
          &quarantine, &source,  &mqtt,     &tls,   &route,  &mapping,    &payload_field, &time_field, &value_field,
          &socket,     &allow,   &stream,   &udp,   &table,  &window,     &tumbling,      &sliding,    &session,
          &aligned,    &match,   &top_rows, &sink,  &outbox, &postgresql, &sqlite};
}

const KeyTable& key_table() {
  using namespace keys;
  static const KeyTable table = {
      .top = top_keys(),
      .gateway = gateway_keys(),
      .log = log_keys(),
      .clock = clock_keys(),
      .http = http_keys(),
      .time = time_keys(),
      .limits = limits_keys(),
      .journal = journal_keys(),
      .checkpoint = checkpoint_keys(),
      .quarantine = quarantine_keys(),
      .source = source_keys(),
      .mqtt = mqtt_keys(),
      .tls = tls_keys(),
      .route = route_keys(),
      .mapping = mapping_keys(),
      .payload_field = payload_field_keys(),
      .time_field = time_field_keys(),
      .value_field = value_field_keys(),
      .socket = socket_keys(),
      .allow = allow_keys(),
      .stream = stream_keys(),
      .udp = udp_keys(),
      .table = table_keys(),
      .window = window_keys(),
      .tumbling = tumbling_keys(),
      .sliding = sliding_keys(),
      .session = session_keys(),
      .aligned = aligned_keys(),
      .match = match_keys(),
      .top_rows = top_rows_keys(),
      .sink = sink_keys(),
      .outbox = outbox_keys(),
      .postgresql = postgresql_keys(),
      .sqlite = sqlite_keys(),
  };
  return table;
}

bool is_planned(std::string_view name) noexcept {
  static constexpr auto planned = std::to_array<std::string_view>({
      // sections
      "tests",
      // keys
      "labels",
      "convert",
      "repeats",
      "dedupe",
      "partition_by",
      "retention",
      "status_topic",
      "max_payload",
      "max_rate",
      // types, formats and modes
      "mqtt",
      "kafka",
      "tasmota",
      "zigbee2mqtt",
      "shelly",
      "esphome",
      "chirpstack",
      "senml",
      "cbor",
      "sparkplug",
  });
  return std::find(planned.begin(), planned.end(), name) != planned.end();
}

}  // namespace edgetide
