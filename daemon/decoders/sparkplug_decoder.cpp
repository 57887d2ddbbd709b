#include "daemon/decoders/sparkplug_decoder.h"

#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/time_field.h"

namespace edgetide {

namespace {

constexpr std::string_view bd_seq_name = "bdSeq";

// Of the protocol itself.
bool is_control(std::string_view name) noexcept {
  return name == bd_seq_name || name.starts_with("Node Control/") || name.starts_with("Device Control/");
}

std::optional<std::uint64_t> bd_seq_in(std::string_view payload) {
  std::optional<std::uint64_t> bd_seq;
  for_each_metric(payload, [&](std::string_view bytes) {
    const auto metric = sparkplug_metric(bytes);
    if (!metric || metric->name != bd_seq_name) return;
    using Kind = SparkplugMetric::Kind;
    if (metric->kind == Kind::int_value || metric->kind == Kind::long_value) bd_seq = metric->integer;
  });
  return bd_seq;
}

std::vector<SparkplugBirthMetric> metrics_in(std::string_view payload) {
  std::vector<SparkplugBirthMetric> metrics;
  for_each_metric(payload, [&](std::string_view bytes) {
    const auto metric = sparkplug_metric(bytes);
    const bool is_full = metrics.size() > SparkplugNodes::max_metrics;
    if (!metric || !is_id(metric->name, most_id_bytes) || is_full) return;
    metrics.push_back({metric->alias, std::string(metric->name), metric->datatype});
  });
  return metrics;
}

std::string_view part_of_topic(const SparkplugTopic& topic, std::string_view name) noexcept {
  if (name == "group") return topic.group;
  if (name == "node") return topic.node;
  return name == "device" ? topic.device : std::string_view();
}

void check_names(std::string_view option, const std::optional<TextTemplate>& text, bool knows_metric) {
  if (!text) return;
  for (const std::string_view name : text->others()) {
    const bool is_part = name == "group" || name == "node" || name == "device";
    if (is_part || (knows_metric && name == "metric")) continue;
    throw std::invalid_argument(std::string(option) + ": '{" + std::string(name) +
                                "}' is neither captured by the topic nor {group}, {node} or {device}" +
                                (knows_metric ? " or {metric}" : ""));
  }
}

}  // namespace

SparkplugDecoder::SparkplugDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(sensor_template(options, capture_names)),
      metric_(metric_of_route(options, capture_names)),
      values_(options),
      time_format_(options.time.format) {
  check_names("sensor", sensor_, false);
  check_names("metric", metric_, true);
}

void SparkplugDecoder::restore_state(std::string_view bytes) {
  nodes_.restore(bytes);
  state_bytes_ = bytes.size();
}

bool SparkplugDecoder::passes_over(std::string_view topic) const {
  const auto read = sparkplug_topic(topic);
  const auto* const known = std::get_if<SparkplugTopic>(&read);
  return known != nullptr && known->kind == SparkplugTopic::Kind::other;
}

void SparkplugDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  const auto read = sparkplug_topic(message.topic);
  if (const auto* const refusal = std::get_if<Refusal>(&read)) return output.refuse(*refusal, 0);
  const auto& topic = std::get<SparkplugTopic>(read);
  if (topic.kind == SparkplugTopic::Kind::other) return;
  const auto payload = sparkplug_payload(message.payload);
  if (!payload) return output.refuse(Refusal::bad_syntax, 0);
  if (payload->is_compressed) return output.refuse(Refusal::unsupported, 0);
  const Current current{message, topic, *payload, {}, nullptr};
  switch (topic.kind) {
    case SparkplugTopic::Kind::death:
      take_death(current);
      break;
    case SparkplugTopic::Kind::birth:
      take_birth(current);
      take_values(current, output);
      break;
    default:
      take_values(current, output);
  }
  take_sequence(current, out);
  keep_state(message, out);
}

void SparkplugDecoder::take_birth(const Current& current) {
  nodes_.birth(current.topic, metrics_in(current.message.payload));
  SparkplugPlace* const node = nodes_.node(current.topic);
  if (node == nullptr || !current.topic.device.empty()) return;
  SparkplugNodes::begin(*node, bd_seq_in(current.message.payload), current.payload.seq);
}

void SparkplugDecoder::take_death(const Current& current) {
  const bool of_node = current.topic.device.empty();
  nodes_.death(current.topic, of_node ? bd_seq_in(current.message.payload) : std::nullopt);
}

// The death of a node is sent by the broker, and is not in the sequence.
void SparkplugDecoder::take_sequence(const Current& current, DecodedBatch& out) {
  using Kind = SparkplugTopic::Kind;
  if (current.topic.kind == Kind::death && current.topic.device.empty()) return;
  SparkplugPlace* const node = nodes_.node(current.topic);
  if (nodes_.is_beyond_limit()) {
    notice_once(has_noticed_limit_,
                "sparkplug: more than " + std::to_string(SparkplugNodes::max_places) + " nodes and devices or " +
                    std::to_string(SparkplugNodes::max_metrics) + " metrics; the aliases of others are not known",
                out);
  }
  if (node == nullptr) return;
  SparkplugNodes::count_message(*node);
  if (!SparkplugNodes::follows(*node, current.payload.seq)) {
    notice_once(has_noticed_gap_,
                "sparkplug: messages of " + std::string(nodes_.name_of(current.topic)) + " are missing before seq " +
                    std::to_string(*current.payload.seq),
                out);
  }
  if (current.topic.kind != Kind::data) return;
  if (has_unknown_alias_) SparkplugNodes::doubt(*node);
  if (nodes_.lacks_birth(current.topic)) ask_for_births(current, out);
}

