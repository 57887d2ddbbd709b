// What a reload does with each key is what the key table, and so REFERENCE.md, says: every key is edited in turn.
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "config/key_table.h"
#include "config/parts.h"
#include "daemon/reload/reload_plan.h"
#include "tests/config/configuration_file.h"
#include "tests/config/every_key.h"

namespace edgetide {
namespace {

struct Edit {
  std::string from, to;  // the first occurrence
};

// By title of the group and name of the key: an edit of every_key.h that changes this key to another valid value. The
// keys of further parts have theirs in parts/NAME.toml.
const std::map<std::pair<std::string, std::string>, Edit> edits = {
    {{"The file", "include"}, {"include = [\"conf.d/*.toml\"]", "include = []"}},
    {{"[gateway]", "id"}, {"plant-7", "plant-8"}},
    {{"[gateway]", "state_directory"}, {"/srv/edgetide", "/srv/other"}},
    {{"[log]", "level"}, {"\"debug\"", "\"error\""}},
    {{"[log]", "target"}, {"\"journald\"", "\"stderr\""}},
    {{"[http]", "listen"}, {"[::1]:9000", "[::1]:9001"}},
    {{"[http]", "hosts"}, {"gateway.example", "other.example"}},
    {{"[metrics]", "listen"}, {"[::1]:9464", "[::1]:9463"}},
    {{"[metrics]", "cert_file"}, {"/metrics.crt", "/other.crt"}},
    {{"[metrics]", "key_file"}, {"/metrics.key", "/other.key"}},
    {{"[metrics]", "token"}, {"\"bearer\"", "\"other\""}},
    {{"[clock]", "wait_after_boot"}, {"\"2m\"", "\"3m\""}},
    {{"[time]", "max_out_of_orderness"}, {"\"20s\"", "\"21s\""}},
    {{"[time]", "idle_timeout"}, {"idle_timeout = \"none\"", "idle_timeout = \"1h\""}},
    {{"[time]", "scope"}, {"scope = \"source\"", "scope = \"global\""}},
    {{"[time]", "max_future"}, {"max_future = \"none\"", "max_future = \"1h\""}},
    {{"[time]", "oldest"}, {"oldest = \"none\"", "oldest = \"1h\""}},
    {{"[time]", "on_bad_time"}, {"\"drop\"", "\"quarantine\""}},
    {{"[limits]", "max_series"}, {"max_series = 5", "max_series = 6"}},
    {{"[limits]", "new_series_per_minute"}, {"minute = 7", "minute = 8"}},
    {{"[limits]", "memory"}, {"\"2MiB\"", "\"3MiB\""}},
    {{"[limits]", "max_id_bytes"}, {"max_id_bytes = 200", "max_id_bytes = 201"}},
    {{"[journal]", "durability"}, {"\"power\"", "\"none\""}},
    {{"[journal]", "sync_interval"}, {"sync_interval = \"1s\"", "sync_interval = \"2s\""}},
    {{"[journal]", "max_size"}, {"\"32MiB\"", "\"33MiB\""}},
    {{"[journal]", "when_full"}, {"\"drop_newest\"", "\"block\""}},
    {{"[checkpoint]", "interval"}, {"\"5m\"", "\"6m\""}},
    {{"[checkpoint]", "keep"}, {"keep = 3", "keep = 4"}},
    {{"[quarantine]", "max_size"}, {"max_size = \"1MiB\"", "max_size = \"2MiB\""}},
    {{"[sources.NAME]", "type"},
     {"type = \"unix\"\nlisten = \"/run/x.sock\"", "type = \"tcp\"\nlisten = \"127.0.0.1:9\""}},
    {{"[sources.NAME]", "table"}, {"table = \"sensors\"\n", ""}},
    {{"[sources.NAME] with type = \"mqtt\"", "servers"}, {"broker:8884", "broker:8885"}},
    {{"[sources.NAME] with type = \"mqtt\"", "protocol"}, {"\"3.1.1\"", "\"5\""}},
    {{"[sources.NAME] with type = \"mqtt\"", "client_id"}, {"{gateway}+{source}", "{gateway}-{source}"}},
    {{"[sources.NAME] with type = \"mqtt\"", "username"}, {"\"u\"", "\"w\""}},
    {{"[sources.NAME] with type = \"mqtt\"", "password"}, {"\"p\"", "\"o\""}},
    {{"[sources.NAME] with type = \"mqtt\"", "keep_alive"}, {"keep_alive = \"5s\"", "keep_alive = \"6s\""}},
    {{"[sources.NAME] with type = \"mqtt\"", "clean_start"}, {"clean_start = true", "clean_start = false"}},
    {{"[sources.NAME] with type = \"mqtt\"", "session_expiry"}, {"expiry = \"1h\"", "expiry = \"2h\""}},
    {{"[sources.NAME] with type = \"mqtt\"", "qos"}, {"qos = 0", "qos = 1"}},
    {{"[sources.NAME] with type = \"mqtt\"", "retained"}, {"\"use\"", "\"ignore\""}},
    {{"[sources.NAME] with type = \"mqtt\"", "share"}, {"\"gateways\"", "\"others\""}},
    {{"[sources.NAME] with type = \"mqtt\"", "status_topic"}, {"{gateway}/status", "{gateway}/state"}},
    {{"[sources.NAME] with type = \"mqtt\"", "allow_plaintext"},
     {"\", \"mqtt://10.0.0.1\"]\nallow_plaintext = true", "\", \"mqtt://127.0.0.1\"]\nallow_plaintext = false"}},
    {{"[sources.NAME.tls]", "ca"}, {"\"/ca\"", "\"/cb\""}},
    {{"[sources.NAME.tls]", "cert"}, {"\"/cert\"", "\"/other\""}},
    {{"[sources.NAME.tls]", "key"}, {"\"/key\"", "\"/other\""}},
    {{"[sources.NAME.tls]", "alpn"}, {"x-amzn-mqtt-ca", "mqtt"}},
    {{"[[sources.NAME.routes]]", "topic"}, {"n/{device}", "o/{device}"}},
    {{"Mapping", "format"}, {"format = \"number\"\nunit = \"°C\"", "format = \"json\""}},
    {{"Mapping", "sensor"}, {"sensor = \"{area}/{device}\"", "sensor = \"{device}\""}},
    {{"Mapping", "metric"}, {"metric = \"m\"", "metric = \"n\""}},
    {{"Mapping", "time"}, {"time = \"ts\"\ncolumns = [\"dev\", \"ts\"", "time = \"t\"\ncolumns = [\"dev\", \"t\""}},
    {{"Mapping", "each"}, {"readings[*]", "values[*]"}},
    {{"Mapping", "ignore"}, {"ignore = [\"update\"", "ignore = [\"color\""}},
    {{"Mapping", "values"}, {"values = [\"t\"", "values = [\"u\""}},
    {{"Mapping", "labels"}, {"hw.model", "hw.kind"}},
    {{"Mapping", "unit"}, {"unit = \"°C\"", "unit = \"K\""}},
    {{"Mapping", "coerce_strings"}, {"coerce_strings = false", "coerce_strings = true"}},
    {{"Mapping", "states"}, {"heating = 2", "heating = 3"}},
    {{"Mapping", "timezone"}, {"1.5 }\ntimezone = \"Europe/Paris\"", "1.5 }\ntimezone = \"Asia/Tokyo\""}},
    {{"Mapping", "ignore_topics"}, {"j/bridge/*", "j/broker/*"}},
    {{"Mapping", "repeats"}, {"\"skip_unchanged\"", "\"keep\""}},
    {{"Mapping", "max_id_bytes"}, {"max_id_bytes = 256", "max_id_bytes = 257"}},
    {{"Mapping", "dedupe"}, {"dedupe = { path = \"id\"", "dedupe = { path = \"ident\""}},
    {{"Mapping", "parallel_arrays"}, {"parallel_arrays = true", "parallel_arrays = false"}},
    {{"dedupe = { ... }", "path"}, {"dedupe = { path = \"id\"", "dedupe = { path = \"ident\""}},
    {{"dedupe = { ... }", "for"}, {"for = \"30s\"", "for = \"40s\""}},
    {{"time = { ... }", "time_of_day"}, {"\"clock\"", "\"hour\""}},
    {{"values = [ { ... } ]", "convert"}, {"F->C", "F->K"}},
    {{"values = [ { ... } ]", "unit_path"}, {"PressureUnit", "PUnit"}},
    {{"[[tests]]", "name"}, {"one reading", "a reading"}},
    {{"[[tests]]", "only"}, {"only = true", "only = false"}},
    {{"[[tests]]", "refused"}, {"refused = 0", "refused = 1"}},
    {{"[[tests]] messages = [ { ... } ]", "at"}, {"01-31T12", "01-31T13"}},
    {{"[[tests]] messages = [ { ... } ]", "source"}, {"source = \"plant\"", "source = \"lines\""}},
    {{"[[tests]] messages = [ { ... } ]", "topic"}, {"n/a\", payload", "n/b\", payload"}},
    {{"[[tests]] messages = [ { ... } ]", "payload"}, {"payload = \"1\"", "payload = \"2\""}},
    {{"Mapping", "columns"}, {"\"ts\", \"v\"]", "\"ts\", \"w\"]"}},
    {{"Mapping", "delimiter"}, {"\";\"", "\"|\""}},
    {{"sensor = { ... }, metric = { ... }", "path"},
     {"{ path = \"dev\" }\ntime = \"ts\"\ncolumns = [\"dev\"", "{ path = \"id\" }\ntime = \"ts\"\ncolumns = [\"id\""}},
    {{"time = { ... }", "path"}, {"path = \"ts\"", "path = \"t\""}},
    {{"time = { ... }", "format"}, {"\"unix_ms\"", "\"unix_ns\""}},
    {{"values = [ { ... } ]", "path"}, {"path = \"p\"", "path = \"q\""}},
    {{"values = [ { ... } ]", "metric"}, {"\"pressure\"", "\"load\""}},
    {{"values = [ { ... } ]", "unit"}, {"\"kPa\"", "\"hPa\""}},
    {{"values = [ { ... } ]", "scale"}, {"scale = 6.5", "scale = 7"}},
    {{"values = [ { ... } ]", "offset"}, {"offset = -1 ", "offset = -2 "}},
    {{"[sources.NAME] with type = \"tcp\", \"udp\" or \"unix\"", "listen"}, {"0.0.0.0:8094", "0.0.0.0:8099"}},
    {{"[sources.NAME] with type = \"tcp\" or \"udp\"", "allow"}, {"10.20.0.0/16", "10.21.0.0/16"}},
    {{"[sources.NAME] with type = \"tcp\" or \"unix\"", "framing"}, {"\"length_prefix\"", "\"newline\""}},
    {{"[sources.NAME] with type = \"tcp\" or \"unix\"", "ack"}, {"ack = true", "ack = false"}},
    {{"[sources.NAME] with type = \"tcp\" or \"unix\"", "max_line"}, {"\"1KiB\"", "\"2KiB\""}},
    {{"[sources.NAME] with type = \"tcp\" or \"unix\"", "max_connections"}, {"connections = 3", "connections = 4"}},
    {{"[sources.NAME] with type = \"tcp\" or \"unix\"", "max_connections_per_peer"}, {"per_peer = 2", "per_peer = 3"}},
    {{"[sources.NAME] with type = \"tcp\" or \"unix\"", "connection_timeout"},
     {"connection_timeout = \"1m\"", "connection_timeout = \"2m\""}},
    {{"[sources.NAME] with type = \"tcp\" or \"unix\"", "line_timeout"},
     {"line_timeout = \"2s\"", "line_timeout = \"3s\""}},
    {{"[sources.NAME] with type = \"udp\"", "framing"}, {"\"whole\"", "\"newline\""}},
    {{"[sources.NAME] with type = \"udp\"", "max_datagram"}, {"\"512B\"", "\"513B\""}},
    {{"[sources.NAME] with type = \"udp\"", "receive_buffer"}, {"\"1MB\"", "\"2MB\""}},
    {{"[tables.NAME]", "file"}, {"config/sensors.csv", "config/../config/sensors.csv"}},
    {{"[tables.NAME]", "key"}, {"key = \"id\"", "key = \"site\""}},
    {{"[windows.NAME]", "type"}, {"type = \"running\"", "type = \"tumbling\"\nsize = \"1m\""}},
    {{"[windows.NAME]", "inputs"}, {"inputs = [\"grams\", \"plant\"]", "inputs = [\"plant\"]"}},
    {{"[windows.NAME]", "group_by"}, {"[\"site\", \"metric\"]", "[\"site\"]"}},
    {{"[windows.NAME]", "cube"}, {"cube = true", "cube = false"}},
    {{"[windows.NAME]", "aggregates"}, {"\"variance\"", "\"range\""}},
    {{"[windows.NAME]", "allowed_lateness"}, {"\"9m\"", "\"8m\""}},
    {{"[windows.NAME]", "trigger"}, {"\"100ms\"", "\"200ms\""}},
    {{"[windows.NAME]", "deduplicate"}, {"\"event_time\"", "\"none\""}},
    {{"[windows.NAME]", "derived"}, {"voltage * current.max", "voltage + current.max"}},
    {{"[windows.NAME] with type = \"tumbling\"", "size"}, {"size = \"1m\"", "size = \"2m\""}},
    {{"[windows.NAME] with type = \"sliding\"", "size"}, {"size = \"2d\"", "size = \"3d\""}},
    {{"[windows.NAME] with type = \"sliding\"", "slide"}, {"slide = \"1d\"", "slide = \"2d\""}},
    {{"[windows.NAME] with type = \"session\"", "gap"}, {"gap = \"5s\"", "gap = \"6s\""}},
    {{"[windows.NAME] with type = \"session\"", "max_length"}, {"max_length = \"1m\"", "max_length = \"2m\""}},
    {{"[windows.NAME] with type = \"tumbling\" or \"sliding\"", "offset"}, {"\"-5s\"", "\"-6s\""}},
    {{"[windows.NAME] with type = \"tumbling\" or \"sliding\"", "week_start"}, {"\"sunday\"", "\"friday\""}},
    {{"[windows.NAME] with type = \"tumbling\" or \"sliding\"", "timezone"},
     {"\"Europe/Paris\"\nmatch", "\"America/New_York\"\nmatch"}},
    {{"[windows.NAME] with type = \"tumbling\" or \"sliding\"", "emit_empty"},
     {"emit_empty = true\nfill = \"last\"", "emit_empty = false"}},
    {{"[windows.NAME] with type = \"tumbling\"", "fill"}, {"fill = \"last\"", "fill = \"none\""}},
    {{"[windows.NAME]", "hold"}, {"hold = \"2h\"", "hold = \"none\""}},
    {{"[windows.NAME]", "reset_below"}, {"reset_below = 0.9", "reset_below = 1"}},
    {{"[windows.NAME.match]", "source"}, {"source = \"p*\"", "source = \"q*\""}},
    {{"[windows.NAME.match]", "sensor"}, {"\"b?\"", "\"c?\""}},
    {{"[windows.NAME.match]", "metric"}, {"metric = \"t\"", "metric = \"u\""}},
    {{"[windows.NAME.match]", "labels"}, {"\"lyon\"", "\"nice\""}},
    {{"[windows.NAME.match]", "min"}, {"min = -1", "min = -2"}},
    {{"[windows.NAME.match]", "max"}, {"max = 2.5", "max = 3.5"}},
    {{"[windows.NAME.top]", "n"}, {"n = 3", "n = 4"}},
    {{"[windows.NAME.top]", "by"}, {"by = \"p99.9\"", "by = \"avg\""}},
    {{"[sinks.NAME]", "type"}, {"type = \"stdout\"\nencoding = \"influx\"", "type = \"file\""}},
    {{"[sinks.NAME]", "inputs"}, {"type = \"stdout\"\n", "type = \"stdout\"\ninputs = [\"minute\"]\n"}},
    {{"[sinks.NAME]", "mode"}, {"mode = \"append\"", "mode = \"update\""}},
    {{"[sinks.NAME]", "where"}, {"count > 4", "count > 5"}},
    {{"[sinks.NAME]", "on"}, {"on = \"change\"", "on = \"match\""}},
    {{"[sinks.NAME]", "mergeable"}, {"mergeable = true", "mergeable = false"}},
    {{"[sinks.NAME]", "max_rate"}, {"\"30/m\"", "\"31/m\""}},
    {{"[sinks.NAME]", "max_lag"}, {"max_lag = \"2m\"", "max_lag = \"3m\""}},
    {{"[sinks.NAME]", "redeliver"}, {"redeliver = \"7m\"", "redeliver = \"8m\""}},
    {{"[sinks.NAME]", "redeliver_max_size"}, {"\"3MiB\"", "\"4MiB\""}},
    {{"[sinks.NAME] with type = \"stdout\"", "encoding"}, {"encoding = \"influx\"", "encoding = \"json\""}},
    {{"[sinks.NAME.outbox]", "max_size"}, {"{ max_size = \"1MiB\"", "{ max_size = \"2MiB\""}},
    {{"[sinks.NAME.outbox]", "when_full"}, {"when_full = \"block\" }", "when_full = \"drop_oldest\" }"}},
    {{"[sinks.NAME] with type = \"postgresql\"", "connection"}, {"host=db", "host=other"}},
    {{"[sinks.NAME] with type = \"postgresql\"", "allow_plaintext"},
     {"host=db\"\nallow_plaintext = true", "host=db\"\nallow_plaintext = false"}},
    {{"[sinks.NAME] with type = \"postgresql\"", "user"}, {"\"edge\"", "\"other\""}},
    {{"[sinks.NAME] with type = \"postgresql\"", "password"}, {"\"q\"", "\"r\""}},
    {{"[sinks.NAME] with type = \"postgresql\"", "schema"}, {"\"s1\"", "\"s2\""}},
    {{"[sinks.NAME] with type = \"postgresql\"", "create_tables"}, {"create_tables = false", "create_tables = true"}},
    {{"[sinks.NAME] with type = \"postgresql\"", "partition_by"}, {"\"2d\"\nretention", "\"3d\"\nretention"}},
    {{"[sinks.NAME] with type = \"postgresql\"", "retention"}, {"{ hour = \"2y\" }", "{ hour = \"3y\" }"}},
    {{"[sinks.NAME] with type = \"postgresql\"", "connect_timeout"},
     {"connect_timeout = \"2s\"", "connect_timeout = \"4s\""}},
    {{"[sinks.NAME] with type = \"postgresql\"", "statement_timeout"},
     {"statement_timeout = \"3s\"", "statement_timeout = \"4s\""}},
    {{"[sinks.NAME] with type = \"sqlite\"", "path"}, {"sub/../rows.db", "other.db"}},
    {{"[sinks.NAME] with type = \"sqlite\"", "retention"}, {"{ hour = \"7d\" }", "{ hour = \"8d\" }"}},
};

// "sources" of "[[sources.NAME.routes]]".
std::string_view kind_of(std::string_view header) {
  header.remove_prefix(std::min(header.find_first_not_of('['), header.size()));
  return header.substr(0, header.find('.'));
}

// "key = value  # other: value" in the example of the part that the group is of. A source and a sink of one type share
// a file.
std::optional<Edit> edit_in_example(const KeyGroup& group, std::string_view key) {
  constexpr std::string_view other = "  # other: ";
  for (const PartExample& example : part_examples()) {
    if (group.title.find('"' + example.part + '"') == std::string_view::npos) continue;
    std::istringstream lines(example.text);
    bool is_of_kind = true;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('[')) is_of_kind = kind_of(line) == kind_of(group.title) || group.title[0] != '[';
      if (!is_of_kind) continue;
      const std::size_t at = line.find(other);
      if (at == std::string::npos || !line.starts_with(std::string(key) + " = ")) continue;
      return Edit{line, std::string(key) + " = " + line.substr(at + other.size())};
    }
  }
  return std::nullopt;
}

