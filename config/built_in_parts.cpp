// The table of parts: one line each, in the order of the reference. A part that a build option leaves out is not
// linked, but its name is known, so that the message about a configuration with it names the option that brings it.
#include "config/parts.h"

namespace edgetide {

namespace {

template <class AnyPart>
AnyPart named(AnyPart part, std::string_view name) {
  part.name = name;
  return part;
}

}  // namespace

// The part's function is in its own file. `if constexpr` does not odr-use what it discards, so the function of a part
// that is left out need not exist.
#define PART(list, name, function, option)                    \
  {                                                           \
    extern decltype(parts.list.built)::value_type function(); \
    if constexpr (option) {                                   \
      parts.list.built.push_back(named(function(), name));    \
    } else {                                                  \
      parts.list.left_out.push_back({name, #option});         \
    }                                                         \
  }

const Parts& built_in_parts() {
  static const Parts table = [] {
    constexpr bool always = true;
    Parts parts;
    PART(sources, "mqtt", mqtt_source, always)
    PART(sources, "mqtt_listener", mqtt_listener_source, always)
    PART(sources, "tcp", tcp_source, always)
    PART(sources, "udp", udp_source, always)
    PART(sources, "unix", unix_source, always)
    PART(sources, "http", http_source, EDGETIDE_HTTP)
    PART(sources, "spool", spool_source, EDGETIDE_SPOOL)
    PART(sources, "kafka", kafka_source, EDGETIDE_KAFKA)
    PART(formats, "json", json_payload, always)
    PART(formats, "number", number_payload, always)
    PART(formats, "influx", influx_payload, always)
    PART(formats, "csv", csv_payload, always)
    PART(formats, "graphite", graphite_payload, always)
    PART(formats, "statsd", statsd_payload, always)
    PART(formats, "keyvalue", keyvalue_payload, always)
    PART(formats, "cbor", cbor_payload, EDGETIDE_CBOR)
    PART(formats, "senml", senml_payload, EDGETIDE_CBOR)
    PART(formats, "nmea0183", nmea0183_payload, always)
    PART(formats, "dsmr", dsmr_payload, always)
    PART(formats, "regex", regex_payload, EDGETIDE_REGEX)
    PART(formats, "sparkplug", sparkplug_format_part, always)
    PART(windows, "tumbling", tumbling_window, always)
    PART(windows, "sliding", sliding_window, always)
    PART(windows, "session", session_window, always)
    PART(windows, "running", running_window, always)
    PART(sinks, "postgresql", postgresql_sink, EDGETIDE_POSTGRESQL)
    PART(sinks, "sqlite", sqlite_sink, EDGETIDE_SQLITE)
    PART(sinks, "file", file_sink, EDGETIDE_FILE)
    PART(sinks, "http", http_sink, EDGETIDE_HTTP_SINK)
    PART(sinks, "exec", exec_sink, EDGETIDE_EXEC)
    PART(sinks, "stdout", stdout_sink, always)
    PART(sinks, "mqtt", mqtt_sink, always)
    PART(sinks, "kafka", kafka_sink, EDGETIDE_KAFKA)
    const std::span<const Preset> presets = built_in_presets();
    parts.presets.assign(presets.begin(), presets.end());
    return parts;
  }();
  return table;
}

#undef PART

}  // namespace edgetide
