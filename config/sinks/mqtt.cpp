// [sinks.NAME] with type = "mqtt".
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/broker_keys.h"
#include "config/key_spec.h"
#include "config/parts.h"
#include "config/row_template_hint.h"
#include "sinks/mqtt_sink.h"

namespace edgetide {

namespace {

constexpr std::int64_t kib = 1024, mib = kib * kib;
constexpr std::size_t most_in_flight = 65'535;  // packet ids
constexpr std::int64_t least_an_hour = 1, most_an_hour = std::int64_t{100'000} * 3600;

const KeyGroup& mqtt_sink_tls_keys() {
  static const KeyGroup group = keys::broker_tls_group("[sinks.NAME.tls] with type = \"mqtt\"", OnReload::new_sink);
  return group;
}

std::vector<KeySpec> message_keys(const MqttSinkOptions& standard) {
  using namespace keys;
  return {
      required(text("topic", "",
                    "The topic of a row, such as `site/{gateway}/{window}/{sensor}/{metric}`: `{gateway}`, `{window}`, "
                    "`{sensor}`, `{metric}` and `{label.NAME}`. What a row does not have is empty; a group has labels "
                    "alone.")),
      word("encoding", row_payload_words, standard.payload,
           "`json`: an object per row, as the other sinks write it, and the id of the gateway. `json_array`: the rows "
           "of a topic in an array. `influx`: a line of line protocol per row. `senml`: a pack per row."),
      integer("qos", standard.qos, 0, 1,
              "1: a row is delivered when the broker has confirmed it. 0: rows may be lost. 2 is not offered: a row "
              "that comes twice has the same key and revision."),
      boolean("retain", standard.retain, "The broker keeps the last message of each topic."),
      integer("max_in_flight", static_cast<std::int64_t>(standard.max_in_flight), 1, most_in_flight,
              "Messages that the broker has not confirmed. A broker of MQTT 5 may allow fewer (Receive Maximum)."),
      rate_or_none("max_publishes", least_an_hour, most_an_hour,
                   "Messages at most: `\"100/s\"`, as AWS IoT Core allows. `max_rate` counts rows."),
      size("max_payload", standard.max_payload_bytes, 256, 256 * mib,
           "A row whose payload would be larger is rejected. A broker of MQTT 5 may allow less."),
      integer("max_topic_levels", static_cast<std::int64_t>(standard.max_topic_levels), 1, 1000,
              "A row whose topic has more levels is rejected; AWS IoT Core allows 8, which are 7 slashes."),
      text("status_topic", "",
           "Topic such as `edgetide/{gateway}/upstream` for a retained message: `online` once the sink is connected, "
           "`offline` when it stops, and from the broker (last will) when the connection is lost. Also `{machine}` and "
           "`{sink}`, as in `client_id`."),
  };
}

KeyGroup mqtt_sink_keys() {
  using namespace keys;
  std::vector<KeySpec> specs = {
      broker_servers(),
      broker_protocol("The version of MQTT. A broker of MQTT 5 says why it refuses a row, and how much it takes."),
      text("client_id", "\"edgetide-{gateway}-{machine}-sink-{sink}\"",
           "Must be unique at the broker, and another than that of a source. `{machine}` as for a source."),
      broker_username(),
      broker_password(),
      broker_tls(),
      broker_keep_alive(),
      broker_allow_plaintext(),
  };
  for (KeySpec& spec : message_keys(MqttSinkOptions())) specs.push_back(std::move(spec));
  return on_reload(OnReload::new_sink, {"[sinks.NAME] with type = \"mqtt\"",
                                        "At least once: a row that comes again has the same gateway, window, series, "
                                        "start and `revision`. A receiver keeps the one of the greatest revision.",
                                        std::move(specs)});
}

void read_topic(const Section& section, MqttSinkOptions& options) {
  section.read("topic", options.topic);
  if (section.find("topic") == nullptr || !section.find("topic")->known) return;
  if (const auto fault = RowTopic::fault_of(options.topic)) {
    section.error("topic", "topic " + fault->reason, row_template_hint(fault->unknown_name));
  }
}

void warn(const Section& section, const MqttSinkOptions& options) {
  if (options.qos == 0) section.warning("qos", "qos = 0 loses rows that are on their way when a connection is lost");
  if (options.protocol != 5) {
    section.warning("protocol",
                    "with MQTT 3.1.1 a broker confirms also rows that it does not allow or that are too large for it");
  }
  if (options.retain && options.payload == RowPayload::json_array) {
    section.warning("retain", "of several arrays to a topic the broker keeps the last one");
  }
}

MqttSinkOptions read_mqtt_sink(const Section& section, const BrokerClient& client) {
  MqttSinkOptions options;
  read_broker(section, client, mqtt_sink_tls_keys(), options);
  read_topic(section, options);
  section.read_word("encoding", options.payload, row_payload_words);
  section.read("qos", options.qos);
  section.read("retain", options.retain);
  section.read("max_in_flight", options.max_in_flight);
  section.read_rate("max_publishes", options.max_publishes);
  section.read("max_payload", options.max_payload_bytes);
  section.read("max_topic_levels", options.max_topic_levels);
  read_status_topic(section, client, options);
  warn(section, options);
  return options;
}

class ConfiguredMqttSink final : public ConfiguredSinkOf<MqttSinkOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const override {
    return make_mqtt_sink(options(), std::move(identity), std::move(inputs));
  }
  SinkTraits traits() const override { return mqtt_sink_traits(options()); }
  std::vector<std::string> sessions() const override { return sessions_of(options()); }
};

std::shared_ptr<const ConfiguredSink> read_mqtt_section(const Section& section, const PartContext& context) {
  return std::make_shared<ConfiguredMqttSink>(read_mqtt_sink(section, {"sink", context.name, context.gateway_id}));
}

std::optional<Clash> same_client(const ConfiguredSink& earlier, const ConfiguredSink& later) {
  return broker_clash(*options_of<MqttSinkOptions>(earlier), *options_of<MqttSinkOptions>(later));
}

}  // namespace

SinkPart mqtt_sink() {
  static const KeyGroup group = mqtt_sink_keys();
  return {{.meaning = "`mqtt` publishes to a broker.",
           .library = "Eclipse Paho",
           .keys = {&group},
           .inner = {&mqtt_sink_tls_keys()}},
          std::make_shared<ConfiguredMqttSink>(MqttSinkOptions()),
          read_mqtt_section,
          same_client};
}

}  // namespace edgetide
