#include "config/key_groups.h"
#include "config/key_spec.h"
#include "daemon/decoders/decoder.h"

namespace edgetide::keys {

KeyGroup source_keys() {
  return {"[sources.NAME]",
          "Where readings come from. Names fit `[a-z][a-z0-9_-]{0,47}`. The keys of `[time]` may stand here too.",
          {
              on_reload(OnReload::new_source, required(part_word("type", "", "The kind of source."))),
              text("table", "", "A `[tables.NAME]` whose rows complete the readings of this source."),
          }};
}

KeyGroup mapping_keys() {
  const MappingOptions standard;
  return {
      "Mapping",
      "How a payload becomes readings: in a route of an MQTT source, and directly in a socket source.",
      {
          required(word("format", {"json", "number", "influx", "csv"}, 0,
                        "How the payload is written; `number` is one number alone.")),
          of_type(
              ValueType::text_or_table, "sensor", "\"{device}\" or \"{sensor}\" if captured",
              "Template over captures, `\"{area}/{device}\"`; json, csv: also `{ path = \"dev.id\" }` in the payload."),
          of_type(ValueType::text_or_table, "metric", "\"{metric}\" if captured, else \"value\"",
                  "As `sensor`. json, csv: with a `path` there is one value per record."),
          of_type(ValueType::text_or_table, "time", "the time of arrival",
                  "Where the event time stands: `\"ts\"` or `{ path = \"ts\", format = \"unix_ms\" }`. csv: a column."),
          text("each", "", "json: path of an array whose elements are records, such as `readings[*]`."),
          of_type(ValueType::text_or_table_list, "values", "every number",
                  "json, csv: the values to take, as paths (`\"t\"`, `\"power[*].w\"`) or tables, see below."),
          of_type(ValueType::text_table, "labels", "{}", "json, csv: labels and the paths they are taken from."),
          text("unit", "", "number: the unit of the value."),
          boolean("coerce_strings", standard.coerce_strings,
                  "`\"21.5 °C\"` and `\"1,5\"` are numbers. Not for influx."),
          of_type(ValueType::text_list, "columns", "the first line of each message",
                  "csv: the names of the columns, in order."),
          text("delimiter", "\",\"", "csv: one character."),
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
  return {"time = { ... }",
          "",
          {
              text("path", "", "Path in the payload, or csv column; not for influx, whose lines have a column for it."),
              word("format", {"auto", "rfc3339", "unix", "unix_ms", "unix_us", "unix_ns"}, position(TimeField().format),
                   "`auto` takes RFC 3339, or a number whose size tells the unit. influx: `unix_ns` is the default."),
          }};
}

KeyGroup value_field_keys() {
  return {"values = [ { ... } ]",
          "",
          {
              required(text("path", "", "Path in the payload, or csv column.")),
              text("metric", "the last name of the path", "Of the reading."),
              text("unit", "", "Of the reading."),
              number("scale", "1", "The value is multiplied by this."),
              number("offset", "0", "Added after `scale`."),
          }};
}

}  // namespace edgetide::keys
