// The bytes of a record log: the header of a segment, the head of a record. Little-endian; FORMAT.md has the page.
//
// Thread: pure. Fails: an incomplete header is reported as such; nothing is trusted before its checksum is verified.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

// What a log holds. A segment of another kind is not read.
enum class LogKind : std::uint8_t { journal = 1, outbox = 2, quarantine = 3 };

inline constexpr std::string_view segment_magic = "EdgeLog\n";
// Of the quarantine: 2 has messages, and reads 1 as it is.
constexpr std::uint16_t segment_version(LogKind kind) noexcept {
  return kind == LogKind::quarantine ? 2 : 1;
}
inline constexpr std::size_t segment_header_bytes = 36;
inline constexpr std::size_t record_head_bytes = 12;
// Of a record without payload at the end of a full segment, under the number of the first record of the next one.
inline constexpr std::uint8_t next_segment_type = 255;
// A longer one is not believed: no memory is taken for what a damaged length says.
inline constexpr std::uint32_t max_payload_bytes_read = 256 * 1024 * 1024;

struct SegmentHeader {
  std::uint16_t version = 1;
  LogKind kind{};
  std::uint64_t incarnation = 0;   // identifies the writer, to distinguish two writers of a log
  std::uint64_t first_record = 0;  // the number its records begin with
};

std::array<char, segment_header_bytes> encode(const SegmentHeader& header) noexcept;
// Nothing if magic or checksum are wrong. A newer version is returned as it is.
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) noexcept;

struct RecordHead {
  std::uint32_t payload_bytes = 0;
  std::uint8_t type = 0;
  std::uint32_t number_end = 0;  // the lowest 24 bits of the record's number
  std::uint32_t checksum = 0;    // of the whole number, of the three before and of the payload

  // The first number from `expected` on that ends so.
  std::uint64_t number_from(std::uint64_t expected) const noexcept {
    return expected + ((number_end - expected) & 0xFF'FFFF);
  }
};

// Writes the head of a record, with its checksum, into the record_head_bytes before its payload. `record` is both.
// Requires: a payload below 4 GiB.
void seal_record(std::string& buffer, std::size_t record, std::uint8_t type, std::uint64_t number) noexcept;

// Requires: record_head_bytes.
RecordHead decode_record_head(std::string_view bytes) noexcept;
std::uint32_t checksum_of(std::uint64_t number, std::string_view head, std::string_view payload) noexcept;
// The part of it that does not need the payload.
std::uint32_t checksum_before_payload(std::uint64_t number, std::string_view head) noexcept;

}  // namespace edgetide
