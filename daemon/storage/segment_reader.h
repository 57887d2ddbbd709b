// The records of one segment file, which may be damaged.
//
// A record is valid if it is complete, its checksum matches and its number is plausible. After an invalid record the
// reader searches byte by byte for the next valid one (record_search.h); the numbers show how many were lost.
//
// Owns:   the file. A payload lives until the next call.
// Thread: one owner at a time. Fails: `end` returns how the segment ended.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "daemon/storage/file_window.h"
#include "daemon/storage/record_format.h"
#include "daemon/storage/record_search.h"

namespace edgetide {

struct Record {
  std::uint8_t type = 0;
  std::uint64_t number = 0;
  std::string_view payload;
};

class SegmentReader {
 public:
  explicit SegmentReader(std::unique_ptr<File> file) : window_(std::move(file)) {}

  // Nothing if it is damaged, or not there yet. Requires: before `next`.
  std::optional<SegmentHeader> header() { return decode_segment_header(window_.view(0, segment_header_bytes)); }
  bool has_magic() { return window_.view(0, segment_magic.size()) == segment_magic; }

  // The next whole record. Its number is `expected`, or greater if records before it are damaged.
  std::optional<Record> next(std::uint64_t expected);

  // Behind the last whole record.
  std::uint64_t offset() const noexcept { return offset_; }
  // After the end: bytes behind the last whole record that are no record, zeros at the end of the file left out.
  std::uint64_t torn_bytes() const noexcept { return torn_bytes_; }
  // Set if the disk could not read all of it.
  std::error_code error() const noexcept { return window_.error(); }
  // The same, of what is behind the last whole record.
  bool is_end_unreadable() const noexcept { return window_.is_unreadable_from(offset_); }

 private:
  std::optional<Record> record_at(std::uint64_t offset, std::uint64_t expected);
  std::optional<Record> find_whole(std::uint64_t expected);
  void find_end();

  FileWindow window_;
  std::uint64_t offset_ = segment_header_bytes;
  std::uint64_t torn_bytes_ = 0;
  std::optional<std::uint64_t> written_to_;  // behind the last byte that is not zero, once it was looked for
  // Of searches: what may be the next record, and how far the file was searched.
  std::vector<FoundRecord> found_;
  std::size_t next_found_ = 0;
  std::uint64_t searched_to_ = 0;
};

}  // namespace edgetide
