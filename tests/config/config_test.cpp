#include "config/config.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <stdexcept>

#include "config/key_table.h"
#include "config/parts.h"
#include "daemon/decoders/number_decoder.h"
#include "daemon/service/machine_id.h"
#include "daemon/sources/http_source.h"
#include "daemon/sources/kafka_options.h"
#include "daemon/sources/mqtt_source.h"
#include "daemon/sources/socket_source.h"
#include "pipeline/grid.h"
#include "pipeline/time_text.h"
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

// The one of this name in a list; the test fails without it.
template <class List>
const auto& named(const List& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
  if (found == list.end()) throw std::out_of_range("nothing is named " + std::string(name));
  return *found;
}
template <class Id, class List>
Id id_of(const List& list, std::string_view name) {
  return Id{static_cast<std::uint32_t>(&named(list, name) - list.data())};
}

const MqttOptions& mqtt_in(const GatewayOptions& options, std::string_view source) {
  return *options_of<MqttOptions>(*named(options.sources, source).source);
}
const SocketOptions& socket_in(const GatewayOptions& options, std::string_view source) {
  return *options_of<SocketOptions>(*named(options.sources, source).source);
}

// What the message about a wrong `type` lists: "one of "tcp", "udp"".
template <class AnyPart>
std::string one_of(const PartList<AnyPart>& parts) {
  std::string words;
  for (const std::string_view name : parts.names()) words += (words.empty() ? "\"" : ", \"") + std::string(name) + '"';
  return "one of " + words;
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
  const MqttOptions& mqtt = mqtt_in(options, "home");
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
  EXPECT_EQ(socket_in(options, "local").listen, "/run/edgetide/readings.sock");
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
  const std::string text = every_key_text();
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
  const MqttOptions& mqtt = mqtt_in(options, "plant");
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
  EXPECT_EQ(mqtt.tls.alpn, "x-amzn-mqtt-ca");
  EXPECT_EQ(mqtt.share, "gateways");
  EXPECT_EQ(mqtt.status_topic, "edgetide/plant-7/status");
  EXPECT_EQ(mqtt.keep_alive, Duration::seconds(5));
  EXPECT_TRUE(mqtt.clean_start);
  EXPECT_EQ(mqtt.session_expiry, Duration::hours(1));
  EXPECT_EQ(mqtt.qos, 0);
  EXPECT_TRUE(mqtt.use_retained);
  ASSERT_GE(mqtt.routes.size(), 4U);
  EXPECT_EQ(mqtt.routes[3].topic, "n/{device}");
  EXPECT_EQ(mqtt.routes[3].mapping.unit, "°C");
  EXPECT_EQ(mqtt.routes[3].mapping.format, &number_format);
}

TEST(Config, keys_of_a_mapping_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const MappingOptions& json = mqtt_in(options, "plant").routes[0].mapping;
  EXPECT_EQ(json.sensor, "{area}/{device}");
  EXPECT_EQ(json.metric, "m");
  EXPECT_EQ(json.time.path, "ts");
  EXPECT_EQ(json.time.format, TimeFormat::unix_ms);
  EXPECT_EQ(json.each, std::vector<std::string>{"readings[*]"});
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
  EXPECT_EQ(json.states, (std::vector<State>{{"heating", 2}, {"closed", 1.5}}));
  ASSERT_NE(json.time_zone, nullptr);
  EXPECT_EQ(json.time_zone->name(), "Europe/Paris");
  const MappingOptions& csv = socket_in(options, "lines").route.mapping;
  EXPECT_EQ(csv.sensor_path, "dev");
  EXPECT_EQ(csv.time.path, "ts");
  EXPECT_EQ(csv.columns, (std::vector<std::string>{"dev", "ts", "v"}));
  EXPECT_EQ(csv.delimiter, ';');
  EXPECT_EQ(socket_in(options, "grams").route.mapping.time.format, TimeFormat::unix_ns) << "influx's own default";
  EXPECT_EQ(socket_in(options, "local").route.mapping.time.format, TimeFormat::unix_us);
}

TEST(Config, limit_of_ids_holds_for_every_route_without_its_own) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(R"(
[limits]
max_id_bytes = 300
[sources.plant]
type = "mqtt"
servers = ["mqtt://localhost"]
routes = [{ topic = "a/{device}", format = "json" }, { topic = "b/{device}", format = "json", max_id_bytes = 64 }]
[sources.lines]
type = "udp"
listen = "127.0.0.1:8094"
format = "influx"
[sources.push]
type = "http"
influx = true
routes = [{ path = "/a/{device}", format = "json" }]
[sources.files]
type = "spool"
folder = "/drop"
format = "influx"
[sources.bus]
type = "kafka"
servers = ["localhost:9092"]
subscribe = ["a"]
routes = [{ topic = "a", format = "influx" }]
[windows.w]
size = "1m"
)")
                                     .options;
  std::vector<std::size_t> limits;
  for (const auto& source : options.sources) {
    for (const RouteOptions& route : source.source->routes()) limits.push_back(route.mapping.max_id_bytes);
  }
  EXPECT_EQ(limits, (std::vector<std::size_t>{300, 64, 300, 300, 300, 300, 300, 300}));
  EXPECT_NE(errors_of("[limits]\nmax_id_bytes = 513\n").find("max_id_bytes"), std::string::npos);
}

