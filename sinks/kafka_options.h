// What the configuration says of a Kafka sink.
//
// Thread: plain values.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/broker/kafka_broker_options.h"
#include "pipeline/enum_word.h"
#include "pipeline/time.h"

namespace edgetide {

enum class KafkaCompression { none, gzip, snappy, lz4, zstd };
inline constexpr EnumWord<KafkaCompression> kafka_compression_words[] = {{KafkaCompression::none, "none"},
                                                                         {KafkaCompression::gzip, "gzip"},
                                                                         {KafkaCompression::snappy, "snappy"},
                                                                         {KafkaCompression::lz4, "lz4"},
                                                                         {KafkaCompression::zstd, "zstd"}};

struct KafkaSinkOptions : KafkaBrokerOptions {
  std::string topic;  // a template (kafka_topic.h); with exactly_once a fixed one
  bool exactly_once = false;
  std::string transactional_id;  // also of the group that keeps the position; with exactly_once alone
  KafkaCompression compression = KafkaCompression::none;
  Duration linger = Duration::milliseconds(5);     // that a record waits for others
  std::size_t max_message_bytes = 512 * 1024;      // of a record and of a batch of records
  std::size_t max_queued_bytes = 4 * 1024 * 1024;  // of records that the broker has not confirmed
  bool operator==(const KafkaSinkOptions&) const = default;
};

}  // namespace edgetide
