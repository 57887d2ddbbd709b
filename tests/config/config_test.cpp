#include "config/config.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "config/key_table.h"
#include "config/parts.h"
#include "daemon/decoders/number_decoder.h"
#include "daemon/service/machine_id.h"
#include "daemon/sources/mqtt_source.h"
#include "daemon/sources/socket_source.h"
#include "sinks/postgres_sink.h"
#include "sinks/sqlite_sink.h"
#include "sinks/stdout_sink.h"
#include "tests/config/configuration_file.h"
#include "tests/config/every_key.h"

namespace edgetide {

namespace {

std::string file_text(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// A configuration that is right but for what is put in.
std::string window(const std::string& keys) {
  return "[windows.w]\nsize = \"1m\"\n" + keys + '\n';
}
std::string mqtt(const std::string& keys) {
  return "[sources.m]\ntype = \"mqtt\"\n" + keys + "\n[windows.w]\nsize = \"1m\"\n";
}
const std::string route = "routes = [{ topic = \"{device}\", format = \"number\" }]";
std::string mqtt_with_route(const std::string& keys) {
  return mqtt("servers = [\"mqtt://localhost\"]\n" + route + '\n' + keys);
}
std::string mqtt_with_routes(const std::string& mapping) {
  return mqtt("servers = [\"mqtt://localhost\"]\nroutes = [\n{ " + mapping + " }]");
}
std::string socket(const std::string& keys) {
  return "[sources.s]\n" + keys + '\n';
}
std::string sink(const std::string& keys) {
  return "[windows.w]\nsize = \"1m\"\n[sinks.d]\n" + keys + '\n';
}

const MqttOptions& mqtt_in(const GatewayOptions& options, std::size_t source) {
  return *options_of<MqttOptions>(*options.sources.at(source).source);
}
const SocketOptions& socket_in(const GatewayOptions& options, std::size_t source) {
  return *options_of<SocketOptions>(*options.sources.at(source).source);
}

struct BadCase {
  std::string text;
  std::string message;  // with line and column; what must stand in the output
};

void expect_errors(const std::vector<BadCase>& cases) {
  for (const BadCase& bad : cases) {
    const std::string errors = errors_of(bad.text);
    EXPECT_NE(errors.find("edgetide.toml:" + bad.message), std::string::npos)
        << "expected: " << bad.message << "\nfound:\n"
        << errors << "in:\n"
        << bad.text.substr(0, 1000);
    EXPECT_TRUE(errors.ends_with("\n1 error. The configuration was not applied.\n")) << errors << "in:\n"
                                                                                     << bad.text.substr(0, 1000);
  }
}

}  // namespace

TEST(Config, smallest_useful_file_loads) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(R"([sources.home]
type = "mqtt"
servers = ["mqtt://localhost:1883"]
routes = [ { topic = "zigbee2mqtt/{device}", format = "json" } ]
[windows.minute]
size = "1m"
inputs = ["home"]
[sinks.db]
type = "postgresql"
inputs = ["minute"]
connection = "dbname=sensors"
)")
                                     .options;
  const MqttOptions& mqtt = mqtt_in(options, 0);
  EXPECT_EQ(mqtt.client_id,
            "edgetide-" + options.id + (short_machine_id().empty() ? "" : "-" + short_machine_id()) + "-home");
  EXPECT_EQ(mqtt.servers, std::vector<std::string>{"mqtt://localhost:1883"});
  EXPECT_EQ(mqtt.protocol, 5);
  ASSERT_EQ(options.sinks.size(), 1U);
  const auto& store = *options_of<PostgresOptions>(*options.sinks[0].store);
  EXPECT_EQ(store.connection, "dbname=sensors");
  EXPECT_FALSE(store.user.empty()) << "the user that runs the test has a name";
  EXPECT_EQ(options.sinks[0].inputs, std::vector<WindowId>{WindowId{0}});
  EXPECT_EQ(options.pipeline.windows[0].aggregates.size(), 5U);
}

TEST(Config, empty_file_is_all_defaults) {
  const Variable state("STATE_DIRECTORY", nullptr);
  const Configuration configuration = loaded("");
  EXPECT_EQ(configuration.options.state_directory, "/var/lib/edgetide");
  EXPECT_FALSE(configuration.options.id.empty());
  EXPECT_EQ(configuration.options.pipeline.max_series, PipelineOptions().max_series);
  EXPECT_TRUE(configuration.warnings.empty());
}

TEST(Config, state_directory_is_what_systemd_says) {
  if (leaves_parts_out()) GTEST_SKIP();
  const Variable state("STATE_DIRECTORY", "/var/lib/private/edgetide:/var/lib/second");
  EXPECT_EQ(loaded("").options.state_directory, "/var/lib/private/edgetide");
  EXPECT_EQ(options_of<SqliteOptions>(*loaded(sink("type = \"sqlite\"")).options.sinks[0].store)->path,
            "/var/lib/private/edgetide/edgetide.db");
}

TEST(Config, shipped_file_listens_on_a_unix_socket_and_writes_sqlite) {
  if (leaves_parts_out()) GTEST_SKIP();
  const Configuration configuration = load_configuration(EDGETIDE_CONFIG_FOLDER "/edgetide.toml");
  EXPECT_TRUE(configuration.warnings.empty());
  const GatewayOptions& options = configuration.options;
  EXPECT_EQ(socket_in(options, 0).listen, "/run/edgetide/readings.sock");
  EXPECT_EQ(options.pipeline.windows.size(), 2U);
  ASSERT_EQ(options.sinks.size(), 1U);
  EXPECT_NE(options_of<SqliteOptions>(*options.sinks[0].store), nullptr);
}

// The examples behind "# " are real: uncommented, the file still loads.
TEST(Config, examples_in_the_shipped_file_load) {
  if (leaves_parts_out()) GTEST_SKIP();
  std::string text;
  std::stringstream lines(file_text(EDGETIDE_CONFIG_FOLDER "/edgetide.toml"));
  bool example = false;
  for (std::string line; std::getline(lines, line);) {
    example = line.starts_with("# [") || (example && line.starts_with("# "));
    text += (example ? line.substr(2) : line) + '\n';
  }
  const GatewayOptions options = loaded(text, LoadOptions{false}).options;
  EXPECT_EQ(options.id, "plant-7");
  EXPECT_EQ(options.sources.size(), 2U);
  ASSERT_EQ(options.sinks.size(), 2U);
  EXPECT_EQ(options_of<PostgresOptions>(*options.sinks[1].store)->user, "edgetide");
}

TEST(Config, example_of_every_key_has_every_key) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string text = every_key;
  const KeyTable table(built_in_parts());
  for (const KeyGroup* group : table.groups()) {
    for (const KeySpec& key : group->keys) {
      const std::string name(key.name);
      const bool there =
          text.find('\n' + name + " = ") != std::string::npos || text.find("{ " + name + " = ") != std::string::npos ||
          text.find(", " + name + " = ") != std::string::npos || text.find("[" + name + ']') != std::string::npos ||
          text.find("[" + name + '.') != std::string::npos || text.find("[[sources.plant." + name) != std::string::npos;
      EXPECT_TRUE(there) << group->title << ": " << name;
    }
  }
}