TEST(Config, keys_of_sockets_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const SocketOptions& tcp = socket_in(options, "lines");
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
  const SocketOptions& udp = socket_in(options, "grams");
  EXPECT_EQ(udp.kind, SocketKind::udp);
  EXPECT_EQ(udp.framing, Framing::whole);
  EXPECT_EQ(udp.max_datagram_bytes, 512U);
  EXPECT_EQ(udp.receive_buffer_bytes, 1'000'000U);
  EXPECT_EQ(socket_in(options, "local").kind, SocketKind::unix_stream);
  EXPECT_EQ(socket_in(options, "local").framing, Framing::newline);
  EXPECT_EQ(socket_in(options, "local").listen, "/run/x.sock");
}

TEST(Config, keys_of_http_sources_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const HttpSourceOptions& http = *options_of<HttpSourceOptions>(*named(options.sources, "pushed").source);
  EXPECT_EQ(http.listen, "0.0.0.0:8187");
  EXPECT_EQ(http.allow, (std::vector<std::string>{"10.30.0.0/16"}));
  EXPECT_TRUE(http.allow_plaintext);
  EXPECT_EQ(http.cert_file, "/pushed.crt");
  EXPECT_EQ(http.key_file, "/pushed.key");
  EXPECT_EQ(http.token, "pushed");
  EXPECT_TRUE(http.influx);
  EXPECT_EQ(http.max_body_bytes, 2U * 1024 * 1024);
  EXPECT_EQ(http.max_requests, 17U);
  EXPECT_EQ(http.max_connections, 5U);
  EXPECT_EQ(http.max_connections_per_peer, 4U);
  EXPECT_EQ(http.request_timeout, Duration::seconds(31));
  ASSERT_EQ(http.routes.size(), 1U);
  EXPECT_EQ(http.routes[0].topic, "/ingest/{device}");
}

TEST(Config, mistakes_of_http_sources_are_reported) {
  if (leaves_parts_out()) GTEST_SKIP();
  const auto http = [](const std::string& keys) {
    return "[sources.s]\ntype = \"http\"\n" + keys + "\n[windows.w]\nsize = \"1m\"\n";
  };
  const auto with_route = [&](const std::string& mapping) { return http("routes = [{ " + mapping + " }]"); };
  const std::vector<BadCase> cases = {
      {http(""), "needs routes, or influx = true"},
      {http("routes = []"), "needs routes, or influx = true"},
      {with_route("path = \"ingest\", format = \"json\""), "does not begin with a slash"},
      {with_route("path = \"/a/#/b\", format = \"json\""), "path '/a/#/b': '#' must be the last level"},
      {with_route("topic = \"/a\", format = \"json\""), "unknown key 'topic'"},
      {with_route("path = \"/a/{b}\", format = \"json\", sensor = \"{c}\""), "{c}"},
      {http("influx = true\nlisten = \"0.0.0.0:1\""), "say who may send, with token or allow"},
      {http("influx = true\nlisten = \"0.0.0.0:1\"\ntoken = \"t\""), "set cert_file and key_file"},
      {http("influx = true\nlisten = \"0.0.0.0:1\"\ntoken = \"t\"\nallow_plaintext = true"), "needs allow"},
      {http("influx = true\nlisten = \"localhost:1\""), "numeric address and a port"},
      {http("influx = true\nallow = []"), "no peer could send"},
      {http("influx = true\nallow = [\"x\"]"), "is not a network"},
      {http("influx = true\ntoken = \"\""), "everyone could send"},
      {http("influx = true\ncert_file = \"/c\""), "cert_file and key_file belong together"},
      {http("influx = true\nroutes = [{ path = \"/write\", format = \"json\" }]"), "takes line protocol"},
      {http("influx = true\nroutes = [{ path = \"/ping\", format = \"json\" }]"), "is answered as InfluxDB does"},
      {http("influx = true") + "[sources.t]\ntype = \"http\"\ninflux = true\n", "has the address of sources.s"},
  };
  for (const BadCase& bad : cases) {
    const std::string errors = errors_of(bad.text);
    EXPECT_NE(errors.find(bad.message), std::string::npos) << "expected: " << bad.message << "\nfound:\n" << errors;
  }
  EXPECT_EQ(errors_of(http("influx = true")), "");
  EXPECT_EQ(errors_of(http("influx = true\nroutes = [{ path = \"/write\", format = \"influx\" }]")), "");
}

TEST(Config, keys_of_kafka_sources_reach_the_options) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const KafkaOptions& kafka = *options_of<KafkaOptions>(*named(options.sources, "stream").source);
  EXPECT_EQ(kafka.name, "stream");
  EXPECT_EQ(kafka.servers, (std::vector<std::string>{"kafka.example:9093"}));
  EXPECT_EQ(kafka.topics, (std::vector<std::string>{"readings", "more.readings"}));
  EXPECT_EQ(kafka.start, kafka_latest);
  EXPECT_FALSE(kafka.fail_on_data_loss);
  EXPECT_EQ(kafka.group_id, "gateways");
  EXPECT_EQ(kafka.client_id, "plant-7-stream");
  EXPECT_EQ(kafka.session_timeout, Duration::seconds(10));
  EXPECT_EQ(kafka.username, "reader");
  EXPECT_EQ(kafka.password, "word");
  EXPECT_EQ(kafka.mechanism, SaslMechanism::scram_sha_512);
  EXPECT_TRUE(kafka.tls);
  EXPECT_EQ(kafka.ca, "/kafka/ca");
  EXPECT_EQ(kafka.cert, "/kafka/cert");
  EXPECT_EQ(kafka.key, "/kafka/key");
  EXPECT_EQ(kafka.max_message_bytes, 1024U * 1024);
  EXPECT_EQ(kafka.max_queued_bytes, 2U * 1024 * 1024);
  ASSERT_EQ(kafka.routes.size(), 1U);
  EXPECT_EQ(kafka.routes[0].topic, "plant/{device}");
  const KafkaOptions& matching = *options_of<KafkaOptions>(*named(options.sources, "matching").source);
  EXPECT_EQ(matching.topic_pattern, "plant\\..*");
  EXPECT_TRUE(matching.allow_plaintext);
  EXPECT_EQ(matching.group_id, "edgetide-plant-7-matching");
  EXPECT_EQ(matching.start, kafka_earliest);
  EXPECT_TRUE(matching.fail_on_data_loss);
  EXPECT_EQ(matching.routes[0].topic, "#");
  const KafkaOptions& given = *options_of<KafkaOptions>(*named(options.sources, "given").source);
  EXPECT_EQ(given.partitions, (std::vector<KafkaOffset>{{{"readings", 0}, no_kafka_offset}, {{"readings", 1}, 1500}}));
}

