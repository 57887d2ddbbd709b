// Rows to topics of Kafka, with librdkafka: a record per row (kafka_record.h), with headers that say who sent it.
//
//   gateway   the id of the gateway
//   state     the state directory that all its epochs come from, 16 hexadecimal digits
//   run       of the daemon in which the epoch was first fired
//   epoch     of the row
//
// At least once: the producer is idempotent (acks=all), so what one producer sends is written once and in order. A row
//   counts as delivered when its delivery report has come. What has none when the brokers are silent for 20 s, or when
//   this process dies, is sent again by another producer, with the same key, window, start and revision.
// Exactly once, with `exactly_once`: each delivery is a transaction, which also writes the position: the epoch, in the
//   note (kafka_claim.h) of the offset that the group `transactional_id` has of partition 0 of each topic. So after any
//   crash it is known whether the last delivery was committed, and a consumer with isolation.level=read_committed has
//   each row once. One that reads uncommitted records may see rows twice.
//     the position is lost   with the group's offsets, which brokers forget where nothing was delivered for
//                            offsets.retention.minutes (7 days by default): the rows of deliveries since the last
//                            checkpoint may then come twice.
//     the topic is changed   to others with none of the former: the same, once.
// Fencing: the transactional id is that of one producer: a second one fences the first. Which of them may go on is in
//   the position (store_claim.h). Without exactly_once there is none.
// Refused rows: one whose topic Kafka cannot have, that is larger than `max_message`, or that the broker refuses as too
//   large or invalid. A broker refuses whole batches of records, so the rows of such a batch are sent again behind the
//   others, each alone. Where all rows of a window, of several series, are refused, they wait instead. An exactly-once
//   delivery is aborted for each refusal and sent again without the row; after 16 it waits.
// Other errors: RetryAfter; a topic that does not exist, a password, a certificate, a permission need a person.
// Contract: sinks/sink.h. `deliver` blocks for as long as brokers go on confirming, and 20 s after they stop.
// Thread:  the worker's; the library's threads only fill its queue.
// Limit:   KafkaSinkOptions, kafka_producer.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sinks/kafka_options.h"
#include "sinks/sink.h"

namespace edgetide {

inline SinkTraits kafka_traits(const KafkaSinkOptions& options) {
  return {.kind = SinkKind::stream,
          .delivery = options.exactly_once ? DeliveryGuarantee::exactly_once : DeliveryGuarantee::at_least_once};
}

// Why no broker can be used now, or a topic that all rows of a window go to cannot; empty: nothing is wrong.
// Blocks: as connecting does.
std::string kafka_fault(const KafkaSinkOptions& options, const std::string& gateway,
                        const std::vector<WindowSchema>& inputs);

std::unique_ptr<Sink> make_kafka_sink(KafkaSinkOptions options, SinkIdentity identity,
                                      std::vector<WindowSchema> inputs);

}  // namespace edgetide
