#include "config/key_groups.h"
#include "config/key_spec.h"
#include "daemon/gateway_options.h"

namespace edgetide::keys {

KeyGroup source_keys() {
  return {
      "[sources.NAME]",
      "Where readings come from. Names fit `[a-z][a-z0-9_-]{0,47}`. The keys of `[time]` are allowed here too.",
      {
          on_reload(OnReload::new_source,
                    required(word("type", {"mqtt", "tcp", "udp", "unix"}, 0, "The kind of source."))),
          text("table", "", "The `[tables.NAME]` whose labels, scale and offset apply to the readings of this source."),
      }};
}

KeyGroup mqtt_keys() {
  const MqttOptions standard;
  return {"[sources.NAME] with type = \"mqtt\"",
          "",
          {
              required(of_type(ValueType::text_list, "servers", "",
                               "`mqtt://`, `mqtts://`, `ws://` or `wss://` with host and port; tried in turn. The port "
                               "defaults to 1883, 8883, 80, 443.")),
              word("protocol", {"5", "3.1.1"}, 0, "The version of MQTT."),
              text("client_id", "\"edgetide-{gateway}-{source}\"",
                   "The name of the session at the broker; must be unique there."),
              text("username", "", "User name for the broker."),
              text("password", "", "A secret: use `${credential:NAME}` or `${file:/PATH}`."),
              of_type(ValueType::table, "tls", "", "See below."),
              duration("keep_alive", standard.keep_alive, Duration::seconds(1), Duration::seconds(65'535),
                       "How often an idle connection is probed."),
              boolean("clean_start", standard.clean_start,
                      "`true` discards messages that the broker kept while the gateway was not connected."),
              duration("session_expiry", standard.session_expiry, Duration(), Duration::days(49'000),
                       "How long the broker keeps the session of a disconnected gateway (MQTT 5)."),
              integer("qos", standard.qos, 0, 2, "1: every reading is acknowledged. 0: readings may be lost."),
              word("retained", {"ignore", "use"}, standard.use_retained ? 1 : 0,
                   "`use` accepts the retained message of each topic at every subscription."),
              boolean("allow_plaintext", standard.allow_plaintext, "Allows `mqtt://` and `ws://` to other hosts."),
              required(of_type(ValueType::table_list, "routes", "",
                               "The topics to read and their mappings; the first matching route wins.")),
          }};
}

KeyGroup tls_keys() {
  return {"[sources.NAME.tls]",
          "Usually written as `tls = { ca = \"/etc/edgetide/tls/ca.pem\" }`. For `mqtts://` and `wss://`.",
          {
              text("ca", "the system's", "File with the certificates to trust."),
              text("cert", "", "File with the client certificate; with `key`."),
              text("key", "", "File with the client's key, or `${credential_path:NAME}`."),
          }};
}

KeyGroup route_keys() {
  return {"[[sources.NAME.routes]]",
          "A route has a topic and the keys of the mapping.",
          {
              required(text("topic", "",
                            "Pattern: `+` matches one level, `{name}` matches and captures one level, `#` at the end "
                            "matches the rest.")),
          }};
}

KeyGroup mapping_keys() {
  const MappingOptions standard;
  return {
      "Mapping",
      "How a payload becomes readings. These keys belong to a route of an MQTT source, or directly to a socket source.",
      {
          required(word("format", {"json", "number", "influx", "csv"}, 0,
                        "The format of the payload; `number` is a single number.")),
          of_type(
              ValueType::text_or_table, "sensor", "\"{device}\" or \"{sensor}\" if captured",
              "Template with captures, `\"{area}/{device}\"`; json, csv: also `{ path = \"dev.id\" }` in the payload."),
          of_type(ValueType::text_or_table, "metric", "\"{metric}\" if captured, else \"value\"",
                  "Like `sensor`. json, csv: with a `path` a record has one value."),
          of_type(
              ValueType::text_or_table, "time", "the arrival time",
              "Where to find the event time: `\"ts\"` or `{ path = \"ts\", format = \"unix_ms\" }`. csv: a column."),
          text("each", "", "json: path of an array whose elements are records, such as `readings[*]`."),
          of_type(ValueType::text_or_table_list, "values", "every number",
                  "json, csv: the values to read, as paths (`\"t\"`, `\"power[*].w\"`) or tables, see below."),
          of_type(ValueType::text_table, "labels", "{}", "json, csv: labels and the paths of their values."),
          text("unit", "", "number: the unit of the value."),
          boolean("coerce_strings", standard.coerce_strings,
                  "Reads strings such as `\"21.5 °C\"` and `\"1,5\"` as numbers. Not for influx."),
          of_type(ValueType::text_list, "columns", "the first line of each message",
                  "csv: the names of the columns, in order."),
          text("delimiter", "\",\"", "csv: one character between the columns."),
      }};
}

KeyGroup payload_field_keys() {
  return {"sensor = { ... }, metric = { ... }",
          "",
          {
              required(text("path", "", "Path in the payload, or csv column.")),
          }};
}

KeyGroup time_field_keys() {
  return {
      "time = { ... }",
      "",
      {
          text("path", "", "Path in the payload, or csv column; not for influx, whose lines have a column for it."),
          word(
              "format", {"auto", "rfc3339", "unix", "unix_ms", "unix_us", "unix_ns"}, position(TimeField().format),
              "`auto` accepts RFC 3339, or a number whose magnitude shows the unit. influx: `unix_ns` is the default."),
      }};
}

KeyGroup value_field_keys() {
  return {"values = [ { ... } ]",
          "",
          {
              required(text("path", "", "Path in the payload, or csv column.")),
              text("metric", "the last name of the path", "The metric of the reading."),
              text("unit", "", "The unit of the reading."),
              number("scale", "1", "The value is multiplied by this."),
              number("offset", "0", "Added after the multiplication by `scale`."),
          }};
}

KeyGroup socket_keys() {
  return {"[sources.NAME] with type = \"tcp\", \"udp\" or \"unix\"",
          "Messages of `influx`, `csv` or `json`; the keys of the mapping stand here directly.",
          {
              required(text("listen", "", "`127.0.0.1:8094`, `[::1]:8094`; unix: an absolute path.")),
          }};
}

KeyGroup allow_keys() {
  return {
      "[sources.NAME] with type = \"tcp\" or \"udp\"",
      "",
      {
          of_type(ValueType::text_list, "allow", "[]",
                  "Networks whose peers may send, such as `10.20.0.0/16`. Required when `listen` is not on loopback."),
      }};
}

KeyGroup stream_keys() {
  const SocketOptions standard;
  return {"[sources.NAME] with type = \"tcp\" or \"unix\"",
          "",
          {
              word("framing", {"newline", "length_prefix"}, position(standard.framing),
                   "Where a message ends: at the end of the line, or after as many bytes as the 4 bytes before it say "
                   "(big-endian)."),
              boolean("ack", standard.ack, "Answers `ack N` when N messages of the connection have been accepted."),
              size("max_line", standard.max_line_bytes, 64, max_payload_bytes, "Longer messages are refused."),
              integer("max_connections", static_cast<std::int64_t>(standard.max_connections), 1, 1000,
                      "Further connections are closed at once."),
              duration("connection_timeout", standard.idle_timeout, Duration::seconds(1), Duration::days(7),
                       "A connection on which no byte arrives for this long is closed."),
              duration("line_timeout", standard.line_timeout, Duration::seconds(1), Duration::hours(1),
                       "A message that is not complete after this long closes its connection."),
          }};
}

KeyGroup udp_keys() {
  const SocketOptions standard;
  return {"[sources.NAME] with type = \"udp\"",
          "",
          {
              word("framing", {"newline", "whole"}, position(standard.framing),
                   "Whether each line of a datagram is a message, or the whole datagram."),
              size("max_datagram", standard.max_datagram_bytes, 64, 65'535, "Longer datagrams are refused."),
              size("receive_buffer", standard.receive_buffer_bytes, 4096, 256 * 1024 * 1024,
                   "Requested from the kernel, which may grant less."),
          }};
}

}  // namespace edgetide::keys