TEST(Config, keys_of_mqtt_sources_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const MqttOptions& mqtt = mqtt_in(options, 0);
  EXPECT_EQ(mqtt.name, "plant");
  EXPECT_EQ(mqtt.servers, (std::vector<std::string>{"mqtts://broker:8884", "mqtt://10.0.0.1:1883"}));
  EXPECT_TRUE(mqtt.allow_plaintext);
  EXPECT_EQ(mqtt.protocol, 3);
  EXPECT_EQ(mqtt.client_id, "plant-7+plant");
  EXPECT_EQ(mqtt.username, "u");
  EXPECT_EQ(mqtt.password, "p");
  EXPECT_EQ(mqtt.tls.ca, "/ca");
  EXPECT_EQ(mqtt.tls.cert, "/cert");
  EXPECT_EQ(mqtt.tls.key, "/key");
  EXPECT_EQ(mqtt.keep_alive, Duration::seconds(5));
  EXPECT_TRUE(mqtt.clean_start);
  EXPECT_EQ(mqtt.session_expiry, Duration::hours(1));
  EXPECT_EQ(mqtt.qos, 0);
  EXPECT_TRUE(mqtt.use_retained);
  ASSERT_EQ(mqtt.routes.size(), 2U);
  EXPECT_EQ(mqtt.routes[1].topic, "n/{device}");
  EXPECT_EQ(mqtt.routes[1].mapping.unit, "°C");
  EXPECT_EQ(mqtt.routes[1].mapping.format, &number_format);
}

TEST(Config, keys_of_a_mapping_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const MappingOptions& json = mqtt_in(options, 0).routes[0].mapping;
  EXPECT_EQ(json.sensor, "{area}/{device}");
  EXPECT_EQ(json.metric, "m");
  EXPECT_EQ(json.time.path, "ts");
  EXPECT_EQ(json.time.format, TimeFormat::unix_ms);
  EXPECT_EQ(json.each, "readings[*]");
  ASSERT_EQ(json.values.size(), 2U);
  EXPECT_EQ(json.values[0].path, "t");
  EXPECT_EQ(json.values[1].metric, "pressure");
  EXPECT_EQ(json.values[1].unit, "kPa");
  EXPECT_EQ(json.values[1].scale, 6.5);
  EXPECT_EQ(json.values[1].offset, -1);
  ASSERT_EQ(json.labels.size(), 1U);
  EXPECT_EQ(json.labels[0].key, "model");
  EXPECT_EQ(json.labels[0].path, "hw.model");
  EXPECT_FALSE(json.coerce_strings);
  ASSERT_EQ(options.sources.size(), 4U);
  const MappingOptions& csv = socket_in(options, 1).route.mapping;
  EXPECT_EQ(csv.sensor_path, "dev");
  EXPECT_EQ(csv.time.path, "ts");
  EXPECT_EQ(csv.columns, (std::vector<std::string>{"dev", "ts", "v"}));
  EXPECT_EQ(csv.delimiter, ';');
  EXPECT_EQ(socket_in(options, 2).route.mapping.time.format, TimeFormat::unix_ns) << "influx's own default";
  EXPECT_EQ(socket_in(options, 3).route.mapping.time.format, TimeFormat::unix_us);
}

TEST(Config, keys_of_sockets_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const SocketOptions& tcp = socket_in(options, 1);
  EXPECT_EQ(tcp.kind, SocketKind::tcp);
  EXPECT_EQ(tcp.listen, "0.0.0.0:8094");
  EXPECT_EQ(tcp.allow, (std::vector<std::string>{"10.20.0.0/16", "fd00::/8"}));
  EXPECT_EQ(tcp.framing, Framing::length_prefix);
  EXPECT_TRUE(tcp.ack);
  EXPECT_EQ(tcp.max_line_bytes, 1024U);
  EXPECT_EQ(tcp.max_connections, 3U);
  EXPECT_EQ(tcp.max_connections_per_peer, 2U);
  EXPECT_EQ(tcp.idle_timeout, Duration::minutes(1));
  EXPECT_EQ(tcp.line_timeout, Duration::seconds(2));
  const SocketOptions& udp = socket_in(options, 2);
  EXPECT_EQ(udp.kind, SocketKind::udp);
  EXPECT_EQ(udp.framing, Framing::whole);
  EXPECT_EQ(udp.max_datagram_bytes, 512U);
  EXPECT_EQ(udp.receive_buffer_bytes, 1'000'000U);
  EXPECT_EQ(socket_in(options, 3).kind, SocketKind::unix_stream);
  EXPECT_EQ(socket_in(options, 3).framing, Framing::newline);
  EXPECT_EQ(socket_in(options, 3).listen, "/run/x.sock");
}

