// What the configuration says of a Kafka source.
//
// Thread: plain values.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/broker/kafka_broker_options.h"
#include "daemon/decoders/route.h"
#include "pipeline/enum_word.h"
#include "pipeline/time.h"

namespace edgetide {

struct KafkaPartition {
  std::string topic;
  std::int32_t number = 0;
  auto operator<=>(const KafkaPartition&) const = default;
};

inline constexpr std::int64_t no_kafka_offset = -1001;  // of librdkafka: invalid
inline constexpr std::int64_t kafka_earliest = -2, kafka_latest = -1;

// Where to begin, or to go on: the offset of the next record, or one of the three above.
struct KafkaOffset {
  KafkaPartition partition;
  std::int64_t offset = no_kafka_offset;
  std::string note = {};  // whose it is, where the group stores it (kafka_position.h)
  bool operator==(const KafkaOffset&) const = default;
};

inline constexpr EnumWord<std::int64_t> kafka_start_words[] = {{kafka_earliest, "earliest"}, {kafka_latest, "latest"}};

struct KafkaOptions : KafkaBrokerOptions {  // `client_id` also names the member of the group
  std::string name;
  // One of these three.
  std::vector<std::string> topics;      // of a member of the group
  std::string topic_pattern;            // the same; a regular expression of POSIX for the whole name
  std::vector<KafkaOffset> partitions;  // read by this source alone
  std::int64_t start = kafka_earliest;  // where neither the journal nor the group knows an offset
  std::string group_id;
  Duration session_timeout = Duration::seconds(45);
  bool fail_on_data_loss = true;
  std::size_t max_message_bytes = max_payload_bytes;
  std::size_t max_queued_bytes = 1024 * 1024;  // received and not decoded; as much again is kept with a batch
  std::vector<RouteOptions> routes;
  bool operator==(const KafkaOptions&) const = default;
};

}  // namespace edgetide