TEST(Config, mistakes_of_kafka_sources_are_reported) {
  if (leaves_parts_out()) GTEST_SKIP();
  const auto kafka = [](const std::string& keys, const std::string& route = "sensor = \"a\"") {
    return "[sources.s]\ntype = \"kafka\"\n" + keys + "\nroutes = [{ format = \"json\", " + route +
           " }]\n[windows.w]\nsize = \"1m\"\n";
  };
  const std::string local = "servers = [\"localhost:9092\"]\n", one = local + "subscribe = [\"t\"]\n";
  const std::vector<BadCase> cases = {
      {kafka("subscribe = [\"t\"]"), "servers is missing"},
      {kafka("servers = []\nsubscribe = [\"t\"]"), "servers is empty"},
      {kafka("servers = [\"kafka\"]\nsubscribe = [\"t\"]"), "\"kafka\" is not the address of a broker"},
      {kafka("servers = [\"kafka:0\"]\nsubscribe = [\"t\"]"), "is not the address of a broker"},
      {kafka("servers = [\"kafka://k:9092\"]\nsubscribe = [\"t\"]"), "is not the address of a broker"},
      {kafka("servers = [\"a:1,b:2\"]\nsubscribe = [\"t\"]"), "is not the address of a broker"},
      {kafka("servers = [\"kafka:9092\"]\nsubscribe = [\"t\"]"), "would send everything readable"},
      {kafka(local), "needs one of subscribe, subscribe_pattern and assign"},
      {kafka(one + "assign = [\"t:0\"]"), "needs one of subscribe, subscribe_pattern and assign"},
      {kafka(local + "subscribe = []"), "subscribe is empty"},
      {kafka(local + "assign = []"), "assign is empty"},
      {kafka(local + "subscribe = [\"a b\"]"), "\"a b\" is not the name of a topic"},
      {kafka(local + "subscribe = [\"..\"]"), "is not the name of a topic"},
      {kafka(local + "subscribe_pattern = \"a(\""), "is not an extended regular expression"},
      {kafka(local + "subscribe_pattern = \"\""), "is not an extended regular expression"},
      {kafka(local + "assign = [\"t\"]"), "\"t\" is not a partition"},
      {kafka(local + "assign = [\"t:0@-1\"]"), "is not a partition"},
      {kafka(local + "assign = [\"t:0\", \"t:0@5\"]"), "is there twice"},
      {kafka(one + "start = \"newest\""), "start"},
      {kafka(one + "group_id = \"a b\""), "group_id must be"},
      {kafka(one + "group_id = \"{other}\""), "group_id must be"},
      {kafka(one + "client_id = \"{other}\""), "client_id has a placeholder"},
      {kafka(one + "session_timeout = \"1s\""), "session_timeout"},
      {kafka(one + "username = \"u\""), "username and password belong together"},
      {kafka(one + "password = \"p\""), "username and password belong together"},
      {kafka(one + "tls = { cert = \"/c\" }"), "cert and key come together"},
      {kafka(one, "topic = \"a.#.b\", sensor = \"a\""), "'#' must be the last level"},
      {"[sources.s]\ntype = \"kafka\"\n" + one, "needs routes"},
      {kafka(one + "client_id = \"a\"\ngroup_id = \"g\"") + "[sources.t]\ntype = \"kafka\"\n" + one +
           "client_id = \"a\"\ngroup_id = \"g\"\nroutes = [{ format = \"json\", sensor = \"a\" }]\n",
       "has the group_id and the client_id of sources.s"},
  };
  for (const BadCase& bad : cases) {
    const std::string errors = errors_of(bad.text);
    EXPECT_NE(errors.find(bad.message), std::string::npos) << "expected: " << bad.message << "\nfound:\n" << errors;
  }
  EXPECT_EQ(errors_of(kafka(one)), "");
  EXPECT_EQ(errors_of(kafka("servers = [\"k:9093\", \"[2001:db8::1]:9093\"]\ntls = {}\nassign = [\"t:0\"]")), "");
  EXPECT_EQ(errors_of(kafka("servers = [\"k:9092\"]\nallow_plaintext = true\nsubscribe_pattern = \"a|b\"")), "");
}