TEST(Config, keys_of_time_are_defaults_that_a_source_overrides) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  ASSERT_EQ(options.pipeline.sources.size(), 4U);
  const TimeOptions& plant = options.pipeline.sources[0].time;
  EXPECT_EQ(plant.max_out_of_orderness, Duration::seconds(30));
  EXPECT_EQ(plant.idle_timeout, Duration::minutes(2));
  EXPECT_EQ(plant.max_future, Duration::seconds(1));
  EXPECT_EQ(plant.oldest, Duration::days(1));
  EXPECT_EQ(plant.on_bad_time, BadTimePolicy::use_arrival);
  const TimeOptions& lines = options.pipeline.sources[1].time;
  EXPECT_EQ(lines.max_out_of_orderness, Duration::seconds(20));
  EXPECT_EQ(lines.idle_timeout, Duration::unlimited());
  EXPECT_EQ(lines.max_future, Duration::unlimited());
  EXPECT_EQ(lines.oldest, Duration::unlimited());
  EXPECT_EQ(lines.on_bad_time, BadTimePolicy::drop);
}

TEST(Config, keys_of_windows_and_sinks_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  EXPECT_EQ(options.id, "plant-7");
  EXPECT_EQ(options.log.level, LogLevel::debug);
  EXPECT_EQ(options.log.target, LogTarget::journal);
  EXPECT_EQ(options.pipeline.max_series, 5U);
  EXPECT_EQ(options.journal.durability, Durability::power);
  EXPECT_EQ(options.journal.sync_interval, Duration::seconds(1));
  EXPECT_EQ(options.journal.max_bytes, 32U * 1024 * 1024);
  EXPECT_EQ(options.journal.when_full, JournalFull::drop_newest);
  EXPECT_EQ(options.clock.wait_after_boot, Duration::minutes(2));
  EXPECT_EQ(options.checkpoint.interval, Duration::minutes(5));
  EXPECT_EQ(options.checkpoint.keep, 3U);
  EXPECT_EQ(options.quarantine.max_bytes, 1024U * 1024);
  const WindowOptions& minute = options.pipeline.windows[0];
  EXPECT_EQ(minute.name, "minute");
  EXPECT_EQ(minute.offset, Duration::seconds(-5));
  EXPECT_EQ(minute.inputs, (std::vector<SourceId>{SourceId{2}, SourceId{0}}));
  EXPECT_EQ(minute.aggregates, (std::vector<Aggregate>{Aggregate::variance, Aggregate::count}));
  EXPECT_EQ(minute.allowed_lateness, Duration::minutes(9));
  EXPECT_EQ(minute.trigger, Duration::milliseconds(100));
  EXPECT_EQ(options.pipeline.windows[1].inputs.size(), 4U) << "all sources";
  ASSERT_EQ(options.sinks.size(), 4U);
  const SinkOptions& pg = options.sinks[0];
  EXPECT_EQ(pg.inputs, std::vector<WindowId>{WindowId{1}});
  EXPECT_EQ(pg.mode, OutputMode::append);
  EXPECT_DOUBLE_EQ(pg.outbox.max_rate, 0.5);
  EXPECT_EQ(options.sinks[1].outbox.max_rate, 0) << "no limit";
  EXPECT_EQ(pg.outbox.max_bytes, 1024U * 1024U);
  EXPECT_EQ(pg.outbox.when_full, WhenFull::block);
  const auto& store = *options_of<PostgresOptions>(*pg.store);
  EXPECT_EQ(store.user, "edge");
  EXPECT_EQ(store.password, "q");
  EXPECT_EQ(store.schema, "s1");
  EXPECT_FALSE(store.create_tables);
  EXPECT_EQ(store.connect_timeout, Duration::seconds(2));
  EXPECT_EQ(store.statement_timeout, Duration::seconds(3));
  EXPECT_EQ(options_of<SqliteOptions>(*options.sinks[1].store)->path, "/srv/edgetide/rows.db");
  EXPECT_EQ(options.sinks[1].inputs.size(), 5U) << "all windows";
  EXPECT_EQ(options_of<StdoutOptions>(*options.sinks[2].store)->encoding, "influx");
}

TEST(Config, all_errors_come_in_one_run_in_the_order_of_the_file) {
  EXPECT_EQ(errors_of("[windows.minute]\nsize = \"60\"\nallowed_latenes = \"10m\"\n"
                      "[sinks.cloud]\ntype = \"stdout\"\ninputs = [\"minutes\"]\n"),
            "edgetide.toml:2:8: error: windows.minute: size is \"60\", a duration needs a unit; write \"60s\"\n"
            "    2 | size = \"60\"\n"
            "      |        ^^^^\n"
            "edgetide.toml:3:1: error: unknown key 'allowed_latenes' in [windows.minute]\n"
            "    3 | allowed_latenes = \"10m\"\n"
            "      | ^^^^^^^^^^^^^^^ did you mean 'allowed_lateness'?\n"
            "edgetide.toml:6:11: error: sinks.cloud: input 'minutes' is not a window\n"
            "    6 | inputs = [\"minutes\"]\n"
            "      |           ^^^^^^^^^ did you mean 'minute'?  (defined in edgetide.toml:1)\n"
            "3 errors. The configuration was not applied.\n");
}

