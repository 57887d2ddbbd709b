#include "config/key_groups.h"
#include "config/key_spec.h"
#include "daemon/decoders/decoder.h"

namespace edgetide::keys {

KeyGroup source_keys() {
  return {
      "[sources.NAME]",
      "Where readings come from. Names fit `[a-z][a-z0-9_-]{0,47}`. The keys of `[time]` are allowed here too.",
      {
          on_reload(OnReload::new_source, required(part_word("type", "", "The kind of source."))),
          text("table", "", "The `[tables.NAME]` whose labels, scale and offset apply to the readings of this source."),
      }};
}

KeyGroup mapping_keys() {
  const MappingOptions standard;
  return {
      "Mapping",
      "How a payload becomes readings. These keys belong to a route of an MQTT source, or directly to a socket source.",
      {
          required(part_word("format", "", "The format of the payload, or a preset, see below.")),
          of_type(ValueType::text_or_table, "sensor", "\"{device}\" or \"{sensor}\" if captured",
                  "Template with captures, `\"{area}/{device}\"`, or with `{message.property.NAME}`, "
                  "`{message.content_type}` and "
                  "`{message.key}`; json, csv: also `{ path = \"dev.id\" }` in the payload."),
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
              "format", time_format_words, TimeField().format,
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

}  // namespace edgetide::keys
