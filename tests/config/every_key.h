// A configuration with every key there is: those here, and for each further part the file parts/NAME.toml.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace edgetide {

// None with its default.
inline constexpr const char* every_key = R"(
config_version = 1
include = ["conf.d/*.toml"]

[gateway]
id = "plant-7"
state_directory = "/srv/edgetide"

[http]
listen = "[::1]:9000"
hosts = ["gateway.example"]

[metrics]
listen = "[::1]:9464"
cert_file = "/metrics.crt"
key_file = "/metrics.key"
token = "bearer"

[log]
level = "debug"
target = "journald"

[time]
max_out_of_orderness = "20s"
idle_timeout = "none"
max_future = "none"
oldest = "none"
on_bad_time = "drop"
scope = "source"

[limits]
max_series = 5
new_series_per_minute = 7
memory = "2MiB"
max_id_bytes = 200

[clock]
wait_after_boot = "2m"

[journal]
durability = "power"
sync_interval = "1s"
max_size = "32MiB"
when_full = "drop_newest"

[checkpoint]
interval = "5m"
keep = 3

[quarantine]
max_size = "1MiB"

[sources.plant]
type = "mqtt"
table = "sensors"
servers = ["mqtts://broker:8884", "mqtt://10.0.0.1"]
allow_plaintext = true
protocol = "3.1.1"
client_id = "{gateway}+{source}"
username = "u"
password = "p"
tls = { ca = "/ca", cert = "/cert", key = "/key", alpn = "x-amzn-mqtt-ca" }
keep_alive = "5s"
clean_start = true
session_expiry = "1h"
qos = 0
retained = "use"
share = "gateways"
status_topic = "edgetide/{gateway}/status"
max_out_of_orderness = "30s"
idle_timeout = "2m"
max_future = "1s"
oldest = "1d"
on_bad_time = "use_arrival"

[[sources.plant.routes]]
topic = "a/{area}/{device}"
format = "json"
sensor = "{area}/{device}"
metric = "m"
time = { path = "ts", format = "unix_ms" }
each = "readings[*]"
values = ["t", { path = "p", metric = "pressure", unit = "kPa", scale = 6.5, offset = -1 }]
repeats = "skip_unchanged"
max_id_bytes = 256
dedupe = { path = "id", for = "30s" }
labels = { model = "hw.model" }
coerce_strings = false
states = { heating = 2, closed = 1.5 }
timezone = "Europe/Paris"

[[sources.plant.routes]]
topic = "j/{device...}"
format = "json"
sensor = "{device}/{record.name}"
each = ["tags.*", ""]
parallel_arrays = true
time = { path = "day", time_of_day = "clock" }
ignore = ["update", "*.id"]
ignore_topics = ["j/bridge/*"]

[[sources.plant.routes]]
topic = "c/{device}"
format = "json"
values = [{ path = "t", convert = "F->C" }, { path = "p", unit = "hPa", unit_path = "PressureUnit" }]

[[sources.plant.routes]]
topic = "n/{device}"
format = "number"
unit = "°C"

[sources.lines]
type = "tcp"
listen = "0.0.0.0:8094"
allow = ["10.20.0.0/16", "fd00::/8"]
framing = "length_prefix"
ack = true
max_line = "1KiB"
max_connections = 3
max_connections_per_peer = 2
connection_timeout = "1m"
line_timeout = "2s"
format = "csv"
sensor = { path = "dev" }
time = "ts"
columns = ["dev", "ts", "v"]
delimiter = ";"

[sources.grams]
type = "udp"
listen = "[::1]:8095"
framing = "whole"
max_datagram = "512B"
receive_buffer = "1MB"
format = "influx"

[sources.local]
type = "unix"
listen = "/run/x.sock"
format = "influx"
time = { format = "unix_s_is_no_format" }

[tables.sensors]
file = "SENSORS"
key = "id"

[windows.minute]
type = "tumbling"
size = "1m"
offset = "-5s"
inputs = ["grams", "plant"]
aggregates = ["variance", "count"]
allowed_lateness = "9m"
trigger = "100ms"

[windows.hour]
size = "1h"
emit_empty = true
fill = "last"
hold = "2h"
reset_below = 0.9

[windows.quarter]
type = "sliding"
size = "2d"
slide = "1d"
timezone = "Europe/Paris"
match = { source = "p*", sensor = ["a*", "b?"], metric = "t", labels = { site = "lyon" }, min = -1, max = 2.5 }
group_by = ["site", "metric"]
cube = true
aggregates = ["count", "avg", "p99.9"]
deduplicate = "event_time"
top = { n = 3, by = "p99.9" }

[windows.visits]
type = "session"
gap = "5s"
max_length = "1m"

[windows.totals]
type = "running"
aggregates = ["count", "avg", "max"]
derived = { power = "voltage * current.max" }

[windows.week]
size = "1w"
week_start = "sunday"

[sinks.pg]
type = "postgresql"
inputs = ["hour"]
mode = "append"
mergeable = true
max_rate = "30/m"
max_lag = "2m"
redeliver = "7m"
redeliver_max_size = "3MiB"
connection = "host=db"
allow_plaintext = true
user = "edge"
password = "q"
schema = "s1"
create_tables = false
partition_by = "2d"
retention = { hour = "2y" }
connect_timeout = "2s"
statement_timeout = "3s"
outbox = { max_size = "1MiB", when_full = "block" }

[sinks.file]
type = "sqlite"
path = "sub/../rows.db"
retention = { hour = "7d" }

[sinks.out]
type = "stdout"
encoding = "influx"
where = "count > 4"
on = "change"

[[tests]]
name = "one reading"
messages = [{ at = "2026-01-31T12:00:00Z", source = "plant", topic = "n/a", payload = "1" }]
rows = [{ window = "hour", sensor = "a", avg = 1 }]
only = true
refused = 0
)";

// What a part has of it, from parts/NAME.toml. A line "key = value  # other: value" also says another valid value.
struct PartExample {
  std::string part;
  std::string text;
};

inline std::vector<PartExample> part_examples() {
  std::vector<PartExample> examples;
  for (const auto& entry : std::filesystem::directory_iterator(EDGETIDE_CONFIG_FOLDER "/../tests/config/parts")) {
    if (entry.path().extension() != ".toml") continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    examples.push_back({entry.path().stem(), text.str()});
  }
  std::sort(examples.begin(), examples.end(), [](const auto& a, const auto& b) { return a.part < b.part; });
  return examples;
}

// With the parts of parts/, and one error.
inline std::string every_key_text() {
  std::string text = every_key;
  for (const PartExample& example : part_examples()) text += example.text;
  return text;
}

inline std::string every_key_correct() {
  std::string text = every_key_text();
  const std::string wrong = "unix_s_is_no_format";
  text.replace(text.find(wrong), wrong.size(), "unix_us");
  const std::string table = "SENSORS";
  return text.replace(text.find(table), table.size(), EDGETIDE_CONFIG_FOLDER "/../tests/config/sensors.csv");
}

}  // namespace edgetide