TEST(Config, text_that_is_no_toml_is_one_error_with_its_location) {
  expect_errors({
      {"[\n", "1:2: error: in a TOML key: expected bare key starting character"},
      {"a = 1\nb = \"x\ny\"\n", "2:7: error: in a TOML string: "},
      {"[sources.a]\n[sources.a]\n", "2:1: error: in a TOML table header: cannot redefine existing table 'sources.a'"},
      {"[log]\nlevel = \"info\"\nlevel = \"debug\"\n", "3:9: error: in a TOML key-value pair: cannot redefine"},
      {"x = \n", "1:5: error: in a TOML key-value pair: expected value"},
      {"a\xff = 1\n", "1:1: error: "},
      {std::string("\xef\xbb\xbb\0", 4), " error: this is not a text file: it has a NUL byte"},
      {"\xef\xbb\xbb", "1:1: error: "},
      {std::string(1'100'000, '#'), " error: is larger than 1024 KiB"},
      {std::string(100'000, '['), "1:65: error: nested deeper than 64 levels"},
      {"a = " + std::string(100'000, '['), "1:"},
  });
}

TEST(Config, file_that_cannot_be_read_is_an_error) {
  EXPECT_EQ(errors_of_file("/nowhere/x.toml", "-"),
            "/nowhere/x.toml: error: cannot be opened: No such file or directory\n"
            "1 error. The configuration was not applied.\n");
  EXPECT_NE(errors_of_file("/", "-").find("/: error: is not a regular file"), std::string::npos);
}

TEST(Config, sensor_tables_are_read_and_joined_with_their_sources) {
  if (leaves_parts_out()) GTEST_SKIP();
  const EnrichmentOptions enrichment = loaded(every_key_correct()).options.enrichment;
  ASSERT_EQ(enrichment.tables.size(), 1U);
  const auto by_source = enrichment.tables_by_source();
  ASSERT_GT(by_source.size(), 1U);
  ASSERT_NE(by_source[0], nullptr);
  EXPECT_EQ(by_source[0]->find("boiler")->calibration(10), -1);
  EXPECT_EQ(by_source[1], nullptr);
  expect_errors({
      {"[tables.a]\nfile = \"none.csv\"", "2:8: error: tables.a: "},
      {"[tables.a]", "1:9: error: tables.a: file is missing"},
  });
}

TEST(Config, window_queries_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const PipelineOptions options = loaded(every_key_correct()).options.pipeline;
  EXPECT_EQ(options.new_series_per_minute, 7U);
  EXPECT_EQ(options.max_memory_bytes, 2U << 20);
  EXPECT_EQ(options.default_time.scope, WatermarkScope::source);
  const WindowOptions& quarter = options.windows[2];
  EXPECT_EQ(quarter.kind, WindowKind::sliding);
  EXPECT_EQ(quarter.slide, Duration::days(1));
  ASSERT_NE(quarter.time_zone, nullptr);
  EXPECT_EQ(quarter.match.source, std::vector<std::string>{"p*"});
  EXPECT_EQ(quarter.match.sensor, (std::vector<std::string>{"a*", "b?"}));
  ASSERT_EQ(quarter.match.labels.size(), 1U);
  EXPECT_EQ(quarter.match.labels[0].globs, std::vector<std::string>{"lyon"});
  EXPECT_EQ(quarter.match.max, 2.5);
  EXPECT_TRUE(quarter.cube && quarter.deduplicate);
  ASSERT_TRUE(quarter.top.has_value());
  EXPECT_EQ(quarter.top->by, Aggregate::percentile(99.9));
  EXPECT_EQ(options.windows[3].max_length, Duration::minutes(1));
  const WindowOptions& totals = options.windows[4];
  EXPECT_EQ(totals.kind, WindowKind::running);
  ASSERT_EQ(totals.derived.size(), 1U);
  ASSERT_EQ(totals.derived[0].inputs.size(), 2U);
  EXPECT_EQ(totals.derived[0].inputs[0].metric, "current");
  EXPECT_EQ(totals.derived[0].inputs[0].aggregate, Aggregate::max);
  const double inputs[] = {3, 5};
  EXPECT_EQ(totals.derived[0].formula->evaluate(inputs), 15);
}

std::string typed_window(const std::string& keys) {
  return "[windows.w]\n" + keys + "\n";
}

TEST(Config, window_queries_that_make_no_sense_are_errors_with_their_location) {
  const std::string sliding = "type = \"sliding\"\nsize = \"1m\"\n";
  const std::string averages = "size = \"1m\"\naggregates = [\"count\", \"avg\"]\n";
  expect_errors({
      {typed_window(sliding + "slide = \"2m\""), "4:9: error: windows.w: slide is longer than size"},
      {typed_window(sliding + "slide = \"7ms\""),
       "4:9: error: windows.w: size and slide have a greatest common divisor"},
      {typed_window(sliding), "1:10: error: windows.w: slide is missing"},
      {typed_window("type = \"session\"\ngap = \"5s\"\nmax_length = \"4s\""),
       "4:14: error: windows.w: max_length is shorter than gap"},
      {typed_window("type = \"session\"\ngap = \"5s\"\nsize = \"4s\""),
       "4:1: error: unknown key 'size' in [windows.w]"},
      {window("timezone = \"Europe/Paris\""),
       "3:12: error: windows.w: with a timezone, size and slide have to be whole days"},
      {window("timezone = \"Mars/Base\""), "3:12: error: windows.w: the system knows no time zone"},
      {window("cube = true"), "3:8: error: windows.w: cube needs group_by"},
      {window("group_by = [\"a\", \"b\", \"c\", \"d\", \"e\"]\ncube = true"),
       "4:8: error: windows.w: cube takes at most 4"},
      {window("group_by = [\"a\", \"a\"]"), "3:18: error: windows.w: column 'a' is named twice"},
      {window("group_by = [\"a\"]\nemit_empty = true"), "4:14: error: windows.w: emit_empty needs rows by sensor"},
      {window("top = { n = 1, by = \"p50\" }"), "3:21: error: windows.w.top: by is \"p50\", which is not among"},
      {window("match = { sensor = \"\" }"), "3:20: error: windows.w.match: sensor holds an empty glob"},
      {window("match = { min = 2, max = 1 }"), "3:26: error: windows.w.match: max is less than min"},
      {typed_window("type = \"running\"\ndeduplicate = \"event_time\""),
       "3:15: error: windows.w: a running window never ends"},
      {typed_window(averages + "derived = { p = \"u *\" }"), "4:17: error: windows.w: derived.p: "},
      {typed_window(averages + "derived = { p = \"u * i.max\" }"), "4:17: error: windows.w: 'i.max' needs \"max\""},
      {typed_window(averages + "derived = { p = \"p + u\" }"), "4:17: error: windows.w: 'p' is computed from itself"},
      {typed_window(averages + "derived = { p = \"u = 3\" }"),
       "4:17: error: windows.w: derived.p: a formula assigns nothing"},
      {typed_window(averages + "derived = { p = \"1 + 2\" }"), "4:17: error: windows.w: derived.p: no metric is named"},
  });
}

TEST(Config, unknown_and_future_keys_are_errors) {
  if (leaves_parts_out()) GTEST_SKIP();
  expect_errors({
      {"colour = 1", "1:1: error: unknown key 'colour' at the top level\n"},
      {"[window.minute]",
       "1:2: error: unknown key 'window' at the top level\n    1 | [window.minute]\n      |  ^^^^^^ did you mean "
       "'windows'?"},
      {"[tests]\nname = \"\"", "1:2: error: unknown key 'tests' at the top level"},
      {"[http]\nhosts = [\"a.example:80\"]", "2:10: error: http: hosts: \"a.example:80\" is not the name of a host"},
      {"[metrics]\nlisten = \"9464\"", "2:10: error: metrics: listen needs a numeric address and a port"},
      {"[metrics]\nlisten = \"127.0.0.1:9465\"", "2:10: error: metrics: [http] listens on this address"},
      {"[metrics]\nkey_file = \"/k\"", "2:12: error: metrics: cert_file and key_file belong together"},
      {"[metrics]\ntoken = \"\"", "2:9: error: metrics: token is empty"},
      {"[http]\nlisten = \"localhost:9465\"", "2:10: error: http: listen needs a numeric address and a port"},
      {"[http]\nlisten = \"127.0.0.1\"",
       "2:10: error: http: listen needs a numeric address and a port\n    2 | listen = \"127.0.0.1\"\n      |          "
       "^^^^^^^^^^^ such as \"127.0.0.1:9465\""},
      {"[gateway]\nlabels = { a = \"b\" }", "2:1: error: unknown key 'labels' in [gateway]"},
      {"[time]\nsize = \"1s\"",
       "2:1: error: unknown key 'size' in [time]\n    2 | size = \"1s\"\n      | ^^^^ it is a key of [windows.NAME] "
       "with type = \"tumbling\""},
      {window("type = \"tumblin\""),
       "3:8: error: windows.w: type \"tumblin\" is not one of \"tumbling\", \"sliding\", \"session\", \"running\"\n    "
       "3 | type = \"tumblin\"\n      |        "
       "^^^^^^^^^ did you mean 'tumbling'?"},
      {window("aggregates = [\"cuont\"]"),
       "3:15: error: windows.w: unknown aggregate 'cuont'\n    3 | aggregates = [\"cuont\"]\n      |               "
       "^^^^^^^ did you mean 'count'?"},
      {sink("type = \"stdout\"\npath = \"x\""),
       "5:1: error: unknown key 'path' in [sinks.d]\n    5 | path = \"x\"\n      | ^^^^ it is a key of "
       "[sinks.NAME] with type = \"sqlite\""},
      {sink("type = \"mqtt\"\ntopic = \"x\""), "4:8: error: sinks.d: type \"mqtt\" is not one of"},
      {sink("type = \"postgres\""),
       "4:8: error: sinks.d: type \"postgres\" is not one of \"postgresql\", \"sqlite\", \"file\", \"stdout\"\n    4 | "
       "type = "
       "\"postgres\"\n      |        ^^^^^^^^^^ did you mean 'postgresql'?"},
      {sink("mode = \"append\""), "3:8: error: sinks.d: type is missing"},
      {mqtt_with_routes("topic = \"{device}\", format = \"tasmota\""),
       "5:32: error: sources.m.routes: format \"tasmota\" is not one of"},
      {socket("type = \"udp\"\nlisten = \"127.0.0.1:1\"\nformat = \"influx\"\nack = true"),
       "5:1: error: unknown key 'ack' in [sources.s]"},
      {socket("type = \"udp\"\nlisten = \"127.0.0.1:1\"\nformat = \"influx\"\nframing = \"length_prefix\""),
       "5:11: error: sources.s: framing \"length_prefix\" is not one of \"newline\", \"whole\""},
  });
}

TEST(Config, wrong_types_and_bounds_are_errors) {
  expect_errors({
      {"config_version = 2", "1:18: error: config_version is 2, it must be at most 1"},
      {"include = \"x\"", "1:11: error: include is a string, not a list of strings"},
      {"windows = []", "1:11: error: windows is a list, not a table"},
      {"windows.w = 1", "1:13: error: windows.w is not a table"},
      {"sources.w = 1", "1:13: error: sources.w is not a table"},
      {"sinks.w = 1", "1:11: error: sinks.w is not a table"},
      {"gateway.id = \"a b\"", "1:14: error: gateway: id must be 1 to 64 of"},
      {"gateway.id = 1", "1:14: error: gateway: id is a whole number, not a string in quotes"},
      {"gateway.state_directory = \"x\"", "1:27: error: gateway: state_directory must be an absolute path"},
      {"log.level = \"inf\"",
       "1:13: error: log: level \"inf\" is not one of \"trace\", \"debug\", \"info\", \"warning\", \"error\"\n    1 | "
       "log.level = \"inf\"\n      |             ^^^^^ did you mean 'info'?"},
      {"log.level = 3", "1:13: error: log: level is a whole number, not one of"},
      {"limits.max_series = 0", "1:21: error: limits: max_series is 0, it must be at least 1"},
      {"limits.max_series = 1.5", "1:21: error: limits: max_series is a number, not a whole number"},
      {"limits.max_series = 99999999999",
       "1:21: error: limits: max_series is 99999999999, it must be at most 10000000"},
      {"journal.durability = \"full\"",
       "1:22: error: journal: durability \"full\" is not one of \"none\", \"crash\", \"power\""},
      {"journal.sync_interval = \"1ms\"", "1:25: error: journal: sync_interval is \"1ms\", it must be at least 10ms"},
      {"journal.max_size = \"1MiB\"", "1:20: error: journal: max_size is \"1MiB\", it must be at least 16MiB"},
      {"journal.when_full = \"drop_oldest\"", "1:21: error: journal: when_full \"drop_oldest\" is not one of"},
      {"checkpoint.interval = \"2h\"", "1:23: error: checkpoint: interval is \"2h\", it must be at most 1h"},
      {"checkpoint.keep = 0", "1:19: error: checkpoint: keep is 0, it must be at least 1"},
      {"time.oldest = 60", "1:15: error: time: oldest is 60, a duration needs a unit; write \"60s\""},
      {"time.oldest = \"1.5\"", "1:15: error: time: oldest is \"1.5\", a duration needs a unit; write \"1.5s\""},
      {"time.oldest = \"a while\"",
       "1:15: error: time: oldest is \"a while\", not a duration; write a number and a unit"},
      {"time.oldest = [\"1s\"]", "1:15: error: time: oldest is a list, not a duration"},
      {"time.oldest = \"0s\"", "1:15: error: time: oldest is \"0s\", it must be more than 0"},
      {"time.max_out_of_orderness = \"none\"", "1:29: error: time: max_out_of_orderness is \"none\", not a duration"},
      {"time.max_out_of_orderness = \"-1s\"",
       "1:29: error: time: max_out_of_orderness is \"-1s\", it must be at least 0s"},
      {"[windows.w]\nsize = \"0s\"", "2:8: error: windows.w: size is \"0s\", it must be more than 0"},
      {"[windows.w]", "1:10: error: windows.w: size is missing"},
      {window("trigger = \"99ms\""), "3:11: error: windows.w: trigger is \"99ms\", it must be at least 100ms"},
      {window("offset = \"1m\""), "3:10: error: windows.w: offset must be shorter than size"},
      {window("aggregates = []"), "3:14: error: windows.w: aggregates is empty"},
      {window("aggregates = [\"min\", \"min\"]"), "3:22: error: windows.w: aggregate 'min' is named twice"},
      {window("aggregates = [1]"), "3:15: error: windows.w: aggregates holds a whole number, not a string"},
      {window("inputs = []"), "3:10: error: windows.w: inputs is empty; leave it out to take every source"},
      {window("inputs = [\"x\"]"), "3:11: error: windows.w: input 'x' is not a source"},
      {"[windows.Minute]\nsize = \"1m\"", "1:10: error: windows: the name 'Minute' does not fit [a-z][a-z0-9_]{0,47}"},
      {"[windows.series]\nsize = \"1m\"", "1:10: error: windows: the name 'series' is taken by a table of the stores"},
      {"[windows.m_data]\nsize = \"1m\"", "1:10: error: windows: the name 'm_data' is taken by a table of the stores"},
      {"[windows.a-b]\nsize = \"1m\"", "1:10: error: windows: the name 'a-b' does not fit"},
      {"[windows.\"\"]\nsize = \"1m\"", "1:10: error: windows: the name '' does not fit"},
      {sink("type = \"stdout\"\noutbox = { max_size = 64 }"),
       "5:23: error: sinks.d.outbox: max_size is 64, a size needs a unit, such as \"64MiB\""},
      {sink("type = \"stdout\"\noutbox = { max_size = \"1.5MiB\" }"),
       "5:23: error: sinks.d.outbox: max_size is \"1.5MiB\", not a size; write a whole number"},
      {sink("type = \"stdout\"\noutbox = { max_size = \"0B\" }"),
       "5:23: error: sinks.d.outbox: max_size is \"0B\", it must be at least 64KiB"},
      {sink("type = \"stdout\"\noutbox = { max_size = true }"),
       "5:23: error: sinks.d.outbox: max_size is true or false, not a size"},
      {sink("type = \"stdout\"\noutbox = { when_full = \"drop_newest\" }"),
       "5:24: error: sinks.d.outbox: when_full \"drop_newest\" is not one of"},
  });
}

TEST(Config, mistakes_in_the_rate_and_encoding_of_a_sink_are_errors) {
  expect_errors({
      {sink("type = \"stdout\"\nmax_rate = 50"),
       "5:12: error: sinks.d: max_rate is 50, a rate needs a unit; write \"50/s\""},
      {sink("type = \"stdout\"\nmax_rate = \"2.5\""),
       "5:12: error: sinks.d: max_rate is \"2.5\", a rate needs a unit; write \"2.5/s\""},
      {sink("type = \"stdout\"\nmax_rate = \"50/d\""),
       "5:12: error: sinks.d: max_rate is \"50/d\", not a rate; write a number and a unit (/s, /m, /h)"},
      {sink("type = \"stdout\"\nmax_rate = \"0/s\""),
       "5:12: error: sinks.d: max_rate is \"0/s\", it must be at least 1/h"},
      {sink("type = \"stdout\"\nmax_rate = \"2000000/s\""),
       "5:12: error: sinks.d: max_rate is \"2000000/s\", it must be at most 1000000/s"},
      {sink("type = \"stdout\"\nmax_rate = true"), "5:12: error: sinks.d: max_rate is true or false, not a rate"},
      {sink("type = \"stdout\"\nencoding = \"line\""),
       "5:12: error: sinks.d: encoding \"line\" is not one of \"json\", \"csv\", \"influx\""},
  });
}

TEST(Config, mistakes_in_mqtt_sources_are_errors) {
  expect_errors({
      {mqtt(route), "1:10: error: sources.m: servers is missing"},
      {mqtt(route + "\nservers = []"), "4:11: error: sources.m: servers is empty"},
      {mqtt(route + "\nservers = [\"tcp://localhost\"]"),
       "4:12: error: sources.m: \"tcp://localhost\" is not the address of an MQTT server\n    4 | servers = "
       "[\"tcp://localhost\"]\n      |            ^^^^^^^^^^^^^^^^^ write mqtt://localhost"},
      {mqtt(route + "\nservers = [\"mqtt://broker\"]"),
       "4:12: error: sources.m: \"mqtt://broker\" would send everything readable over the network\n    4 | servers = "
       "[\"mqtt://broker\"]\n      |            ^^^^^^^^^^^^^^^ use mqtts://, or set allow_plaintext = true"},
      {mqtt("servers = [\"mqtt://localhost\"]"), "1:10: error: sources.m: routes is missing"},
      {mqtt("servers = [\"mqtt://localhost\"]\nroutes = []"), "4:10: error: sources.m: routes is empty"},
      {mqtt("servers = [\"mqtt://localhost\"]\nroutes = [1]"),
       "4:11: error: sources.m: routes holds a whole number, not a table"},
      {mqtt_with_route("qos = 3"), "5:7: error: sources.m: qos is 3, it must be at most 2"},
      {mqtt_with_route("qos = 2\nprotocol = \"3.1.1\""), "5:7: error: sources.m: qos = 2 with protocol 3.1.1 loses"},
      {mqtt_with_route("protocol = 5"),
       "5:12: error: sources.m: protocol is a whole number, not one of \"5\", \"3.1.1\""},
      {mqtt_with_route("client_id = \"{device}\""), "5:13: error: sources.m: client_id has a placeholder other than"},
      {mqtt_with_route("client_id = \"\""), "5:13: error: sources.m: client_id must be"},
      {mqtt_with_route("keep_alive = \"0s\""), "5:14: error: sources.m: keep_alive is \"0s\", it must be at least 1s"},
      {mqtt_with_route("tls = { cert = \"/c\" }"), "5:7: error: sources.m: tls: cert and key come together"},
      {mqtt_with_route("protocol = \"3.1.1\"\npassword = \"x\""),
       "6:12: error: sources.m: MQTT 3.1.1 allows a password only with a username"},
      {mqtt_with_routes("format = \"number\""), "5:1: error: sources.m.routes: topic is missing"},
      {mqtt_with_routes("topic = \"{device}\""), "5:1: error: sources.m.routes: format is missing"},
      {mqtt_with_route(
           "[sources.n]\ntype = \"mqtt\"\nclient_id = \"edgetide-{gateway}-{machine}-m\"\nservers = [\"mqtt://x\", "
           "\"mqtt://localhost:1883\"]\nallow_plaintext = true\n" +
           route),
       "7:13: error: sources.n: has the server and the client_id of sources.m"},
  });
}

TEST(Config, objections_of_patterns_and_decoders_are_placed_at_their_key) {
  expect_errors({
      {mqtt_with_routes("topic = \"a/#/b\", format = \"json\", sensor = \"x\""),
       "5:11: error: sources.m.routes: topic 'a/#/b': '#' must be the last level"},
      {mqtt_with_routes("topic = \"a/b\", format = \"json\", sensor = \"{area}\""),
       "5:44: error: sources.m.routes: sensor: '{area}' is not captured by the topic"},
      {mqtt_with_routes("topic = \"a/b\", format = \"number\""), "5:"},
      {mqtt_with_routes("topic = \"{device}\", format = \"number\", each = \"x\""),
       "5:49: error: sources.m.routes: each: not used by format 'number'"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", delimiter = \";\""),
       "5:52: error: sources.m.routes: delimiter: not used by format 'json'"},
      {mqtt_with_routes("topic = \"{device}\", format = \"csv\", delimiter = \";;\""),
       "5:51: error: sources.m.routes: delimiter is not one (ASCII) character"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", values = [{ path = \"t\", scale = 0 }]"),
       "5:49: error: sources.m.routes: values: 't': scale must be"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", values = [{ metric = \"t\", path = 1 }]"),
       "5:73: error: sources.m.routes.values: path is a whole number"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", values = []"),
       "5:49: error: sources.m.routes: values is empty"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", values = [1]"),
       "5:50: error: sources.m.routes: values holds 1, not a path or a table"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", labels = { a = 1 }"),
       "5:55: error: sources.m.routes: label a is 1, not a path in quotes"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", time = { format = \"unix_s\" }"),
       "5:58: error: sources.m.routes.time: format \"unix_s\" is not one of"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", sensor = { pth = \"x\", path = \"y\" }"),
       "5:51: error: unknown key 'pth' in [sources.m.routes.sensor]"},
  });
}

