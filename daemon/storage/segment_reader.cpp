#include "daemon/storage/segment_reader.h"

namespace edgetide {

std::optional<Record> SegmentReader::next(std::uint64_t expected) {
  const std::optional<Record> record = record_at(offset_, expected);
  return record ? record : find_whole(expected);
}

// The record that begins at `offset`, at or behind offset_. Between the two there is room for so many lost ones only.
std::optional<Record> SegmentReader::record_at(std::uint64_t offset, std::uint64_t expected) {
  const std::string_view bytes = window_.view(offset, record_head_bytes);
  if (bytes.size() < record_head_bytes) return std::nullopt;
  const RecordHead head = decode_record_head(bytes);
  const std::uint64_t lost_most = (offset - offset_) / record_head_bytes;
  const std::uint64_t number = head.number_from(expected);
  if (number - expected > lost_most) return std::nullopt;
  if (head.payload_bytes > window_.size() - offset - record_head_bytes) return std::nullopt;
  const std::string_view whole = window_.view(offset, record_head_bytes + head.payload_bytes);
  if (whole.size() < record_head_bytes + head.payload_bytes) return std::nullopt;
  const std::string_view payload = whole.substr(record_head_bytes);
  if (checksum_of(number, whole.substr(0, record_head_bytes), payload) != head.checksum) return std::nullopt;
  offset_ = offset + whole.size();
  return Record{head.type, number, payload};
}

std::optional<Record> SegmentReader::find_whole(std::uint64_t expected) {
  std::uint64_t written = offset_;  // behind the last byte that is not zero
  for (std::uint64_t offset = offset_; offset < window_.size(); ++offset) {
    if (const std::optional<Record> record = record_at(offset, expected)) return record;
    const std::string_view byte = window_.view(offset, 1);
    if (byte.empty()) break;  // cannot be read
    if (byte[0] != 0) written = offset + 1;
  }
  torn_bytes_ = written - offset_;
  return std::nullopt;
}

}  // namespace edgetide