TEST(Config, telegrams_are_whole_messages_of_every_kind_of_socket) {
  const std::string udp = socket("type = \"udp\"\nlisten = \"127.0.0.1:1\"\nformat = \"dsmr\"");
  EXPECT_EQ(socket_in(loaded(udp).options, "s").framing, Framing::whole);
  const std::string tcp = socket("type = \"tcp\"\nlisten = \"127.0.0.1:1\"\nformat = \"dsmr\"");
  EXPECT_EQ(socket_in(loaded(tcp).options, "s").framing, Framing::telegram);
  const std::string prefixed =
      socket("type = \"unix\"\nlisten = \"/x\"\nformat = \"dsmr\"\nframing = \"length_prefix\"");
  EXPECT_EQ(socket_in(loaded(prefixed).options, "s").framing, Framing::length_prefix);
}

TEST(Config, keys_of_time_are_defaults_that_a_source_overrides) {
  if (leaves_parts_out()) GTEST_SKIP();
  const GatewayOptions options = loaded(every_key_correct()).options;
  const TimeOptions& plant = named(options.pipeline.sources, "plant").time;
  EXPECT_EQ(plant.max_out_of_orderness, Duration::seconds(30));
  EXPECT_EQ(plant.idle_timeout, Duration::minutes(2));
  EXPECT_EQ(plant.max_future, Duration::seconds(1));
  EXPECT_EQ(plant.oldest, Duration::days(1));
  EXPECT_EQ(plant.on_bad_time, BadTimePolicy::use_arrival);
  const TimeOptions& lines = named(options.pipeline.sources, "lines").time;
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
  const WindowOptions& minute = named(options.pipeline.windows, "minute");
  EXPECT_EQ(minute.name, "minute");
  EXPECT_EQ(minute.offset, Duration::seconds(-5));
  EXPECT_EQ(minute.inputs, (std::vector<SourceId>{id_of<SourceId>(options.sources, "grams"),
                                                  id_of<SourceId>(options.sources, "plant")}));
  EXPECT_EQ(minute.aggregates, (std::vector<Aggregate>{Aggregate::variance, Aggregate::count}));
  EXPECT_EQ(minute.allowed_lateness, Duration::minutes(9));
  EXPECT_EQ(minute.trigger, Duration::milliseconds(100));
  const WindowOptions& hour = named(options.pipeline.windows, "hour");
  EXPECT_EQ(hour.inputs.size(), options.sources.size()) << "all sources";
  EXPECT_EQ(hour.fill, Fill::last);
  EXPECT_EQ(hour.hold, Duration::hours(2));
  EXPECT_EQ(hour.reset_below, 0.9);
  EXPECT_EQ(minute.hold, Duration::unlimited());
  const SinkOptions& pg = named(options.sinks, "pg");
  EXPECT_EQ(pg.inputs, std::vector<WindowId>{id_of<WindowId>(options.pipeline.windows, "hour")});
  EXPECT_EQ(pg.mode, OutputMode::append);
  EXPECT_EQ(pg.parts, RowParts::mergeable);
  EXPECT_EQ(hour.merge_only, 2U) << "sum and m2";
  EXPECT_EQ(minute.merge_only, 0U);
  EXPECT_DOUBLE_EQ(pg.outbox.max_rate, 0.5);
  EXPECT_EQ(pg.outbox.max_lag, Duration::minutes(2));
  EXPECT_EQ(pg.outbox.redeliver, Duration::minutes(7));
  EXPECT_EQ(pg.outbox.redeliver_max_bytes, 3U * 1024U * 1024U);
  const SinkOptions& file = named(options.sinks, "file");
  EXPECT_EQ(file.outbox.max_rate, 0) << "no limit";
  EXPECT_EQ(pg.outbox.max_bytes, 1024U * 1024U);
  EXPECT_EQ(pg.outbox.when_full, WhenFull::block);
  const auto& store = *options_of<PostgresOptions>(*pg.store);
  EXPECT_EQ(store.user, "edge");
  EXPECT_EQ(store.password, "q");
  EXPECT_EQ(store.schema, "s1");
  EXPECT_FALSE(store.create_tables);
  EXPECT_EQ(store.connect_timeout, Duration::seconds(2));
  EXPECT_EQ(store.statement_timeout, Duration::seconds(3));
  EXPECT_EQ(options_of<SqliteOptions>(*file.store)->path, "/srv/edgetide/rows.db");
  EXPECT_EQ(file.inputs.size(), options.pipeline.windows.size()) << "all windows";
  EXPECT_EQ(options_of<StdoutOptions>(*named(options.sinks, "out").store)->encoding, "influx");
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

TEST(Config, text_that_is_not_toml_is_one_error_with_its_location) {
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
  const WindowOptions& quarter = named(options.windows, "quarter");
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
  EXPECT_EQ(named(options.windows, "visits").max_length, Duration::minutes(1));
  const WindowOptions& totals = named(options.windows, "totals");
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
      {window("fill = \"last\""), "3:8: error: windows.w: fill needs emit_empty = true"},
      {window("emit_empty = true\nfill = \"linear\""), "4:8: error: windows.w: fill \"linear\" is not one of"},
      {window("reset_below = 50"), "3:15: error: windows.w: reset_below is not from 0 to 1"},
      {window("hold = \"0s\""), "3:8: error: windows.w: hold"},
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
      {typed_window(averages + "derived = { p = \"1 + 2\" }"), "4:17: error: windows.w: derived.p: it names no value"},
  });
}