TEST(Config, mistakes_in_sockets_are_errors) {
  const std::string influx = "format = \"influx\"\n";
  expect_errors({
      {socket("listen = \"127.0.0.1:1\"\nformat = \"influx\""), "1:10: error: sources.s: type is missing"},
      {socket("type = \"tpc\""),
       "2:8: error: sources.s: type \"tpc\" is not one of \"mqtt\", \"tcp\", \"udp\", \"unix\"\n    2 | type = "
       "\"tpc\"\n      |        ^^^^^ did you mean 'tcp'?"},
      {socket("type = \"tcp\"\n" + influx), "1:10: error: sources.s: listen is missing"},
      {socket("type = \"tcp\"\nlisten = \"localhost:1\"\n" + influx),
       "3:10: error: sources.s: listen needs a numeric address and a port"},
      {socket("type = \"tcp\"\nlisten = \"0.0.0.0:1\"\n" + influx),
       "3:10: error: sources.s: listen is open to the network; say in allow who may send"},
      {socket("type = \"udp\"\nlisten = \"0.0.0.0:1\"\nallow = []\n" + influx),
       "4:9: error: sources.s: allow is empty"},
      {socket("type = \"udp\"\nlisten = \"0.0.0.0:1\"\nallow = [\"10.0.0.0/99\"]\n" + influx),
       "4:10: error: sources.s: allow: \"10.0.0.0/99\" is not a network"},
      {socket("type = \"tcp\"\nlisten = \"127.0.0.1:1\"\nformat = \"csv\"\nsensor = \"x\"\n"),
       "4:10: error: sources.s: csv from a socket needs columns"},
      {socket("type = \"unix\"\nlisten = \"x.sock\"\n" + influx),
       "3:10: error: sources.s: listen must be an absolute path of at most 107 bytes"},
      {socket("type = \"unix\"\nlisten = \"/" + std::string(107, 'x') + "\"\n" + influx),
       "3:10: error: sources.s: listen must be an absolute path"},
      {socket("type = \"unix\"\nlisten = \"/x\"\nallow = []\n" + influx),
       "4:1: error: unknown key 'allow' in [sources.s]"},
      {socket("type = \"unix\"\nlisten = \"/x\"\nmax_line = \"1MiB\"\n" + influx),
       "4:12: error: sources.s: max_line is \"1MiB\", it must be at most 256KiB"},
      {socket("type = \"unix\"\nlisten = \"/x\"\n" + influx + "[sources.t]\ntype = \"unix\"\nlisten = \"/x\"\n" +
              influx),
       "7:10: error: sources.t: has the address of sources.s"},
  });
}

