#include "daemon/sources/kafka_position.h"

#include "pipeline/bytes.h"
#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

constexpr std::string_view note_prefix = "edgetide:";

template <class Number>
std::optional<Number> number_from_0(std::string_view text) {
  const auto number = whole_number<Number>(text);
  return number && *number >= 0 ? number : std::nullopt;
}

}  // namespace

std::string to_text(const KafkaPartition& partition) {
  return partition.topic + ':' + std::to_string(partition.number);
}

std::optional<KafkaPartition> parse_kafka_partition(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const auto number = number_from_0<std::int32_t>(text.substr(colon + 1));
  if (!number) return std::nullopt;
  return KafkaPartition{std::string(text.substr(0, colon)), *number};
}

std::optional<KafkaOffset> parse_kafka_offset(std::string_view text) {
  const std::size_t at = text.find('@');
  const auto partition = parse_kafka_partition(text.substr(0, at));
  if (!partition) return std::nullopt;
  if (at == std::string_view::npos) return KafkaOffset{*partition};
  const auto offset = number_from_0<std::int64_t>(text.substr(at + 1));
  if (!offset) return std::nullopt;
  return KafkaOffset{*partition, *offset};
}

std::string kafka_position_bytes(std::int64_t offset) {
  std::string bytes;
  ByteWriter(bytes).i64(offset);
  return bytes;
}

std::optional<std::int64_t> parse_kafka_position(std::string_view bytes) {
  ByteReader in(bytes);
  const std::int64_t offset = in.i64();
  if (!in.ok() || !in.at_end() || offset < 0) return std::nullopt;
  return offset;
}

std::string kafka_note(std::string_view client_id) {
  return std::string(note_prefix) + std::string(client_id);
}

std::int64_t resume_offset(std::int64_t own, const KafkaOffset& of_group, std::string_view own_note) noexcept {
  if (own < 0) return of_group.offset < 0 ? no_kafka_offset : of_group.offset;
  const bool of_another = of_group.note.starts_with(note_prefix) && of_group.note != own_note;
  return of_another && of_group.offset > own ? of_group.offset : own;
}

}  // namespace edgetide
