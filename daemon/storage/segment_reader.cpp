#include "daemon/storage/segment_reader.h"

#include <algorithm>
#include <utility>

namespace edgetide {

namespace {
constexpr std::size_t block_bytes = 64 * 1024;
}

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
  const std::uint64_t room = window_.size() - offset - record_head_bytes;
  if (head.payload_bytes > std::min<std::uint64_t>(room, max_payload_bytes_read)) return std::nullopt;
  const std::string_view whole = window_.view(offset, record_head_bytes + head.payload_bytes);
  if (whole.size() < record_head_bytes + head.payload_bytes) return std::nullopt;
  const std::string_view payload = whole.substr(record_head_bytes);
  if (checksum_of(number, whole.substr(0, record_head_bytes), payload) != head.checksum) return std::nullopt;
  offset_ = offset + whole.size();
  return Record{head.type, number, payload};
}

// What does not fit now never fits later: expected_ rises by no more than what the bytes in between have room for. So
// each place is looked at once.
std::optional<Record> SegmentReader::find_whole(std::uint64_t expected) {
  while (true) {
    for (; next_found_ < found_.size(); ++next_found_) {
      const FoundRecord& found = found_[next_found_];
      if (found.offset < offset_ || found.number < expected) continue;
      if (const std::optional<Record> record = record_at(found.offset, expected)) return record;
    }
    if (!written_to_) find_end();
    const std::uint64_t from = std::max(searched_to_, offset_);
    if (from >= *written_to_ || window_.has_ended()) break;
    RecordSearch::Result result = RecordSearch::search(window_, offset_, expected, from);
    found_ = std::move(result.records);
    next_found_ = 0;
    searched_to_ = result.end;
  }
  torn_bytes_ = std::max(*written_to_, offset_) - offset_;
  return std::nullopt;
}

// A file that was preallocated ends with zeros: there is no record among them, and most starts meet them.
void SegmentReader::find_end() {
  written_to_ = offset_;
  for (std::uint64_t at = offset_; at < window_.size();) {
    const std::string_view block = window_.view(at, block_bytes);
    if (block.empty()) break;  // cannot be read
    const std::size_t last = block.find_last_not_of('\0');
    if (last != block.npos) written_to_ = at + last + 1;
    at += block.size();
  }
}

}  // namespace edgetide