TEST(Config, unknown_and_future_keys_are_errors) {
  if (leaves_parts_out()) GTEST_SKIP();
  expect_errors({
      {"colour = 1", "1:1: error: unknown key 'colour' at the top level\n"},
      {"[window.minute]",
       "1:2: error: unknown key 'window' at the top level\n    1 | [window.minute]\n      |  ^^^^^^ did you mean "
       "'windows'?"},
      {"[trials]\nname = \"\"", "1:2: error: unknown key 'trials' at the top level"},
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
      {window("type = \"tumblin\""), "3:8: error: windows.w: type \"tumblin\" is not " +
                                         one_of(built_in_parts().windows) +
                                         "\n    3 | type = \"tumblin\"\n      |        "
                                         "^^^^^^^^^ did you mean 'tumbling'?"},
      {window("aggregates = [\"cuont\"]"),
       "3:15: error: windows.w: unknown aggregate 'cuont'\n    3 | aggregates = [\"cuont\"]\n      |               "
       "^^^^^^^ did you mean 'count'?"},
      {sink("type = \"stdout\"\npath = \"x\""),
       "5:1: error: unknown key 'path' in [sinks.d]\n    5 | path = \"x\"\n      | ^^^^ it is a key of "
       "[sinks.NAME] with type = \"sqlite\""},
      {sink("type = \"telex\"\ntopic = \"x\""), "4:8: error: sinks.d: type \"telex\" is not one of"},
      {sink("type = \"postgres\""), "4:8: error: sinks.d: type \"postgres\" is not " + one_of(built_in_parts().sinks) +
                                        "\n    4 | "
                                        "type = "
                                        "\"postgres\"\n      |        ^^^^^^^^^^ did you mean 'postgresql'?"},
      {sink("mode = \"append\""), "3:8: error: sinks.d: type is missing"},
      {mqtt_with_routes("topic = \"{device}\", format = \"telefax\""),
       "5:32: error: sources.m.routes: format \"telefax\" is not one of"},
      {mqtt_with_routes("topic = \"{device}\", format = \"cvs\", columns = [\"v\"]"),
       "5:32: error: sources.m.routes: format \"cvs\" is not one of"},
      {mqtt_with_routes("topic = \"site/+\", format = \"numbers\", sensor = \"{devise}\""),
       "5:30: error: sources.m.routes: format \"numbers\" is not one of"},
      {socket("type = \"udp\"\nlisten = \"127.0.0.1:1\"\nformat = \"influx\"\nack = true"),
       "5:1: error: unknown key 'ack' in [sources.s]"},
      {socket("type = \"udp\"\nlisten = \"127.0.0.1:1\"\nformat = \"influx\"\nframing = \"length_prefix\""),
       "5:11: error: sources.s: framing \"length_prefix\" is not one of \"newline\", \"whole\""},
      {socket("type = \"tcp\"\nlisten = \"127.0.0.1:1\"\nframing = \"newline\"\nformat = \"dsmr\""),
       "4:11: error: sources.s: framing newline would cut the messages of dsmr into lines; leave framing out"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", time = { path = \"t\", format = \"%H:%M\" }"),
       "5:47: error: sources.m.routes: time: the pattern '%H:%M' cannot be used: year, month and day must be in it"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", pattern = \"x\""),
       "5:50: error: sources.m.routes: pattern: not used by format 'json'"},
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

TEST(Config, format_whose_names_are_in_the_topic_needs_one) {
  expect_errors({
      {"[sources.t]\ntype = \"tcp\"\nlisten = \"127.0.0.1:1\"\nformat = \"sparkplug\"",
       "4:10: error: sources.t: format 'sparkplug' reads the names from the topic; only a source with routes has one"},
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

TEST(Config, window_that_leaves_rows_out_and_the_columns_of_mergeable_by_name_are_errors) {
  expect_errors({
      {"[windows.w]\nsize = \"1m\"\ntop = { n = 1, by = \"avg\" }\n[sinks.d]\ntype = \"stdout\"\nmergeable = true\n",
       "6:13: error: sinks.d: window w has `top`: what is merged would lack the rows that it leaves out"},
      {window("aggregates = [\"m2\"]"),
       "3:15: error: windows.w: aggregate 'm2' comes with `mergeable = true` of a sink"},
      {window("aggregates = [\"p50\", \"sketch\"]"),
       "3:22: error: windows.w: aggregate 'sketch' comes with `mergeable = true` of a sink"},
      {sink("type = \"stdout\"\nwhere = \"m2 > 3\""), "5:9: error: sinks.d: window w has no aggregate 'm2'"},
  });
}

TEST(Config, only_a_sink_whose_rows_are_mergeable_has_a_condition_on_what_merges_them) {
  const std::string text =
      "[windows.w]\nsize = \"1m\"\naggregates = [\"p50\"]\n[sinks.d]\ntype = \"stdout\"\nmergeable = true\nwhere = "
      "\"m2 > 3\"\n"
      "[sinks.e]\ntype = \"stdout\"\n";
  const GatewayOptions options = loaded(text).options;
  EXPECT_EQ(options.pipeline.windows.at(0).merge_only, 4U);
  EXPECT_EQ(named(options.sinks, "d").parts, RowParts::mergeable);
  EXPECT_EQ(named(options.sinks, "e").parts, RowParts::named);
  expect_errors({{text + "where = \"count > 3\"\n", "10:9: error: sinks.e: window w has no aggregate 'count'"}});
}

TEST(Config, condition_of_a_sink_is_read_with_the_aggregates_it_names) {
  const SinkOptions sink_of_rows =
      loaded(sink("type = \"stdout\"\nwhere = \"avg > 30 or count = 0\"\non = \"change\"")).options.sinks.at(0);
  EXPECT_THAT(sink_of_rows.filter.variables, testing::ElementsAre("avg", "count"));
  EXPECT_EQ(sink_of_rows.filter.on, FilterOn::change);
  EXPECT_EQ(loaded(sink("type = \"stdout\"")).options.sinks.at(0).filter.where, nullptr);
}

TEST(Config, mistakes_in_the_condition_of_a_sink_are_errors) {
  expect_errors({
      {sink("type = \"stdout\"\nwhere = \"avg > \""),
       "5:9: error: sinks.d: where: Unexpected end of expression at position 7, at character 7"},
      {sink("type = \"stdout\"\nwhere = \"averag > 3\""), "5:9: error: sinks.d: window w has no aggregate 'averag'"},
      {sink("type = \"stdout\"\nwhere = \"avgs > 3\""),
       "5:9: error: sinks.d: window w has no aggregate 'avgs'\n    5 | where = \"avgs > 3\"\n      |         "
       "^^^^^^^^^^ did "
       "you mean 'avg'?"},
      {sink("type = \"stdout\"\nwhere = 3"), "5:9: error: sinks.d: where is"},
      {sink("type = \"stdout\"\non = \"change\""),
       "5:6: error: sinks.d: on = \"change\" needs a `where` that begins and ends to hold"},
  });
}

TEST(Config, change_of_a_condition_is_not_for_tables) {
  if (leaves_parts_out()) GTEST_SKIP();
  expect_errors({
      {sink("type = \"sqlite\"\nwhere = \"avg > 3\"\non = \"change\""),
       "6:6: error: sinks.d: on = \"change\" is for sinks that are streams of rows"},
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
      {mqtt_with_route("share = \"a/b\""), "5:9: error: sources.m: share must be 1 to 128 printable"},
      {mqtt_with_route("share = \"\""), "5:9: error: sources.m: share must be 1 to 128 printable"},
      {mqtt_with_routes("topic = \"$share/g/a/{device}\", format = \"number\""),
       "5:11: error: sources.m.routes: topic: a shared subscription belongs to the source\n    5 | { topic = "
       "\"$share/g/a/{device}\", format = \"number\" }]\n      |           ^^^^^^^^^^^^^^^^^^^^^ write share = \"g\" "
       "in "
       "the source, and topic = \"a/{device}\""},
      {mqtt("servers = [\"mqtt://localhost\"]\nprotocol = \"3.1.1\"\nshare = \"g\"\nroutes = [ { topic = "
            "\"a/{device}\", format = \"number\" }, { topic = \"{device}/b\", format = \"number\" } ]"),
       "5:9: error: sources.m: share with protocol 3.1.1 counts messages of overlapping topics more than once"},
      {mqtt_with_route("status_topic = \"a/#\""), "5:16: error: sources.m: status_topic must be the name of one topic"},
      {mqtt_with_route("status_topic = \"{device}\""),
       "5:16: error: sources.m: status_topic has a placeholder other than"},
      {mqtt_with_route("status_topic = \"s\"\n[sources.n]\ntype = \"mqtt\"\nstatus_topic = \"s\"\nservers = "
                       "[\"mqtt://localhost:1883\"]\n" +
                       route),
       "8:16: error: sources.n: has the server and the status_topic of sources.m"},
      {mqtt_with_route("keep_alive = \"0s\""), "5:14: error: sources.m: keep_alive is \"0s\", it must be at least 1s"},
      {mqtt_with_route("tls = { cert = \"/c\" }"), "5:16: error: sources.m.tls: cert and key come together"},
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

TEST(Config, every_value_of_a_route_that_does_not_fit_is_reported) {
  const std::string route = "topic = \"{device}\", format = \"json\", unit = \"C\", values = [";
  const std::string place = "5:61: error: sources.m.routes: values: ";
  const struct {
    std::string values;
    std::vector<std::string> errors;
  } cases[] = {
      {R"({ path = "a", convert = "F-C" }, { path = "b", convert = "x" }, "c")",
       {"'a': convert names no two", "'b': convert names no two"}},
      {R"({ path = "a", convert = "F->C", unit = "C", scale = 0 }, { path = "b", scale = 0 })",
       {"'a': scale must be", "'a': convert names the unit", "'b': scale must be"}},
      {R"("a[", "b[", { path = "c", convert = "x" })", {"'c': convert names no two", "path 'a[' has", "path 'b[' has"}},
  };
  for (const auto& c : cases) {
    const std::string errors = errors_of(mqtt_with_routes(route + c.values + "]"));
    EXPECT_NE(errors.find("sources.m.routes: unit: not used by format 'json'"), std::string::npos) << errors;
    for (const std::string& error : c.errors) {
      EXPECT_NE(errors.find(place + error), std::string::npos) << error << " in\n" << errors;
    }
    EXPECT_TRUE(
        errors.ends_with('\n' + std::to_string(c.errors.size() + 1) + " errors. The configuration was not applied.\n"))
        << errors;
  }
}

TEST(Config, mistakes_in_states_and_time_zones_are_errors_at_their_key) {
  expect_errors({
      {mqtt_with_routes("topic = \"{device}\", format = \"number\", states = { heating = \"2\" }"),
       "5:63: error: sources.m.routes: state heating is \"2\", not a number"},
      {mqtt_with_routes("topic = \"{device}\", format = \"number\", states = { on = 1, ON = 2 }"),
       "5:51: error: sources.m.routes: states: 'ON' stands there twice"},
      {mqtt_with_routes("topic = \"{device}\", format = \"number\", states = 1"),
       "5:51: error: sources.m.routes: states is a whole number, not a table"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", timezone = \"Europe/Pari\""),
       "5:51: error: sources.m.routes: the system knows no time zone \"Europe/Pari\""},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", values = [\"a.t\", \"b.t\"]"),
       "5:49: error: sources.m.routes: values: 'b.t' and 'a.t' would both be the metric 't'"},
      {mqtt_with_routes("topic = \"{device}\", format = \"json\", each = \"r[*]\", values = [\"t\"]"),
       "5:47: error: sources.m.routes: each: nothing tells the records apart"},
  });
}

std::string with_two_routes(const std::string& first, const std::string& second) {
  return "[sources.m]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\nroutes = [\n  { topic = \"" + first +
         "\", format = \"number\", sensor = \"a\" },\n  { topic = \"" + second +
         "\", format = \"number\", sensor = \"b\" },\n]\n[windows.w]\nsize = \"1m\"\n[sinks.o]\ntype = \"stdout\"\n";
}

TEST(Config, route_that_never_matches_is_warned_of) {
  const struct {
    const char *first, *second;
    bool shadowed;
  } cases[] = {
      {"a/#", "a/b", true},     {"a/#", "a", true},         {"#", "a/+/c", true},      {"a/+", "a/b", true},
      {"a/b", "a/b", true},     {"a/#", "a/+/#", true},     {"+/b", "+/b", true},      {"a/b", "a/+", false},
      {"a/+", "a/#", false},    {"a/+", "a/b/c", false},    {"a/b/c", "a/b", false},   {"#", "$SYS/uptime", false},
      {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"a/+/c", "a/b/d", false},
  };
  for (const auto& c : cases) {
    const std::string expected = std::string("sources.m.routes: this route never matches: route 1, '") + c.first +
                                 "', takes all its messages; put this one first";
    EXPECT_EQ(warnings_of(with_two_routes(c.first, c.second)).find(expected) != std::string::npos, c.shadowed)
        << c.first << ' ' << c.second;
  }
}

TEST(Config, capture_that_is_not_used_is_warned_of) {
  const auto warnings = [](const std::string& keys) {
    return warnings_of(mqtt_with_routes(keys) + "[sinks.o]\ntype = \"stdout\"\n");
  };
  const std::string unused = "nothing uses the capture {area}; write + for it, or name it in sensor or metric";
  EXPECT_NE(warnings("topic = \"{area}/{device}\", format = \"number\"").find(unused), std::string::npos);
  EXPECT_EQ(warnings("topic = \"{area}/{device}\", format = \"number\", sensor = \"{area}.{device}\""), "");
  EXPECT_EQ(warnings("topic = \"{area}/{device}\", format = \"number\", metric = \"{area}\""), "");
  EXPECT_EQ(warnings("topic = \"{device}/{metric}\", format = \"number\""), "");
  EXPECT_NE(warnings("topic = \"{device}/{metric}\", format = \"influx\"").find("capture {metric}"), std::string::npos);
}

WindowOptions week_window(const std::string& keys) {
  return loaded("[windows.w]\n" + keys).options.pipeline.windows[0];
}

TEST(Config, windows_of_whole_weeks_start_on_the_day_that_week_start_says) {
  const struct {
    const char* keys;
    const char* start;  // of the window with Wednesday the 25th of November 2026
  } cases[] = {
      {"size = \"7d\"", "2026-11-23T00:00:00Z"},
      {"size = \"1w\"\nweek_start = \"monday\"", "2026-11-23T00:00:00Z"},
      {"size = \"1w\"\nweek_start = \"sunday\"", "2026-11-22T00:00:00Z"},
      {"size = \"1w\"\nweek_start = \"saturday\"", "2026-11-21T00:00:00Z"},
      {"size = \"1w\"\nweek_start = \"thursday\"", "2026-11-19T00:00:00Z"},
      {"size = \"1w\"\noffset = \"6h\"", "2026-11-23T06:00:00Z"},
      {"size = \"6d\"", "2026-11-21T00:00:00Z"},
      {"type = \"sliding\"\nsize = \"2w\"\nslide = \"1w\"", "2026-11-23T00:00:00Z"},
      {"type = \"sliding\"\nsize = \"7d\"\nslide = \"1d\"", "2026-11-25T00:00:00Z"},
  };
  for (const auto& c : cases) {
    const WindowOptions window = week_window(c.keys);
    const Grid grid(window.kind == WindowKind::sliding ? window.slide : window.size, window.offset, window.time_zone);
    EXPECT_EQ(to_rfc3339(grid.start_of(grid.cell_of(*parse_rfc3339("2026-11-25T12:00:00Z")))),
              to_rfc3339(*parse_rfc3339(c.start)))
        << c.keys;
  }
  const WindowOptions paris = week_window("size = \"1w\"\ntimezone = \"Europe/Paris\"");
  const Grid grid(paris.size, paris.offset, paris.time_zone);
  EXPECT_EQ(to_rfc3339(grid.start_of(grid.cell_of(*parse_rfc3339("2026-11-25T12:00:00Z")))),
            "2026-11-22T23:00:00.000000Z");
  expect_errors({{"[windows.w]\nsize = \"1d\"\nweek_start = \"monday\"",
                  "3:14: error: windows.w: week_start needs a size of whole weeks"},
                 {"[windows.w]\nsize = \"1w\"\nweek_start = \"mon\"",
                  "3:14: error: windows.w: week_start \"mon\" is not one of"}});
  EXPECT_NE(warnings_of("[windows.w]\nsize = \"1w\"\noffset = \"4d\"")
                .find("weeks begin on Monday, and offset moves them to friday; week_start says the day"),
            std::string::npos);
}

TEST(Config, mistakes_in_sockets_are_errors) {
  const std::string influx = "format = \"influx\"\n";
  expect_errors({
      {socket("listen = \"127.0.0.1:1\"\nformat = \"influx\""), "1:10: error: sources.s: type is missing"},
      {socket("type = \"tpc\""), "2:8: error: sources.s: type \"tpc\" is not " + one_of(built_in_parts().sources) +
                                     "\n    2 | type = "
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
      {socket("type = \"tcp\"\nlisten = \"127.0.0.1:1\"\nformat = \"cvs\"\ncolumns = [\"v\"]\nunit = \"W\"\n"),
       "4:10: error: sources.s: format \"cvs\" is not one of"},
      {socket("type = \"tcp\"\nlisten = \"127.0.0.1:1\"\nformat = \"ifnlux\"\nsensor = \"{devise}\"\n"),
       "4:10: error: sources.s: format \"ifnlux\" is not one of"},
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

TEST(Config, mistakes_in_spool_sources_are_errors) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string influx = "format = \"influx\"\n", spool = "type = \"spool\"\n", folder = "folder = \"/in\"\n";
  expect_errors({
      {socket(spool + influx), "1:10: error: sources.s: folder is missing"},
      {socket(spool + "folder = \"in\"\n" + influx), "3:10: error: sources.s: folder must be an absolute path"},
      {socket(spool + folder + "done_folder = \"\"\n" + influx), "4:15: error: sources.s: done_folder is empty"},
      {socket(spool + folder + "when_done = \"leave\"\n" + influx),
       "4:13: error: sources.s: when_done \"leave\" is not one of"},
      {socket(spool + folder + "tail = true\nwhen_done = \"keep\"\n" + influx),
       "5:13: error: sources.s: when_done does not apply with tail = true"},
      {socket(spool + folder + "max_files = 201\n" + influx), "4:13: error: sources.s: max_files is 201"},
      {socket(spool + folder + influx + "[sources.t]\n" + spool + folder + influx),
       "7:10: error: sources.t: takes the files of sources.s"},
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
  const std::string output = "[sinks.o]\ntype = \"stdout\"\n", file = EDGETIDE_CONFIG_FOLDER "/edgetide.toml";
  for (const Case& c : {
           Case{window("allowed_lateness = \"11m\""),
                ":3:20: warning: windows.w: allowed_lateness is more than 10 times size"},
           Case{window("aggregates = [\"p0.99\"]"),
                ":3:15: warning: windows.w: 'p0.99' is less than one percent of the way up from the minimum; is 'p99' "
                "meant?"},
           Case{window("aggregates = [\"p0.999\"]"), "is 'p99.9' meant?"},
           Case{window("aggregates = [\"p0\", \"p1\", \"median\", \"mean\", \"mode\", \"mad\"]") + output, ""},
           Case{window("group_by = [\"site\"]"), ":3:12: warning: windows.w: the windows of a group close when"},
           Case{window("group_by = [\"site\"]\nallowed_lateness = \"1m\"") + output, ""},
           Case{window("group_by = [\"metric\", \"sensor\"]") + output, ""},
           Case{mqtt_with_route("clean_start = true"), ":5:15: warning: sources.m: clean_start = true loses"},
           Case{mqtt_with_route("qos = 0"), ":5:7: warning: sources.m: qos = 0 loses readings"},
           Case{mqtt_with_route("qos = 2"), ":5:7: warning: sources.m: qos = 2 costs"},
           Case{mqtt_with_route("retained = \"use\""), ":5:12: warning: sources.m: retained = \"use\" takes"},
           Case{mqtt_with_route("share = \"g\"\nretained = \"use\""),
                ":5:9: warning: sources.m: retained = \"use\" reads"},
           Case{mqtt_with_route("status_topic = \"a/b\"") + output, ""},
           Case{mqtt_with_routes("topic = \"edgetide/#\", format = \"number\", sensor = \"s\" } ]\nstatus_topic = "
                                 "\"edgetide/{gateway}/status\"\n#"),
                "warning: sources.m: status_topic is read as a message too, by the route 'edgetide/#'"},
           Case{mqtt_with_route("tls = { ca = \"/x\" }"), ":5:7: warning: sources.m: tls is not used"},
           Case{"[metrics]\nlisten = \"0.0.0.0:9464\"",
                ":2:10: warning: metrics: everyone who can reach this address can read the metrics"},
           Case{"[metrics]\nlisten = \"0.0.0.0:9464\"\ncert_file = \"/c\"\nkey_file = \"/k\"",
                ":2:10: warning: metrics: everyone who can reach"},
           Case{"[metrics]\nlisten = \"[::]:9464\"\ntoken = \"${env:T:-x}\"",
                ":2:10: warning: metrics: the token goes over the network as plain text"},
           Case{"[metrics]\nlisten = \"0.0.0.0:9464\"\ntoken = \"${env:T:-x}\"\ncert_file = \"" + file +
                    "\"\nkey_file = \"" + file + '"',
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
