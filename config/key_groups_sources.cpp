#include <algorithm>

#include "config/key_groups.h"
#include "config/key_spec.h"
#include "config/parts.h"
#include "daemon/decoders/decoder.h"

namespace edgetide::keys {

namespace {

// "json, csv: ", before what is said of these formats alone.
template <class Chosen>
std::string formats_that(const PartList<FormatPart>& formats, Chosen chosen) {
  std::string names;
  for (const FormatPart& part : formats.built) {
    if (chosen(*part.format)) names += (names.empty() ? "" : ", ") + std::string(part.name);
  }
  return names + ": ";
}

std::string formats_that_take(const PartList<FormatPart>& formats, std::string_view option) {
  return formats_that(formats, [&](const Format& format) {
    return std::find(format.takes.begin(), format.takes.end(), option) != format.takes.end();
  });
}

std::string formats_with_paths(const PartList<FormatPart>& formats) {
  return formats_that(formats, [](const Format& format) { return format.has_paths; });
}

// "influx: `unix_ns` is the default.", for each format with another time than the others.
std::string default_times(const PartList<FormatPart>& formats) {
  std::string text;
  for (const FormatPart& part : formats.built) {
    MappingOptions mapping;
    if (part.set_defaults != nullptr) part.set_defaults(mapping);
    if (mapping.time.format == TimeField().format) continue;
    text += ' ' + std::string(part.name) + ": `" + std::string(word_of(time_format_words, mapping.time.format)) +
            "` is the default.";
  }
  return text;
}

}  // namespace

KeyGroup source_keys() {
  return {
      "[sources.NAME]",
      "Where readings come from. Names fit `[a-z][a-z0-9_-]{0,47}`. The keys of `[time]` are allowed here too.",
      {
          on_reload(OnReload::new_source, required(part_word("type", "", "The kind of source."))),
          text("table", "", "The `[tables.NAME]` whose labels, scale and offset apply to the readings of this source."),
      }};
}

namespace {

// Of names, of messages that say again what is known, and of columns.
std::vector<KeySpec> other_mapping_keys(const Parts& parts) {
  const MappingOptions standard;
  const auto takers_of = [&](std::string_view option) { return formats_that_take(parts.formats, option); };
  return {
      word("repeats", repeats_words, standard.repeats,
           "`skip_unchanged` takes a value only if it differs from the one before of its sensor and metric: for "
           "devices whose messages repeat all they know."),
      integer("max_id_bytes", "that of `[limits]`", 1, static_cast<std::int64_t>(most_id_bytes),
              "of the names that come in messages: sensor, metric, unit, labels. A longer one is refused (`bad_id`). "
              "Names of URLs and paths may need more than the default."),
      of_type(ValueType::table, "dedupe", "none",
              takers_of("dedupe") +
                  "where a message says which it is, `{ path = \"deduplicationId\", for = \"10m\" }`. Another with "
                  "the same id counts once within that time, also across a restart."),
      of_type(ValueType::text_list, "columns", "the first line of each message",
              takers_of("columns") + "the names of the columns, in order."),
      free_text(text("delimiter", "\",\"", takers_of("delimiter") + "one character between the columns.")),
  };
}

}  // namespace

KeyGroup mapping_keys(const Parts& parts) {
  const MappingOptions standard;
  const auto takers_of = [&](std::string_view option) { return formats_that_take(parts.formats, option); };
  const std::string with_paths = formats_with_paths(parts.formats), with_columns = takers_of("columns");
  KeyGroup group = {
      "Mapping",
      "How a payload becomes readings. These keys belong to a route of an MQTT, HTTP or Kafka source, or directly to a "
      "socket or spool source.",
      {
          required(part_word("format", "", "The format of the payload, or a preset, see below.")),
          of_type(ValueType::text_or_table, "sensor", "\"{device}\" or \"{sensor}\" if captured",
                  "Template with captures, `\"{area}/{device}\"`, or with `{message.property.NAME}`, "
                  "`{message.content_type}` and "
                  "`{message.key}`; " +
                      takers_of("sensor.path") + "also `{ path = \"dev.id\" }` in the payload; " + with_paths +
                      "in a template `{payload.PATH}`; " + takers_of("each") +
                      "`{record.name}` for the name of the member that `each` found with `*`."),
          of_type(ValueType::text_or_table, "metric", "\"{metric}\" if captured, else \"value\"",
                  "Like `sensor`. " + takers_of("metric.path") + "with a `path` a record has one value."),
          of_type(ValueType::text_or_table, "time", "the arrival time",
                  takers_of("time.path") +
                      "where to find the event time: `\"ts\"` or `{ path = \"ts\", format = \"unix_ms\" }`. " +
                      with_columns + "a column."),
          of_type(ValueType::text_or_list, "each", "the payload",
                  takers_of("each") +
                      "the path of the records, such as `readings[*]`; of several paths the first that leads "
                      "somewhere. `\"\"` is the payload. With `[*].values?` an element without `values` is a record "
                      "itself."),
          boolean("parallel_arrays", standard.parallel_arrays,
                  takers_of("parallel_arrays") +
                      "the arrays in a record are columns, and its i-th row has the i-th element of each: "
                      "`{\"time\":[1,2],\"t\":[20,21]}` is two records."),
          of_type(
              ValueType::text_or_table_list, "values", "every number",
              takers_of("values") + "the values to read, as paths (`\"t\"`, `\"power[*].w\"`) or tables, see below."),
          of_type(ValueType::text_list, "ignore", "[]",
                  takers_of("ignore") +
                      "without `values`, what is not taken, as globs for paths, `[\"update\", \"*.id\"]`; nor is what "
                      "is in it."),
          of_type(ValueType::text_list, "ignore_topics", "[]", "Globs for topics of the route to pass over: `*/set`."),
          of_type(ValueType::text_table, "labels", "{}",
                  takers_of("labels") + "labels and the paths of their values. " + with_paths +
                      "`\"*\" = \"tags.*\"` takes all tags."),
          text("unit", "",
               takers_of("unit") +
                   "the unit of the value. A unit in the text that differs is converted (`kW` to `W`, `°F` to "
                   "`°C`), or "
                   "the value refused (`bad_unit`)."),
          boolean("coerce_strings", standard.coerce_strings,
                  takers_of("coerce_strings") + "reads text such as `\"21.5 °C\"`, `\"1,5\"` and `\"ON\"` as values. "
                                                "`false`: numbers, and the words of "
                                                "`states`."),
          free_text(of_type(
              ValueType::table, "states", "{}",
              takers_of("states") +
                  "words that stand for numbers, without regard to the case of ASCII letters: `{ heating = 2, closed "
                  "= 1 }`. They come before "
                  "the standard ones: `true`, `on`, `yes`, `open` are 1 and `false`, `off`, "
                  "`no`, `closed`, `close` 0.")),
          text("timezone", "UTC",
               takers_of("timezone") + "the zone of times that are written without one, such as `Europe/Paris`. "
                                       "Without this key the first such "
                                       "time is logged."),
      }};
  const std::vector<KeySpec> others = other_mapping_keys(parts);
  group.keys.insert(group.keys.end(), others.begin(), others.end());
  return group;
}

KeyGroup payload_field_keys() {
  return {"sensor = { ... }, metric = { ... }",
          "",
          {
              required(text("path", "", "Path in the payload, or name of a column.")),
          }};
}

KeyGroup time_field_keys(const Parts& parts) {
  return {
      "time = { ... }",
      "",
      {
          text("path", "", formats_that_take(parts.formats, "time.path") + "path in the payload, or name of a column."),
          text("time_of_day", "",
               formats_that_take(parts.formats, "time.time_of_day") +
                   "where the time of day is, if `path` leads to a date: `{ path = \"date\", time_of_day = "
                   "\"time\" }`."),
          word("format", time_format_words, TimeField().format,
               "`auto` accepts RFC 3339, or a number whose magnitude shows the unit." + default_times(parts.formats) +
                   " Or a pattern of strptime, such as `%d/%b/%Y:%H:%M:%S %z`, see below."),
      }};
}

KeyGroup value_field_keys() {
  return {"values = [ { ... } ]",
          "",
          {
              required(text("path", "", "Path in the payload, or name of a column.")),
              text("metric", "the last name of the path",
                   "The metric of the reading. Two values cannot have the same. With `*` or `[*]` in the path there is "
                   "none: "
                   "the values are named by the path from there on, `power[0].w`."),
              text("unit", "",
                   "The unit of the reading. A unit in the text that differs is converted or the value refused, unless "
                   "`scale` or `offset` is set."),
              text("convert", "",
                   "Converts a number from one unit to another, which is that of the reading: `\"F->C\"`, "
                   "`\"mbar->hPa\"`, `\"Wh->kWh\"`. A unit in the text goes before the first of them."),
              text("unit_path", "",
                   "Where the payload names the unit of the value, such as `TempUnit`. The value is converted to "
                   "`unit`, or refused (`bad_unit`)."),
              number("scale", "1", "The value is multiplied by this."),
              number("offset", "0", "Added after the multiplication by `scale`."),
          }};
}

KeyGroup dedupe_field_keys() {
  return {"dedupe = { ... }",
          "",
          {
              required(text("path", "", "Path of the id, from the root of the payload.")),
              duration("for", Dedupe().within, Duration::seconds(1), Duration::days(7),
                       "How long an id is remembered; of a source the newest 32,768 at least."),
          }};
}

}  // namespace edgetide::keys
