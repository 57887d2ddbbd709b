#include "sinks/kafka_topic.h"

#include <algorithm>
#include <set>
#include <utility>

#include "daemon/broker/kafka_topic_name.h"

namespace edgetide {

std::optional<KafkaTopic::Fault> KafkaTopic::fault_of(std::string_view text) {
  const RowTemplate parsed(text, {});
  std::size_t bytes = 0;
  for (const RowTemplate::Part& part : parsed.parts()) {
    if (part.kind != RowTemplate::Part::Kind::fixed) continue;
    bytes += part.text.size();
    if (!std::all_of(part.text.begin(), part.text.end(), may_be_in_kafka_topic)) {
      return Fault{"has a character that topics of Kafka do not have; there are letters, digits, '.', '_' and '-'"};
    }
  }
  if (bytes > max_kafka_topic_bytes) {
    return Fault{"is longer than " + std::to_string(max_kafka_topic_bytes) + " characters"};
  }
  if (text == "." || text == "..") return Fault{"is not the name of a topic"};
  return RowTemplate::fault_of(text);
}

KafkaTopic::KafkaTopic(std::string_view text, std::string gateway) : template_(text, std::move(gateway)) {}

bool KafkaTopic::is_fixed() const noexcept {
  const auto& parts = template_.parts();
  return std::none_of(parts.begin(), parts.end(), [](const RowTemplate::Part& part) { return part.is_of_series(); });
}

std::vector<std::string> KafkaTopic::topics_of(const std::vector<WindowSchema>& inputs) const {
  std::set<std::string> topics;
  for (const WindowSchema& window : inputs) {
    std::string topic;
    if (expand(window, Series{}, topic).empty()) topics.insert(topic);
  }
  return {topics.begin(), topics.end()};
}

std::string KafkaTopic::expand(const WindowSchema& window, const Series& series, std::string& topic) const {
  topic.clear();
  for (const RowTemplate::Part& part : template_.parts()) topic += template_.value_of(part, window, series);
  if (is_kafka_topic_name(topic)) return {};
  return "its topic '" + topic + "' is none of Kafka: 1 to 249 letters, digits, '.', '_' and '-'";
}

}  // namespace edgetide
