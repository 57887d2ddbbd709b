#include "config/key_groups.h"
#include "config/key_spec.h"
#include "pipeline/options.h"

namespace edgetide::keys {

namespace {

constexpr Duration shortest = Duration::microseconds(1);

std::string list_of(const std::vector<Aggregate>& aggregates) {
  std::string text;
  for (const Aggregate& aggregate : aggregates) text += (text.empty() ? "[" : ", ") + in_quotes(name_of(aggregate));
  return text + ']';
}

}  // namespace

KeyGroup table_keys() {
  return {
      "[tables.NAME]",
      "Labels, scale and offset of sensors, from a file. SIGHUP reads it again: scale and offset apply to later "
      "readings, labels to new sensors. An invalid file changes nothing.",
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
          on_reload(
              OnReload::new_window,
              word("type", {"tumbling", "sliding", "session", "running"}, 0,
                   "`tumbling`: windows of one size, side by side. `sliding`: windows of one size, one every `slide`. "
                   "`session`: "
                   "from the first reading until none arrives for `gap`. `running`: one window for all time.")),
          of_type(ValueType::text_list, "inputs", "all sources", "Names of sources."),
          of_type(ValueType::table, "match", "", "Selects readings of these sources; see below."),
          on_reload(OnReload::new_window, of_type(ValueType::text_list, "group_by", "[\"sensor\", \"metric\"]",
                                                  "Columns to group rows by: `sensor`, `metric` or labels.")),
          on_reload(OnReload::new_window,
                    boolean("cube", false, "Group by every subset of `group_by` (at most 4 columns) as well.")),
          on_reload(OnReload::new_window, of_type(ValueType::text_list, "aggregates", list_of(standard.aggregates),
                                                  "Columns of a row: `count`, `sum`, `min`, `max`, `avg`, `first`, "
                                                  "`last`, `stddev`, `variance`, `range`, "
                                                  "`delta`, `rate`, `increase`, `time_weighted_avg`, `distinct`, "
                                                  "`max_gap`, and percentiles as `p50` or "
                                                  "`p99.9`.")),
          on_reload(OnReload::new_window,
                    duration("allowed_lateness", standard.allowed_lateness, Duration(), Duration::unlimited(),
                             "How long, in event time, late readings still correct a closed window.")),
          duration("trigger", standard.trigger, Duration::milliseconds(100), Duration::days(1),
                   "How often rows are emitted at most."),
          on_reload(OnReload::new_window, word("deduplicate", {"none", "event_time"}, 0,
                                               "`event_time`: a second reading of a sensor and metric with the same "
                                               "event time is dropped and counted.")),
          of_type(ValueType::table, "top", "", "Only the rows with the largest values; see below."),
          on_reload(
              OnReload::new_window,
              of_type(ValueType::text_table, "derived", "",
                      "Metrics computed from others of the same sensor and window, such as `{ power = \"voltage * "
                      "current\" }`. "
                      "A variable is a metric (its average) or `metric.aggregate`; the value is in `avg`.")),
      }};
}

KeyGroup tumbling_keys() {
  return {
      "[windows.NAME] with type = \"tumbling\"",
      "",
      {
          required(duration("size", WindowOptions().size, shortest, Duration::unlimited(), "The length of a window.")),
      }};
}

KeyGroup sliding_keys() {
  return {
      "[windows.NAME] with type = \"sliding\"",
      "",
      {
          required(duration("size", WindowOptions().size, shortest, Duration::unlimited(), "The length of a window.")),
          required(duration("slide", WindowOptions().slide, shortest, Duration::unlimited(),
                            "The distance between the starts of windows; at most `size`. `size` holds at most "
                            "10000 times the greatest common divisor of both.")),
      }};
}

KeyGroup session_keys() {
  return {"[windows.NAME] with type = \"session\"",
          "",
          {
              required(duration("gap", WindowOptions().gap, shortest, Duration::unlimited(),
                                "A session ends when no reading arrives for this long.")),
              duration("max_length", WindowOptions().max_length, shortest, Duration::unlimited(),
                       "The maximum length of a session; at least `gap`."),
          }};
}

KeyGroup aligned_keys() {
  return {
      "[windows.NAME] with type = \"tumbling\" or \"sliding\"",
      "",
      {
          duration("offset", Duration(), Duration::days(-36'500), Duration::days(36'500),
                   "Shifts the starts of the windows; shorter than `size`. Starts are multiples of `size` (or `slide`) "
                   "since 1970, in UTC or in `timezone`."),
          text("timezone", "UTC",
               "A name such as `Europe/Paris`: windows of whole days start at local midnight; days on which "
               "the clocks change have 23 or 25 hours."),
          boolean("emit_empty", false,
                  "Emits rows with count 0 for known sensors that were silent for a whole window."),
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
          "Usually written as `top = { n = 5, by = \"avg\" }`. Applies to the rows of one window that are emitted "
          "together.",
          {
              required(integer("n", 1, 1, 1'000'000, "How many rows are kept.")),
              required(text("by", "", "The aggregate whose largest values are kept.")),
          }};
}

}  // namespace edgetide::keys
