// [sinks.NAME] with type = "kafka".
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/client_id_key.h"
#include "config/kafka_keys.h"
#include "config/key_spec.h"
#include "config/parts.h"
#include "config/row_template_hint.h"
#include "sinks/kafka_sink.h"
#include "sinks/kafka_topic.h"

namespace edgetide {

namespace {

constexpr std::int64_t record_kib = 1024, record_mib = record_kib * record_kib;

const KeyGroup& kafka_sink_tls_keys() {
  static const KeyGroup group = keys::kafka_tls_group("[sinks.NAME.tls] with type = \"kafka\"", OnReload::new_sink);
  return group;
}

std::vector<KeySpec> record_keys(const KafkaSinkOptions& standard) {
  using namespace keys;
  return {
      required(text("topic", "",
                    "The topic of a row, such as `edgetide.{window}`: `{gateway}`, `{window}`, `{sensor}`, `{metric}` "
                    "and `{label.NAME}`. A row whose topic would not have 1 to 249 letters, digits, dots, underscores "
                    "and dashes is rejected.")),
      boolean("exactly_once", standard.exactly_once,
              "Each delivery is a transaction, with its position; consumers with "
              "`isolation.level = read_committed` have each row once. `topic` may then have `{gateway}` and `{window}` "
              "alone."),
      text("transactional_id", "\"edgetide-{gateway}-sink-{sink}\"",
           "With `exactly_once`: of the transactions, and of the group whose offsets keep the position. A second "
           "gateway with the same one takes the sink over. Also `{machine}`, as in `client_id`."),
      word("compression", kafka_compression_words, standard.compression, "Of batches of records."),
      duration("linger", standard.linger, Duration(), Duration::seconds(1),
               "How long a record waits for others to be sent with it."),
      size("max_message", standard.max_message_bytes, 1024, 16 * record_mib,
           "A row whose record would be larger is rejected; also the most of a batch. The topic's `max.message.bytes` "
           "must allow it, 1 MiB by default."),
      size("max_queued", standard.max_queued_bytes, 64 * record_kib, 256 * record_mib,
           "Records that the brokers have not confirmed, in memory; and 10,000 of them."),
  };
}

KeyGroup kafka_sink_keys() {
  using namespace keys;
  std::vector<KeySpec> specs = {
      kafka_servers(),
      text("client_id", "\"edgetide-{gateway}-{machine}-sink-{sink}\"",
           "Names this client at the brokers, in their logs and quotas. `{machine}` as for a source."),
  };
  for (KeySpec& spec : kafka_login()) specs.push_back(std::move(spec));
  for (KeySpec& spec : record_keys(KafkaSinkOptions())) specs.push_back(std::move(spec));
  return on_reload(OnReload::new_sink,
                   {"[sinks.NAME] with type = \"kafka\"",
                    "A row is a JSON object with the gateway in front and the run behind the epoch; "
                    "`kafka_row.schema.json` describes it. Its key is the series, `SENSOR/METRIC`, or the columns of a "
                    "group; its headers are `gateway`, `state`, `run` and `epoch`. A receiver keeps the row of the "
                    "greatest `revision` of each gateway, window, series and start. The user needs Write and Describe "
                    "on the topics, with `exactly_once` also on the transactional id, and Read on the group.",
                    std::move(specs)});
}

void read_kafka_topic(const Section& section, KafkaSinkOptions& options) {
  section.read("topic", options.topic);
  section.read("exactly_once", options.exactly_once);
  if (section.find("topic") == nullptr || !section.find("topic")->known) return;
  if (const auto fault = KafkaTopic::fault_of(options.topic)) {
    return section.error("topic", "topic " + fault->reason, row_template_hint(fault->unknown_name));
  }
  if (options.exactly_once && !KafkaTopic(options.topic, {}).is_fixed()) {
    section.error("topic", "topic depends on the series; with exactly_once it may have {gateway} and {window} alone",
                  "the key of a record is the series");
  }
}

void read_transactional_id(const Section& section, const BrokerClient& client, KafkaSinkOptions& options) {
  options.transactional_id = "edgetide-{gateway}-sink-{sink}";
  section.read("transactional_id", options.transactional_id);
  fill_in_names(options.transactional_id, client);
  if (!is_kafka_id(options.transactional_id)) {
    section.error("transactional_id",
                  "transactional_id must be 1 to 255 printable characters without blanks, and has no placeholder other "
                  "than {gateway}, {machine} and {sink}");
  }
  if (section.find("transactional_id") != nullptr && !options.exactly_once) {
    section.warning("transactional_id", "transactional_id is not used without exactly_once = true");
  }
}

class ConfiguredKafkaSink final : public ConfiguredSinkOf<KafkaSinkOptions> {
 public:
  ConfiguredKafkaSink(KafkaSinkOptions options, std::string gateway)
      : ConfiguredSinkOf(std::move(options)), gateway_(std::move(gateway)) {}
  std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const override {
    return make_kafka_sink(options(), std::move(identity), std::move(inputs));
  }
  SinkTraits traits() const override { return kafka_traits(options()); }
  std::string fault(const std::vector<WindowSchema>& inputs) const override {
    return kafka_fault(options(), gateway_, inputs);
  }

 private:
  const std::string gateway_;
};

std::shared_ptr<const ConfiguredSink> read_kafka_sink(const Section& section, const PartContext& context) {
  KafkaSinkOptions options;
  const BrokerClient client{"sink", context.name, context.gateway_id};
  read_kafka_broker(section, "sink", kafka_sink_tls_keys(), options);
  read_client_id(section, client, options.client_id);
  read_kafka_topic(section, options);
  read_transactional_id(section, client, options);
  section.read_word("compression", options.compression, kafka_compression_words);
  section.read("linger", options.linger);
  section.read("max_message", options.max_message_bytes);
  section.read("max_queued", options.max_queued_bytes);
  return std::make_shared<ConfiguredKafkaSink>(std::move(options), context.gateway_id);
}

// Each would fence the other, without end.
std::optional<Clash> same_transactional_id(const ConfiguredSink& earlier, const ConfiguredSink& later) {
  const KafkaSinkOptions& one = *options_of<KafkaSinkOptions>(earlier);
  const KafkaSinkOptions& other = *options_of<KafkaSinkOptions>(later);
  if (!one.exactly_once || !other.exactly_once || one.transactional_id != other.transactional_id) return std::nullopt;
  return Clash{"transactional_id", "has the transactional_id of"};
}

}  // namespace

SinkPart kafka_sink() {
  static const KeyGroup group = kafka_sink_keys();
  return {{.meaning = "`kafka` writes to topics of Kafka.",
           .library = "librdkafka",
           .keys = {&group},
           .inner = {&kafka_sink_tls_keys()}},
          std::make_shared<ConfiguredKafkaSink>(KafkaSinkOptions(), std::string()),
          read_kafka_sink,
          same_transactional_id};
}

}  // namespace edgetide