TEST(Config, mistakes_in_sinks_are_errors) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string postgres = "type = \"postgresql\"\n";
  expect_errors({
      {"[sinks.d]\ntype = \"stdout\"", "1:8: error: sinks.d: there is no window whose rows it could take"},
      {sink(postgres + "connection = \"sensors\""),
       "5:14: error: sinks.d: connection is neither keywords (host=db dbname=plant) nor a URI"},
      {sink(postgres + "connection = \"user=a\"\nuser = \"b\""),
       "6:8: error: sinks.d: user is not the user of connection"},
      {sink(postgres + "schema = \"a.b\""), "5:10: error: sinks.d: schema does not fit"},
      {sink(postgres + "user = \"\""), "5:8: error: sinks.d: user is empty"},
      {sink("type = \"sqlite\"\npath = \"\""), "5:8: error: sinks.d: path is empty"},
      {sink("type = \"sqlite\"\n[sinks.e]\ntype = \"sqlite\"\npath = \"./edgetide.db\""),
       "5:8: error: sinks.e: has the file of sinks.d"},
      {sink("type = \"stdout\"\ninputs = [\"w\", \"w\"]"), "5:16: error: sinks.d: input 'w' is named twice"},
  });
}

TEST(Config, windows_are_limited) {
  std::string text;
  for (std::size_t i = 0; i <= max_windows; ++i) text += "[windows.w" + std::to_string(i) + "]\nsize = \"1m\"\n";
  expect_errors({{text, "129:10: error: windows: there are 65, at most 64 are possible"}});
}