std::optional<Edit> edit_of(const KeyGroup& group, const KeySpec& key) {
  const auto edit = edits.find({std::string(group.title), std::string(key.name)});
  return edit == edits.end() ? edit_in_example(group, key.name) : edit->second;
}

// Tables are edited key by key; a number with one possible value cannot be edited.
bool can_be_edited(const KeySpec& key) {
  return key.type != ValueType::table && key.type != ValueType::table_list &&
         !(key.type == ValueType::integer && key.min == key.max);
}

// What a plan does with a changed key, in the words of the key table.
std::string effect_of(const ReloadPlan& plan) {
  std::string effect;
  if (!plan.sources.changed.empty()) effect += " new source";
  if (!plan.windows.changed.empty()) effect += " new window";
  // Other columns make another sink as well, which the page need not say of each key of a window.
  if (!plan.sinks.changed.empty() && plan.windows.changed.empty()) effect += " new sink";
  if (!plan.needs_restart.empty()) effect += " restart";
  return effect;
}

std::string effect_of(OnReload what) {
  switch (what) {
    case OnReload::applies:
      return "";
    case OnReload::new_source:
      return " new source";
    case OnReload::new_window:
      return " new window";
    case OnReload::new_sink:
      return " new sink";
    case OnReload::restart:
      break;
  }
  return " restart";
}

