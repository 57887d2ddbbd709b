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

namespace {

KeyGroup on_reload(OnReload what, KeyGroup group) {
  for (KeySpec& key : group.keys) key.on_reload = what;
  return group;
}

}  // namespace

const KeyTable& key_table() {
  using namespace keys;
  static const KeyTable table = {
      .top = top_keys(),
      .gateway = gateway_keys(),
      .log = log_keys(),
      .clock = on_reload(OnReload::restart, clock_keys()),
      .http = on_reload(OnReload::restart, http_keys()),
      .time = time_keys(),
      .limits = limits_keys(),
      .journal = on_reload(OnReload::restart, journal_keys()),
      .checkpoint = on_reload(OnReload::restart, checkpoint_keys()),
      .quarantine = on_reload(OnReload::restart, quarantine_keys()),
      .source = source_keys(),
      .mqtt = on_reload(OnReload::new_source, mqtt_keys()),
      .tls = on_reload(OnReload::new_source, tls_keys()),
      .route = on_reload(OnReload::new_source, route_keys()),
      .mapping = on_reload(OnReload::new_source, mapping_keys()),
      .payload_field = on_reload(OnReload::new_source, payload_field_keys()),
      .time_field = on_reload(OnReload::new_source, time_field_keys()),
      .value_field = on_reload(OnReload::new_source, value_field_keys()),
      .socket = on_reload(OnReload::new_source, socket_keys()),
      .allow = on_reload(OnReload::new_source, allow_keys()),
      .stream = on_reload(OnReload::new_source, stream_keys()),
      .udp = on_reload(OnReload::new_source, udp_keys()),
      .table = table_keys(),
      .window = window_keys(),
      .tumbling = on_reload(OnReload::new_window, tumbling_keys()),
      .sliding = on_reload(OnReload::new_window, sliding_keys()),
      .session = on_reload(OnReload::new_window, session_keys()),
      .aligned = on_reload(OnReload::new_window, aligned_keys()),
      .match = match_keys(),
      .top_rows = top_rows_keys(),
      .sink = sink_keys(),
      .outbox = on_reload(OnReload::new_sink, outbox_keys()),
      .postgresql = on_reload(OnReload::new_sink, postgresql_keys()),
      .sqlite = on_reload(OnReload::new_sink, sqlite_keys()),
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
