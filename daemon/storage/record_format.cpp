#include "daemon/storage/record_format.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "daemon/storage/crc32c.h"
#include "pipeline/little_endian.h"

namespace edgetide {

namespace {

// Offsets. All versions of the format keep magic, version and checksum here.
constexpr std::size_t version_at = 8, kind_at = 10, incarnation_at = 16, first_record_at = 24, header_checksum_at = 32;
constexpr std::size_t type_at = 4, number_at = 5, checksum_at = 8;

}  // namespace

std::array<char, segment_header_bytes> encode(const SegmentHeader& header) noexcept {
  std::array<char, segment_header_bytes> bytes{};
  std::copy(segment_magic.begin(), segment_magic.end(), bytes.begin());
  store_little_endian(header.version, &bytes[version_at], 2);
  store_little_endian(static_cast<std::uint8_t>(header.kind), &bytes[kind_at], 1);
  store_little_endian(header.incarnation, &bytes[incarnation_at], 8);
  store_little_endian(header.first_record, &bytes[first_record_at], 8);
  store_little_endian(crc32c({bytes.data(), header_checksum_at}), &bytes[header_checksum_at], 4);
  return bytes;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) noexcept {
  if (bytes.size() < segment_header_bytes || !bytes.starts_with(segment_magic)) return std::nullopt;
  if (load_little_endian(bytes.data() + header_checksum_at, 4) != crc32c(bytes.substr(0, header_checksum_at)))
    return std::nullopt;
  return SegmentHeader{static_cast<std::uint16_t>(load_little_endian(bytes.data() + version_at, 2)),
                       static_cast<LogKind>(load_little_endian(bytes.data() + kind_at, 1)),
                       load_little_endian(bytes.data() + incarnation_at, 8),
                       load_little_endian(bytes.data() + first_record_at, 8)};
}

void seal_record(std::string& buffer, std::size_t record, std::uint8_t type, std::uint64_t number) noexcept {
  const std::size_t payload_bytes = buffer.size() - record - record_head_bytes;
  assert(payload_bytes <= std::numeric_limits<std::uint32_t>::max());
  char* const head = &buffer[record];
  store_little_endian(payload_bytes, head, 4);
  store_little_endian(type, head + type_at, 1);
  store_little_endian(number, head + number_at, checksum_at - number_at);
  const std::string_view payload = std::string_view(buffer).substr(record + record_head_bytes);
  store_little_endian(checksum_of(number, {head, record_head_bytes}, payload), head + checksum_at, 4);
}

RecordHead decode_record_head(std::string_view bytes) noexcept {
  return {static_cast<std::uint32_t>(load_little_endian(bytes.data(), 4)),
          static_cast<std::uint8_t>(load_little_endian(bytes.data() + type_at, 1)),
          static_cast<std::uint32_t>(load_little_endian(bytes.data() + number_at, checksum_at - number_at)),
          static_cast<std::uint32_t>(load_little_endian(bytes.data() + checksum_at, 4))};
}

std::uint32_t checksum_before_payload(std::uint64_t number, std::string_view head) noexcept {
  std::array<char, 8> whole_number{};
  store_little_endian(number, whole_number.data(), whole_number.size());
  return crc32c(head.substr(0, checksum_at), crc32c({whole_number.data(), whole_number.size()}));
}

std::uint32_t checksum_of(std::uint64_t number, std::string_view head, std::string_view payload) noexcept {
  return crc32c(payload, checksum_before_payload(number, head));
}

}  // namespace edgetide
