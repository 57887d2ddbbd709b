// What the journal and the group know of a partition of Kafka, and where reading goes on.
//
// The journal has the offset behind the last record that was taken: it is in the record of the batch, so that what is
// counted and what is read again never overlap. The group's offset is written after that, for tools that show the lag,
// and for another gateway that gets the partition. Each offset in the group has a note that says which gateway wrote
// it:
//
//   the journal has   the group has           reading goes on at
//   -                 -                       `start`; a partition that was added to a known topic: its beginning
//   -                 any                     the group's
//   N                 none, or any <= N       N
//   N                 > N, of a gateway       the group's: the other one had the partition meanwhile and counted
//                     with another id         what is between
//   N                 > N, of this gateway    N: the state was lost since and what is between is not in it
//   N                 > N, without our note   N: what tools set is not followed
//
// Thread: pure. Fails: never.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/sources/kafka_options.h"

namespace edgetide {

// "topic:3", the name of the partition in the journal; nothing for another text.
std::string to_text(const KafkaPartition& partition);
std::optional<KafkaPartition> parse_kafka_partition(std::string_view text);

// "topic:3" or "topic:3@1500", as `assign` has them.
std::optional<KafkaOffset> parse_kafka_offset(std::string_view text);

// 8 bytes, little-endian.
std::string kafka_position_bytes(std::int64_t offset);
std::optional<std::int64_t> parse_kafka_position(std::string_view bytes);

std::string kafka_note(std::string_view client_id);

// `own` and the group's: no_kafka_offset where there is none, and so is the answer.
std::int64_t resume_offset(std::int64_t own, const KafkaOffset& of_group, std::string_view own_note) noexcept;

}  // namespace edgetide
