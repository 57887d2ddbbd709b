// Readings from Kafka: the records of topics, shared with the other gateways of a group, or of given partitions.
//
// In:      records; up to 64 KiB of them are a batch, with the offset behind its last record of each partition, so that
//          after a crash each record is taken once (kafka_position.h).
// Ack:     the group's offsets, once what is before them is durable, at most five times a second. They are for others:
//          tools that show the lag, and the gateway that gets the partition next. A partition that the group takes away
//          is given up when its offset is written, or after 5 s.
// Thread:  the loop's; `start` and `stop` from the gateway's main thread. librdkafka has its own threads, which only
//          fill its queue.
// Back-pressure: while the host holds a batch, nothing is taken from the queue; after 1 s the partitions are paused, so
//          that the group still sees a member that lives.
// Fails:   `start` throws std::runtime_error when librdkafka refuses the options (a certificate that cannot be read). A
//          broker that is away, a topic that does not exist and records that were deleted before they were read make
//          the source impaired, and the others go on.
// Limit:   KafkaOptions; 256 partitions, of which positions are kept; kafka_consumer.h.
#pragma once

#include <memory>

#include "daemon/service/event_loop.h"
#include "daemon/sources/kafka_options.h"
#include "daemon/sources/source.h"

namespace edgetide {

// Fails: std::invalid_argument for errors of the configuration.
// Host and loop outlive the source.
std::unique_ptr<Source> make_kafka_source(KafkaOptions options, SourceId id, SourceHost& host, EventLoop& loop);

}  // namespace edgetide