TEST(Config, doubtful_settings_are_warned_of_at_their_place) {
  struct Case {
    std::string text;
    std::string warning;
  };
  for (const Case& c : {
           Case{window("allowed_lateness = \"11m\""),
                ":3:20: warning: windows.w: allowed_lateness is more than 10 times size"},
           Case{mqtt_with_route("clean_start = true"), ":5:15: warning: sources.m: clean_start = true loses"},
           Case{mqtt_with_route("qos = 0"), ":5:7: warning: sources.m: qos = 0 loses readings"},
           Case{mqtt_with_route("qos = 2"), ":5:7: warning: sources.m: qos = 2 costs"},
           Case{mqtt_with_route("retained = \"use\""), ":5:12: warning: sources.m: retained = \"use\" takes"},
           Case{mqtt_with_route("tls = { ca = \"/x\" }"), ":5:7: warning: sources.m: tls is not used"},
           Case{"[metrics]\nlisten = \"0.0.0.0:9464\"",
                ":2:10: warning: metrics: everyone who can reach this address can read the metrics"},
           Case{"[metrics]\nlisten = \"0.0.0.0:9464\"\ncert_file = \"/c\"\nkey_file = \"/k\"",
                ":2:10: warning: metrics: everyone who can reach"},
           Case{"[metrics]\nlisten = \"[::]:9464\"\ntoken = \"${env:T:-x}\"",
                ":2:10: warning: metrics: the token goes over the network as plain text"},
           Case{"[metrics]\nlisten = \"0.0.0.0:9464\"\ntoken = \"${env:T:-x}\"\ncert_file = \"/c\"\nkey_file = \"/k\"",
                ""},
           Case{"[metrics]\nlisten = \"127.0.0.1:9464\"", ""},
           Case{socket("type = \"unix\"\nlisten = \"/x\"\nformat = \"influx\""),
                ":1:10: warning: sources.s: no window takes its readings"},
           Case{sink("type = \"stdout\"\n[windows.v]\nsize = \"1m\"\n[sinks.e]\ntype = \"stdout\"\ninputs = "
                     "[\"v\"]\n[sources.s]\ntype = \"unix\"\nlisten = \"/x\"\nformat = \"influx\""),
                ""},
           Case{
               "[windows.w]\nsize = \"1m\"\n[windows.v]\nsize = \"1m\"\n[sinks.d]\ntype = \"stdout\"\ninputs = [\"w\"]",
               ":3:10: warning: windows.v: no sink takes its rows"},
       }) {
    const std::string warnings = warnings_of(c.text);
    if (c.warning.empty()) {
      EXPECT_EQ(warnings, "") << c.text;
    } else {
      EXPECT_NE(warnings.find(c.warning), std::string::npos) << c.text << '\n' << warnings;
    }
  }
}

// It does not matter here whether the file loads, only that nothing crashes and every error has a message.
void expect_answer(const TemporaryFolder& folder, const std::string& text) {
  try {
    load_configuration(folder.write("edgetide.toml", text), LoadOptions{false});
  } catch (const ConfigErrors& errors) {
    EXPECT_FALSE(errors.messages().empty()) << text;
  }
}

TEST(Config, every_prefix_of_a_file_is_answered) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string text = every_key_correct();
  const TemporaryFolder folder;
  for (std::size_t length = 0; length <= text.size(); ++length) expect_answer(folder, text.substr(0, length));
}

TEST(Config, every_file_with_a_byte_changed_is_answered) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string text = every_key_correct();
  const TemporaryFolder folder;
  std::uint32_t random = 12'345;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    random = random * 1'664'525 + 1'013'904'223;
    std::string changed = text;
    changed[at] = static_cast<char>(random >> 24);
    expect_answer(folder, changed);
  }
}

}  // namespace edgetide
