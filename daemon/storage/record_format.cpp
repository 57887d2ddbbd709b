#include "daemon/storage/record_format.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "daemon/storage/crc32c.h"

namespace edgetide {

namespace {

// Offsets. All versions of the format keep magic, version and checksum here.
constexpr std::size_t version_at = 8, kind_at = 10, incarnation_at = 16, first_record_at = 24, header_checksum_at = 32;
constexpr std::size_t type_at = 4, number_at = 5, checksum_at = 8;

void put(char* to, std::uint64_t value, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

std::uint64_t get(std::string_view bytes, std::size_t at, std::size_t count) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

}  // namespace

std::array<char, segment_header_bytes> encode(const SegmentHeader& header) noexcept {
  std::array<char, segment_header_bytes> bytes{};
  std::copy(segment_magic.begin(), segment_magic.end(), bytes.begin());
  put(&bytes[version_at], header.version, 2);
  put(&bytes[kind_at], static_cast<std::uint8_t>(header.kind), 1);
  put(&bytes[incarnation_at], header.incarnation, 8);
  put(&bytes[first_record_at], header.first_record, 8);
  put(&bytes[header_checksum_at], crc32c({bytes.data(), header_checksum_at}), 4);
  return bytes;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) noexcept {
  if (bytes.size() < segment_header_bytes || !bytes.starts_with(segment_magic)) return std::nullopt;
  if (get(bytes, header_checksum_at, 4) != crc32c(bytes.substr(0, header_checksum_at))) return std::nullopt;
  return SegmentHeader{static_cast<std::uint16_t>(get(bytes, version_at, 2)),
                       static_cast<LogKind>(get(bytes, kind_at, 1)), get(bytes, incarnation_at, 8),
                       get(bytes, first_record_at, 8)};
}

void seal_record(std::string& buffer, std::size_t record, std::uint8_t type, std::uint64_t number) noexcept {
  const std::size_t payload_bytes = buffer.size() - record - record_head_bytes;
  assert(payload_bytes <= std::numeric_limits<std::uint32_t>::max());
  char* const head = &buffer[record];
  put(head, payload_bytes, 4);
  put(head + type_at, type, 1);
  put(head + number_at, number, checksum_at - number_at);
  const std::string_view payload = std::string_view(buffer).substr(record + record_head_bytes);
  put(head + checksum_at, checksum_of(number, {head, record_head_bytes}, payload), 4);
}

RecordHead decode_record_head(std::string_view bytes) noexcept {
  return {static_cast<std::uint32_t>(get(bytes, 0, 4)), static_cast<std::uint8_t>(get(bytes, type_at, 1)),
          static_cast<std::uint32_t>(get(bytes, number_at, checksum_at - number_at)),
          static_cast<std::uint32_t>(get(bytes, checksum_at, 4))};
}

std::uint32_t checksum_before_payload(std::uint64_t number, std::string_view head) noexcept {
  std::array<char, 8> whole_number{};
  put(whole_number.data(), number, whole_number.size());
  return crc32c(head.substr(0, checksum_at), crc32c({whole_number.data(), whole_number.size()}));
}

std::uint32_t checksum_of(std::uint64_t number, std::string_view head, std::string_view payload) noexcept {
  return crc32c(payload, checksum_before_payload(number, head));
}

}  // namespace edgetide