std::string edited(const Edit& edit) {
  std::string text = every_key_correct();
  const std::size_t at = text.find(edit.from);
  return at == std::string::npos ? std::string() : text.replace(at, edit.from.size(), edit.to);
}

TEST(ReloadOfKeys, does_with_each_key_what_the_reference_says) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions now = loaded(every_key_correct()).options;
  const KeyTable table(built_in_parts());
  for (const KeyGroup* group : table.groups()) {
    for (const KeySpec& key : group->keys) {
      if (!can_be_edited(key)) continue;
      const std::string name = std::string(group->title) + ": " + std::string(key.name);
      const std::optional<Edit> edit = edit_of(*group, key);
      if (!edit) {
        ADD_FAILURE() << name << ": parts/NAME.toml does not have \"" << key.name << " = VALUE  # other: VALUE\"";
        continue;
      }
      const std::string text = edited(*edit);
      ASSERT_FALSE(text.empty()) << name << ": every_key.h does not have " << edit->from;
      const GatewayOptions next =
          loaded(text, {.running_id = now.id, .running_state_directory = now.state_directory}).options;
      EXPECT_EQ(effect_of(plan_reload(now, next)), effect_of(key.on_reload)) << name;
    }
  }
}

}  // namespace
}  // namespace edgetide