void SparkplugDecoder::ask_for_births(const Current& current, DecodedBatch& out) {
  SparkplugPlace* const node = nodes_.node(current.topic);
  if (node == nullptr || !SparkplugNodes::may_ask(*node, current.payload.timestamp)) return;
  scratch_.assign("spBv1.0/").append(current.topic.group).append("/NCMD/").append(current.topic.node);
  out.reply(scratch_, rebirth_request(current.payload.timestamp));
}

void SparkplugDecoder::take_values(Current current, MessageOutput& output) {
  has_unknown_alias_ = false;
  current.sensor = sensor_of(current, output.batch());
  if (!is_id(current.sensor, output.batch().max_id_bytes)) return output.refuse(Refusal::bad_id, 0);
  current.place = nodes_.find(current.topic);
  const bool is_beyond_limit = current.place != nullptr && current.place->is_cut();
  for_each_metric(current.message.payload, [&](std::string_view bytes) {
    if (output.full()) return;
    const auto offset = static_cast<std::size_t>(bytes.data() - current.message.payload.data());
    const auto metric = sparkplug_metric(bytes);
    const auto fault = metric ? take_metric(*metric, offset, current, output) : Fault{Refusal::bad_syntax, offset};
    if (!fault) return;
    output.refuse(*fault);
    if (fault->reason == Refusal::unknown_alias && !is_beyond_limit) has_unknown_alias_ = true;
  });
}

std::optional<Fault> SparkplugDecoder::take_metric(const SparkplugMetric& metric, std::size_t offset,
                                                   const Current& current, MessageOutput& output) {
  const SparkplugBirthMetric* const birth =
      current.place == nullptr ? nullptr : current.place->find(metric.alias, metric.name);
  if (metric.name.empty() && birth == nullptr) {
    return metric.alias ? Fault{Refusal::unknown_alias, offset} : Fault{Refusal::bad_id, offset, "name"};
  }
  const std::string_view name = birth == nullptr ? metric.name : output.batch().keep(birth->name);
  if (is_control(name) || metric.is_null) return std::nullopt;
  DecodedReading reading;
  reading.sensor = current.sensor;
  reading.metric = metric_of(current, name, output.batch());
  if (!is_id(reading.metric, output.batch().max_id_bytes)) return Fault{Refusal::bad_id, offset, "metric"};
  const bool says_type = metric.datatype != sparkplug_unknown || birth == nullptr;
  const auto read = values_.value(metric, says_type ? metric.datatype : birth->datatype);
  if (const auto* const refusal = std::get_if<Refusal>(&read)) return Fault{*refusal, offset};
  const auto& value = std::get<ValueOfText>(read);
  reading.value = value.number;
  give_time(metric, current.payload, reading);
  output.add(reading, offset, value.inexact);
  return std::nullopt;
}

void SparkplugDecoder::give_time(const SparkplugMetric& metric, const SparkplugPayload& payload,
                                 DecodedReading& reading) const {
  const std::optional<std::uint64_t> time = metric.timestamp ? metric.timestamp : payload.timestamp;
  if (!time) return;
  reading.event_time = unreadable_time;
  if (*time > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return;
  reading.event_time = time_of_integer(static_cast<std::int64_t>(*time), time_format_).value_or(unreadable_time);
}

std::string_view SparkplugDecoder::sensor_of(const Current& current, DecodedBatch& out) {
  if (sensor_) {
    const std::string_view sensor = sensor_->expand(
        current.message, scratch_, out, [&](std::string_view name) { return part_of_topic(current.topic, name); });
    if (!sensor.empty() || !current.topic.device.empty()) return sensor;
  }
  return out.keep(nodes_.name_of(current.topic));
}

std::string_view SparkplugDecoder::metric_of(const Current& current, std::string_view name, DecodedBatch& out) {
  if (!metric_) return name;
  return metric_->expand(current.message, scratch_, out, [&](std::string_view part) {
    return part == "metric" ? name : part_of_topic(current.topic, part);
  });
}

void SparkplugDecoder::keep_state(const Message& message, DecodedBatch& out) {
  ++messages_since_state_;
  if (!nodes_.has_changed() || messages_since_state_ * state_bytes_per_message < state_bytes_) return;
  const std::string state = nodes_.state();
  out.keep_state(message.route, state);
  state_bytes_ = state.size();
  messages_since_state_ = 0;
}

void SparkplugDecoder::notice_once(bool& has_noticed, const std::string& text, DecodedBatch& out) {
  if (!std::exchange(has_noticed, true)) out.notices.push_back(out.keep(text));
}

const Format sparkplug_format{
    .name = "sparkplug",
    .takes = {"coerce_strings", "states"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<SparkplugDecoder>(options, captures);
    },
    .lines_have_names = true,
    .needs_topic = true,
};

}  // namespace edgetide
