#include "config/key_groups.h"
#include "config/key_spec.h"
#include "pipeline/options.h"

namespace edgetide::keys {

namespace {

std::string list_of(const std::vector<Aggregate>& aggregates) {
  std::string text;
  for (const Aggregate& aggregate : aggregates) text += (text.empty() ? "[" : ", ") + in_quotes(name_of(aggregate));
  return text + ']';
}

}  // namespace

KeyGroup table_keys() {
  return {
      "[tables.NAME]",
      "Labels, scale and offset of sensors, from a file. SIGHUP reads it again: it then applies to all later "
      "readings. An invalid file changes nothing.",
      {
          required(text("file", "",
                        "CSV with a header, or TOML (`.toml`) with a table per sensor; relative to the configuration. "
                        "Columns `scale` and `offset` are numbers, every other column is a label.")),
          text("key", "\"sensor\"", "The column of a CSV file that names the sensor."),
      }};
}

KeyGroup window_keys() {
  const WindowOptions standard;
  return {
      "[windows.NAME]",
      "The windows to compute. Names fit `[a-z][a-z0-9_]{0,47}`; they become table names. At most 64 windows.",
      {
          on_reload(OnReload::new_window, part_word("type", "\"tumbling\"", "The kind of window.")),
          of_type(ValueType::text_list, "inputs", "all sources", "Names of sources."),
          of_type(ValueType::table, "match", "", "Selects readings of these sources; see below."),
          on_reload(OnReload::new_window,
                    of_type(ValueType::text_list, "group_by", "[\"sensor\", \"metric\"]",
                            "Columns to group rows by: `sensor`, `metric` or labels of the reading. `[]` "
                            "is one group of everything.")),
          on_reload(OnReload::new_window,
                    boolean("cube", false, "Group by every subset of `group_by` (at most 4 columns) as well.")),
          on_reload(
              OnReload::new_window,
              of_type(ValueType::text_list, "aggregates", list_of(standard.aggregates),
                      "Columns of a row: `count`, `sum`, `min`, `max`, `avg` or `mean`, "
                      "`first`, `last`, `first_time`, `last_time`, `stddev`, `variance`, `range`, `delta`, `rate`, "
                      "`increase`, `time_weighted_avg`, `distinct`, `max_gap`, `mode`, "
                      "`mad` (median absolute deviation), `changes`, `duration_N` (for "
                      "how many seconds the value was N), `median`, and percentiles as "
                      "`p50` or `p99.9`. A column has the name that is written here.")),
          on_reload(OnReload::new_window,
                    duration_or_none("hold", WindowOptions().hold, Duration::milliseconds(1),
                                     "How long a value holds when no other follows, for `time_weighted_avg`, "
                                     "`duration_N` and `fill`. After that there is no value.")),
          on_reload(OnReload::new_window,
                    number("reset_below", "0.5",
                           "For `increase`: a counter that falls below this share (0 to 1) of its highest reading was "
                           "reset, or has one low reading. A smaller fall adds nothing.")),
          on_reload(OnReload::new_window,
                    duration("allowed_lateness", standard.allowed_lateness, Duration(), Duration::unlimited(),
                             "How long, in event time, late readings still correct a closed window.")),
          duration("trigger", standard.trigger, Duration::milliseconds(100), Duration::days(1),
                   "How often rows are emitted at most. `\"1m\"` where all sinks that take them are of type `sqlite`: "
                   "each time writes to its file, which wears flash."),
          on_reload(OnReload::new_window, word("deduplicate", deduplicate_words, WindowOptions().deduplicate,
                                               "`event_time`: a second reading of a sensor and metric with the same "
                                               "event time and the same labels is dropped and counted.")),
          of_type(ValueType::table, "top", "", "Only the rows with the largest values; see below."),
          on_reload(
              OnReload::new_window,
              of_type(ValueType::text_table, "derived", "",
                      "Metrics computed from others of the same sensor and window, such as `{ power = \"voltage * "
                      "current\" }`. "
                      "A variable is a metric (its average) or `metric.aggregate`; the value is in `avg`.")),
      }};
}

KeyGroup match_keys() {
  return {
      "[windows.NAME.match]",
      "Globs (`*` any string, `?` any character): a string, or a list of which one must match. Case matters.",
      {
          of_type(ValueType::text_or_table_list, "source", "", "Names of sources."),
          of_type(ValueType::text_or_table_list, "sensor", "", "Sensors."),
          of_type(ValueType::text_or_table_list, "metric", "", "Metrics."),
          of_type(ValueType::text_table, "labels", "", "Globs for the value of each label; all of them must match."),
          number("min", "none", "Smaller values are not selected."),
          number("max", "none", "Larger values are not selected."),
      }};
}

KeyGroup top_rows_keys() {
  return {"[windows.NAME.top]",
          "Usually written as `top = { n = 5, by = \"avg\" }`. Applies to the rows of one window start.",
          {
              required(integer("n", 1, 1, 1'000'000, "How many rows are kept.")),
              required(text("by", "", "The aggregate whose largest values are kept.")),
          }};
}

}  // namespace edgetide::keys
